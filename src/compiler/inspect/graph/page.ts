/** The drawing of an entry as one HTML page that needs nothing else: it folds, searches, and tells of each block. */
import { Lines } from '../../base/source.ts';
import type { Graph } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import { parameterElements, type Block } from '../blocks.ts';
import { formatBytes, formatCount, formatExact, formatShape, formatSize, type DimValues } from '../quantities.ts';
import { draw, DRAWING, escapeMarkup } from './draw.ts';
import type { Drawing } from './layout.ts';
import type { Level } from './level.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { place, PLACING } from './place.ts';
import { ARROW, colourVariables, MONO, SANS, styleSheet } from './svg.ts';

/** What the page tells of a block. */
export interface BlockInfo {
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly doc: string;
  readonly tables: readonly (readonly [heading: string, rows: readonly (readonly string[])[]])[];
  /** Where the block is applied, and that line. */
  readonly place: string;
  readonly line: string;
  readonly foldable: boolean;
  /** What a search may find it by, in small letters. */
  readonly words: readonly string[];
}

export function printPage(
  { level, blocks }: Drawing,
  root: Block,
  graph: Graph,
  dims: DimValues,
  isOpen: (id: string) => boolean,
): string {
  const foldable = foldableIn(level);
  const infos = [
    infoOf('', root, false, dims),
    ...[...blocks].map(([id, block]) => infoOf(id, block, foldable.has(id), dims)),
  ];
  const data = { level, infos, open: [...foldable].filter(isOpen) };
  const title = escapeMarkup(graph.name);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
${colourVariables()}
${styleSheet()}
${PAGE_STYLE}
</style>
<header><h1>${title}</h1><input id="search" type="search" placeholder="Search blocks and parameters ( / )" aria-label="Search">
<button id="all">Unfold all</button><button id="none">Fold all</button></header>
<main><div id="view"><svg id="picture" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${title}">${ARROW}<g id="canvas"></g></svg></div>
<aside><div id="results"></div><div id="panel"></div></aside></main>
<script type="application/json" id="drawing">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script>
${pageScript()}
</script>
</html>
`;
}

/** The functions that place and draw, by whatever names they have come to bear, and what uses them. */
export function pageScript(): string {
  const functions = [...PLACING, ...DRAWING].map(String).join('\n');
  const names = `const placeLevel = ${place.name};\nconst drawPlaced = ${draw.name};`;
  return `'use strict';\n${functions}\n${names}\n${PAGE_SCRIPT}`;
}

function foldableIn(level: Level): ReadonlySet<string> {
  return new Set(level.nodes.flatMap(({ id, inside }) => (inside ? [id, ...foldableIn(inside)] : [])));
}

function infoOf(id: string, block: Block, foldable: boolean, dims: DimValues): BlockInfo {
  const { kind, name, path, doc, copies, isChain, hyperparameters, costs, span } = block;
  const lines = new Lines(span.source.text);
  const { line } = lines.positionAt(span.start);
  const parameters = block.parameters.map(({ name: parameter, value }) => [
    parameter.slice(parameter.lastIndexOf('.') + 1),
    printType(value.type),
    formatExact(parameterElements({ name: parameter, value, origin: { path } })),
  ]);
  const types = (values: Block['inputs']): string[][] =>
    values.slice(0, 8).map(({ type }) => [type.dtype + formatShape(type.shape, dims)]);
  const title = kind === 'round' ? name || 'for' : name;
  return {
    id,
    title: copies > 1 ? `${title} ×${copies}` : title,
    path: `${path}${copies > 1 ? (isChain ? ', one after the other' : ', side by side') : ''}`,
    doc,
    tables: [
      ['Hyperparameters', [...hyperparameters]],
      ['Inputs', types(block.first.inputs)],
      ['Outputs', types(block.first.outputs)],
      ['Parameters', parameters],
      [
        'In all',
        [
          ['parameters', formatExact(costs.parameters)],
          ['multiply-adds', formatSize(costs.multiplyAdds, formatCount, dims)],
          ['activations', formatSize(costs.activations, formatBytes, dims)],
        ],
      ],
    ],
    place: `${span.source.path}:${line}`,
    line: lines.line(line).trim(),
    foldable,
    words: wordsOf(block),
  };
}

/** What a block is found by: its name and path and those of its parameters, with `#` for the number of a layer too. */
function wordsOf({ name, path, parameters }: Block): string[] {
  const words = [name, path, ...parameters.map((parameter) => parameter.name)];
  const numbered = words.map((word) => word.replace(/\.(\d+|\{(?:\d+\.\.\d+|i)\})(?=\.|$)/g, '.#'));
  return [...new Set([...words, ...numbered])].map((word) => word.toLowerCase());
}

const PAGE_STYLE = `*{box-sizing:border-box}body{margin:0;height:100vh;display:flex;flex-direction:column;background:var(--paper);color:var(--ink);font:14px/1.45 ${SANS}}
header{display:flex;gap:10px;align-items:center;padding:8px 16px;border-bottom:1px solid var(--frame)}
h1{font-size:16px;margin:0 8px 0 0}h2{font-size:16px;margin:0}h3{font-size:12px;margin:16px 0 4px;color:var(--soft)}
input{flex:0 1 320px;padding:5px 9px;font:inherit;color:inherit;background:var(--plain);border:1px solid var(--frame);border-radius:6px}
button{font:inherit;color:inherit;background:var(--plain);border:1px solid var(--frame);border-radius:6px;padding:4px 10px;cursor:pointer}
main{flex:1;display:flex;min-height:0}#view{flex:1;overflow:auto;padding:8px}svg{display:block;margin:0 auto}
aside{width:330px;overflow:auto;border-left:1px solid var(--frame);padding:14px 16px}
.path,.doc,td,th{overflow-wrap:anywhere}.path{font-family:${MONO};font-size:12px;color:var(--soft);margin:2px 0 8px}.doc{white-space:pre-line}
table{border-collapse:collapse;font-size:12px;width:100%}th,td{text-align:left;vertical-align:top;padding:2px 10px 2px 0;font-weight:400}
table,pre{font-family:${MONO}}pre{font-size:12px;white-space:pre-wrap;background:var(--level);padding:8px;border-radius:6px;margin:0}
#results button{display:block;width:100%;text-align:left;margin-bottom:4px;font-size:12px;overflow-wrap:anywhere}
.node{cursor:pointer}.fold{display:inline;cursor:pointer}.fold circle{fill:var(--plain);stroke:var(--soft)}.fold text{font-size:12px;fill:var(--soft)}
.hit>.frame{stroke:var(--hit);stroke-width:2.2}.selected>.frame{stroke:var(--hit);stroke-width:2.6}
@media(max-width:760px){main{flex-direction:column}aside{width:auto;max-height:40%;border-left:0;border-top:1px solid var(--frame)}}`;
