/**
 * Reads a pattern in the notation of einops (Rogozhnikov 2022, https://openreview.net/forum?id=oapKSVM2bcj):
 * `b (h p) c -> b h (p c)`. Knows the notation, not the tensors it is fitted to.
 */
import { MAX_PATTERN, type Mismatch } from '../rules.ts';

export const ELLIPSIS = '...';

/** An axis as it is written: a name, an ellipsis, or a number, which is an axis without a name. */
export interface Axis {
  readonly name: string;
  /** Of a number, its value; `name` is then unique in the pattern. */
  readonly size?: number;
  /** Offset in the pattern. */
  readonly at: number;
}

/** Axes in parentheses, or one alone, that make up one axis of a tensor. The number 1 alone is a group of none. */
export interface Group {
  readonly axes: readonly Axis[];
  readonly isParenthesised?: boolean;
  readonly at: number;
}

export interface Pattern {
  readonly left: readonly Group[];
  readonly right: readonly Group[];
}

export type Failure = { readonly error: Mismatch };

export function failure(message: string, at: number, details: Partial<Mismatch> = {}): Failure {
  return { error: { message, attribute: 'pattern', at, ...details } };
}

function axisOf(text: string, at: number): Axis | Failure {
  if (text === ELLIPSIS || /^[A-Za-z_]\w*$/.test(text)) return { name: text, at };
  if (/^\d+$/.test(text)) return { name: `#${at}`, size: Number(text), at };
  return failure(`\`${text}\` names no axis`, at);
}

/** Axes of size 1 without a name hold nothing, so they are left out. */
function isTrivial(axis: Axis): boolean {
  return axis.size === 1;
}

function parseSide(text: string, start: number): readonly Group[] | Failure {
  const groups: Group[] = [];
  let open: { axes: Axis[]; isParenthesised: true; at: number } | undefined;
  const seen = new Set<string>();
  for (const match of text.matchAll(/\.\.\.|\w+|\S/gu)) {
    const at = start + match.index;
    const [token] = match;
    if (token === '(') {
      if (open) return failure('parentheses do not nest', at);
      open = { axes: [], isParenthesised: true, at };
    } else if (token === ')') {
      if (!open) return failure('this parenthesis was not opened', at);
      groups.push(open);
      open = undefined;
    } else {
      const axis = axisOf(token, at);
      if ('error' in axis) return axis;
      if (seen.has(axis.name)) return failure(`axis \`${axis.name}\` is twice on this side`, at);
      seen.add(axis.name);
      const axes = isTrivial(axis) ? [] : [axis];
      if (open) open.axes.push(...axes);
      else groups.push({ axes, at });
    }
  }
  return open ? failure('this parenthesis is not closed', open.at) : groups;
}

export function parsePattern(text: string): Pattern | Failure {
  if (text.length > MAX_PATTERN) return failure(`a pattern has at most ${MAX_PATTERN} characters`, 0);
  const arrow = text.indexOf('->');
  if (arrow === -1) return failure('the pattern has no `->`', text.length);
  const left = parseSide(text.slice(0, arrow), 0);
  if ('error' in left) return left;
  const right = parseSide(text.slice(arrow + 2), arrow + 2);
  if ('error' in right) return right;
  const inside = left.find((group) => group.isParenthesised && group.axes.some((axis) => axis.name === ELLIPSIS));
  if (inside) return failure('an ellipsis on the left stands alone', inside.at);
  return { left, right };
}
