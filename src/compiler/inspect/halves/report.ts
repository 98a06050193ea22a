/** Tells which tensors f16 cannot hold: one warning for each place in the spec, whatever the number of its layers. */
import { diagnostic, type Diagnostic } from '../../base/diagnostic.ts';
import type { Origin } from '../../ir/graph.ts';
import { MOST, SAFETY, type RangeFault } from './range.ts';

/** A tensor that stays f32. */
export interface RangeFinding {
  readonly fault: RangeFault;
  /** The name of a weight; absent for a result. */
  readonly weight?: string;
  /** What makes a result. */
  readonly op?: string;
  readonly origin: Origin;
}

/** How many instances a warning names. */
const NAMED = 4;

export function rangeDiagnostics(findings: readonly RangeFinding[]): Diagnostic[] {
  const groups = new Map<string, [RangeFinding, ...RangeFinding[]]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return [...groups.values()].map(describe);
}

function keyOf({ fault, op = '', origin: { span, path } }: RangeFinding): string {
  return [fault.kind, op, span ? `${span.source.path} ${span.start}` : path].join(' ');
}

function describe(group: readonly [RangeFinding, ...RangeFinding[]]): Diagnostic {
  const worst = group.reduce((most, one) => (one.fault.largest > most.fault.largest ? one : most));
  const { fault, weight, op, origin } = worst;
  const what = weight === undefined ? `a result of \`${op}\`` : `the weight \`${weight}\``;
  const names = group.map((one) => one.weight ?? one.origin.path).filter((name) => name !== '');
  return diagnostic('HED4009', origin.span, `${what} ${sentence(fault)}`, {
    severity: 'warning',
    label: 'stays f32',
    notes: names.length > 0 && (group.length > 1 || weight === undefined) ? [`in ${listed(names)}`] : [],
    hint: fault.kind === 'below' ? 'scale it up to have it stored as f16' : 'scale it down to have it stored as f16',
  });
}

function sentence({ kind, largest }: RangeFault): string {
  const magnitude = numberText(largest);
  switch (kind) {
    case 'beyond':
      return `has magnitudes of ${magnitude}, and f16 holds at most ${MOST}`;
    case 'near':
      return `has magnitudes of ${magnitude}, and f16 holds at most ${MOST}: other inputs may give ${SAFETY} times as much`;
    case 'below':
      return `has no magnitude above ${magnitude}, and f16 holds none below 6e-8`;
  }
}

function listed(names: readonly string[]): string {
  const named = [...new Set(names)];
  const rest = named.length - NAMED;
  return named.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** Six digits, as near the limit all count. */
function numberText(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return rounded >= 1e6 || rounded < 1e-3 ? rounded.toExponential().replace('+', '') : String(rounded);
}
