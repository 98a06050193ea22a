/** Diagnostics as a terminal shows them. Knows nothing of where they come from. */
import colors from 'picocolors';
import { printable } from './columns.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { FrameLabel, Paint } from './frame.ts';
import { frame, SourceView } from './frame.ts';
import type { Source } from './source.ts';

/** The sources of several diagnostics, each prepared for showing when it is first needed. */
export type SourceViews = Map<Source, SourceView>;

export interface RenderOptions {
  readonly color: boolean;
  /** Whoever renders many diagnostics gives each call the same map, so that a long source is prepared only once. */
  readonly views?: SourceViews;
}

/** One diagnostic with its code frames, notes and hint, without a line break at the end. */
export function renderDiagnostic(item: Diagnostic, options: RenderOptions): string {
  const color = colors.createColors(options.color);
  const accent = item.severity === 'error' ? color.red : color.yellow;
  const paint: Paint = { gutter: color.blue, primary: accent, secondary: color.blue };
  const views = options.views ?? new Map<Source, SourceView>();
  const blocks = bySource(item).map((labels) => ({ labels, view: viewOf(labels[0]!.span.source, views) }));
  const lastLines = blocks.flatMap(({ labels, view }) => labels.map(({ span }) => view.positionAt(span.end).line));
  const width = Math.max(1, ...lastLines.map((line) => String(line).length));
  const margin = ' '.repeat(width);

  const [headline = '', ...more] = printable(item.message).split('\n');
  const rows = [`${color.bold(accent(`${item.severity}[${item.code}]`))}${color.bold(`: ${headline}`)}`];
  rows.push(...more.map((line) => `  ${line}`));
  for (const { labels, view } of blocks) {
    // The primary label comes first; in other files the first one names the place.
    const { source, start } = labels[0]!.span;
    const { line, column } = view.positionAt(start);
    rows.push(`${margin} ${color.blue('┌─')} ${printable(source.path)}:${line}:${column}`);
    rows.push(...frame(view, labels, width, paint));
  }
  const remark = (text: string): void => {
    const [first, ...rest] = printable(text).split('\n');
    rows.push(`${margin} ${color.blue('=')} ${first}`, ...rest.map((line) => `${margin}   ${line}`));
  };
  item.notes.forEach(remark);
  if (item.hint !== undefined) remark(`hint: ${item.hint}`);
  return rows.join('\n');
}

function viewOf(source: Source, views: SourceViews): SourceView {
  const known = views.get(source);
  if (known) return known;
  const view = new SourceView(source.text);
  views.set(source, view);
  return view;
}

/** The labels of each source, the primary label's source first. */
function bySource(item: Diagnostic): FrameLabel[][] {
  const labels: FrameLabel[] = [
    ...(item.primary ? [{ ...item.primary, primary: true }] : []),
    ...item.secondary.map((label) => ({ ...label, primary: false })),
  ];
  const groups = new Map<Source, FrameLabel[]>();
  for (const label of labels) {
    const group = groups.get(label.span.source) ?? [];
    group.push(label);
    groups.set(label.span.source, group);
  }
  return [...groups.values()];
}

/** `3 errors, 1 warning` */
export function renderSummary(items: Iterable<Diagnostic>): string {
  let [errors, warnings] = [0, 0];
  for (const item of items) {
    if (item.severity === 'error') errors++;
    else warnings++;
  }
  const count = (n: number, noun: string): string[] => (n > 0 ? [`${n} ${noun}${n === 1 ? '' : 's'}`] : []);
  return [...count(errors, 'error'), ...count(warnings, 'warning')].join(', ') || 'no errors';
}
