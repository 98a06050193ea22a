/** A profile as one HTML page that needs nothing else: a flame chart of the spec's blocks, and a table of the kernels. */
import { escapeMarkup } from '../graph/draw.ts';
import { colourVariables, MONO, SANS, toneVariables } from '../graph/svg.ts';
import { FLAME_SCRIPT } from './page-script.ts';
import { blockTimes, mergedRows, sumRows, type BlockTime, type ProfileReport, type ProfileRow } from './report.ts';
import { ceilingText, formatTime, percent, rate, summaryCells } from './table.ts';

/** A block, or at the ends of the tree a kernel, as the page's script draws it. */
export interface Frame {
  readonly name: string;
  readonly seconds: number;
  /** The part of the ceiling that it reaches, where that is known. */
  readonly ceiling?: number;
  /** Of a kernel, the number of its tone. */
  readonly tone?: number;
  /** What is told of it, as names and values. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly inside: readonly Frame[];
}

/** Tones that kernels are told apart by; the last stands for all further kinds. */
const TONES = 6;

export function printFlame(report: ProfileReport): string {
  const root = blockTimes(report);
  const kinds = kindsOf(report.steps);
  const title = escapeMarkup(report.name);
  const data = { root: frameOf(root, root.seconds, kinds), kinds };
  const summary = summaryCells(report).map(
    ([name, value]) => `<dt>${escapeMarkup(name!)}</dt><dd>${escapeMarkup(value!)}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: profile</title>
<style>
${colourVariables()}
${toneVariables()}
${PAGE_STYLE}
</style>
<header><h1>${title}</h1><dl>${summary.join('')}</dl></header>
<main>
<section aria-label="Flame chart">
<div id="bar"><fieldset><legend>Colour</legend><label><input type="radio" name="colour" value="ceiling" checked> part of the ceiling</label>
<label><input type="radio" name="colour" value="kind"> kind of kernel</label></fieldset><div id="key"></div><button id="out" disabled>Zoom out</button></div>
<div id="flame" role="tree" aria-label="Blocks and kernels by time"></div>
<div id="facts" aria-live="polite"></div>
<p class="hint">Click or Enter zooms in, Escape zooms out; the arrow keys move along and between the levels.</p>
</section>
<section><h2>Kernels</h2><div id="rows">${tableOf(report)}</div></section>
</main>
<script type="application/json" id="profile">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script>
'use strict';
${FLAME_SCRIPT}
</script>
</html>
`;
}

/** The kinds of kernels, the dearest first, each with its seconds. */
function kindsOf(steps: readonly ProfileRow[]): { readonly name: string; readonly seconds: number }[] {
  const sums = new Map<string, number>();
  for (const step of steps) sums.set(kindOf(step), (sums.get(kindOf(step)) ?? 0) + step.time.least);
  const kinds = [...sums].map(([name, seconds]) => ({ name, seconds })).toSorted((a, b) => b.seconds - a.seconds);
  if (kinds.length <= TONES) return kinds;
  const others = kinds.slice(TONES - 1).reduce((sum, { seconds }) => sum + seconds, 0);
  return [...kinds.slice(0, TONES - 1), { name: 'others', seconds: others }];
}

/** Names of kernels go on with what they are for: `product_rows`. */
function kindOf({ kernel }: ProfileRow): string {
  return kernel.split('_')[0]!;
}

function frameOf(block: BlockTime, total: number, kinds: readonly { readonly name: string }[]): Frame {
  const inside = [
    ...block.blocks.map((inner) => ({ first: firstStep(inner), frame: frameOf(inner, total, kinds) })),
    ...block.steps.map((step) => ({ first: step.steps[0]!, frame: kernelFrame(step, total, kinds) })),
  ];
  return {
    name: block.name,
    seconds: block.seconds,
    ...ceilingOf(block.ideal, block.seconds),
    facts: [
      ['block', block.path === '' ? block.name : block.path],
      ...timeFacts(block.seconds, total),
      ...(block.ideal === undefined ? [] : [['of the ceilings', percent(block.ideal / block.seconds)] as const]),
    ],
    inside: inside.toSorted((a, b) => a.first - b.first).map(({ frame }) => frame),
  };
}

function firstStep({ blocks, steps }: BlockTime): number {
  return Math.min(...steps.flatMap((row) => row.steps), ...blocks.map(firstStep));
}

function kernelFrame(row: ProfileRow, total: number, kinds: readonly { readonly name: string }[]): Frame {
  const { kernel, path, place, ops, time, operations, bytes, ideal } = row;
  const tone = kinds.findIndex(({ name }) => name === kindOf(row));
  const facts: [string, string][] = [
    ['kernel', `${kernel}, step ${row.steps.join()}`],
    ['block', path === '' ? '(entry)' : path],
    ...(place === '' ? [] : [['line', place] satisfies [string, string]]),
    ...timeFacts(time.least, total),
    ['median', formatTime(time.median)],
  ];
  if (operations !== undefined) facts.push(['GFLOP/s', rate(operations / time.least)]);
  if (bytes !== undefined) facts.push(['GB/s', rate(bytes / time.least)]);
  if (ideal !== undefined) facts.push(['of the ceiling', ceilingText(row)]);
  if (ops.length > 0) facts.push(['computes', ops.join(', ')]);
  return {
    name: kernel,
    seconds: time.least,
    ...ceilingOf(ideal, time.least),
    tone: tone < 0 ? kinds.length - 1 : tone,
    facts,
    inside: [],
  };
}

function ceilingOf(ideal: number | undefined, seconds: number): { ceiling?: number } {
  return ideal === undefined || seconds === 0 ? {} : { ceiling: ideal / seconds };
}

function timeFacts(seconds: number, total: number): [string, string][] {
  return [
    ['time', formatTime(seconds)],
    ['share', percent(seconds / total)],
  ];
}

const COLUMNS = ['time', 'share', 'kernel', 'GFLOP/s', 'GB/s', 'ceiling', 'block', 'line', 'computes'] as const;
/** Columns of numbers. */
const NUMBERS = new Set<string>(['time', 'share', 'GFLOP/s', 'GB/s', 'ceiling']);

function tableOf({ steps }: ProfileReport): string {
  const total = sumRows(steps).time.least;
  const rows = mergedRows(steps).map((row) => {
    const { kernel, path, place, ops, time, operations, bytes } = row;
    return [
      formatTime(time.least),
      percent(time.least / total),
      row.steps.length > 1 ? `${kernel} ×${row.steps.length}` : kernel,
      operations === undefined ? '' : rate(operations / time.least),
      bytes === undefined ? '' : rate(bytes / time.least),
      ceilingText(row),
      path === '' ? '(entry)' : path,
      place,
      ops.join(', '),
    ];
  });
  const cell = (text: string, at: number): string => {
    const tag = NUMBERS.has(COLUMNS[at]!) ? '<td class="number">' : '<td>';
    return `${tag}${escapeMarkup(text)}</td>`;
  };
  const head = COLUMNS.map((name) => `<th scope="col"${NUMBERS.has(name) ? ' class="number"' : ''}>${name}</th>`);
  const body = rows.map((cells) => `<tr>${cells.map(cell).join('')}</tr>`);
  return `<table><thead><tr>${head.join('')}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table>`;
}

const PAGE_STYLE = `:root{--far:#f29d72;--middle:#f5e6ae;--near:#9bd6c6}
@media(prefers-color-scheme:dark){:root{--far:#96481d;--middle:#62531c;--near:#1a6257}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 ${SANS}}
header{padding:14px 20px 4px}main{padding:0 20px 24px}h1{font-size:18px;margin:0 0 6px}h2{font-size:15px;margin:22px 0 8px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:0;font-size:13px}dt{color:var(--soft)}dd{margin:0}
#bar{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;margin:14px 0 8px;font-size:13px}
fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center}legend{float:left;padding:0;margin-right:10px;color:var(--soft)}
label{display:flex;gap:4px;align-items:center;cursor:pointer}input{margin:0;accent-color:var(--hit)}
#key{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;font-size:12px}
.swatch{display:inline-block;width:12px;height:12px;border-radius:3px;border:1px solid var(--frame);margin-right:5px;vertical-align:-1px}
.scale{display:inline-block;width:120px;height:12px;border-radius:3px;border:1px solid var(--frame);margin:0 6px;vertical-align:-1px;background:linear-gradient(90deg,var(--far),var(--middle),var(--near))}
#bar button{margin-left:auto;font:inherit;color:inherit;background:var(--plain);border:1px solid var(--frame);border-radius:6px;padding:3px 10px;cursor:pointer}
#bar button:disabled{color:var(--soft);opacity:.6;cursor:default}
#flame{position:relative;overflow:hidden;border-radius:6px}
.frame{position:absolute;height:27px;padding:0 6px;border:1px solid var(--paper);border-width:0 1px 1px 0;border-radius:4px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;
font:12px/26px ${SANS};text-align:left;color:var(--ink);background:var(--fill,var(--level));cursor:pointer;transition:left .2s,width .2s}
.frame.kernel{font-family:${MONO};font-size:11px}.frame.thin{padding:0;color:transparent}.frame.around{opacity:.65}
.frame:hover{filter:brightness(1.06) saturate(1.2)}.frame:focus-visible,.frame.told{outline:2px solid var(--hit);outline-offset:-2px}
#facts{min-height:66px;margin-top:10px;padding:8px 12px;background:var(--level);border-radius:6px;display:flex;flex-wrap:wrap;gap:2px 20px;font-size:13px;align-content:flex-start}
#facts span{overflow-wrap:anywhere}#facts b{font-weight:400;color:var(--soft);margin-right:6px}.hint{margin:6px 0 0;font-size:12px;color:var(--soft)}
#rows{overflow-x:auto}table{border-collapse:collapse;font:12px/1.5 ${MONO};width:100%}
th,td{text-align:left;vertical-align:top;padding:3px 14px 3px 0;white-space:nowrap;border-bottom:1px solid var(--level)}th{color:var(--soft);font-weight:400}
td:last-child{white-space:normal;min-width:220px;padding-right:0}.number{text-align:right}
@media(max-width:700px){header,main{padding-left:12px;padding-right:12px}}
@media(prefers-reduced-motion:reduce){.frame{transition:none}}`;
