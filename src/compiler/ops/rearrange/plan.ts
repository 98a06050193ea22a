/** Fits a pattern to a tensor's shape: the size of every elementary axis, and the order on both sides. */
import { closest } from '../../base/suggest.ts';
import { constant, constantValue, equal, isAtLeast, multiply, ONE, print, product, type Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import { toDim } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import { quotient } from '../movement/reshape.ts';
import type { Mismatch } from '../rules.ts';
import { ELLIPSIS, failure, parsePattern, type Axis, type Failure, type Group } from './pattern.ts';

export type Sizes = { readonly [name: string]: Dim | number };

/** How an op treats axes that stand on one side only. */
export type Mode = 'rearrange' | 'reduce' | 'repeat';

export interface Plan {
  /** Elementary axes in the operand's order. */
  readonly left: readonly string[];
  /** Elementary axes in the result's order, one group for each axis of the result. */
  readonly right: readonly (readonly string[])[];
  readonly sizes: ReadonlyMap<string, Dim>;
  /** The result's shape. */
  readonly shape: Shape;
}

/** The axes of the left side alone; they are combined. */
export function lostAxes({ left, right }: Plan): readonly string[] {
  const kept = new Set(right.flat());
  return left.filter((name) => !kept.has(name));
}

/** The axes of the right side alone; along them the tensor is repeated. */
export function newAxes({ left, right }: Plan): readonly string[] {
  return right.flat().filter((name) => !left.includes(name));
}

function namedEllipsis(covered: number, at: number): Axis[] {
  return Array.from({ length: covered }, (_, axis) => ({ name: `${ELLIPSIS}${axis}`, at }));
}

/** The ellipsis of the left becomes one group for each axis it covers, that of the right the same axes. */
function spread(
  left: readonly Group[],
  right: readonly Group[],
  type: TensorType,
): { left: readonly Group[]; right: readonly Group[] } | Failure {
  const rank = type.shape.length;
  const isEllipsis = (axis: Axis): boolean => axis.name === ELLIPSIS;
  const place = left.findIndex((group) => group.axes.some(isEllipsis));
  const least = place === -1 ? left.length : left.length - 1;
  if (place === -1 ? rank !== least : rank < least) {
    const axes = `${place === -1 ? '' : 'at least '}${least} ${least === 1 ? 'axis' : 'axes'}`;
    return failure(`the pattern takes a tensor of ${axes}, but this is ${printType(type)}`, 0, { operand: 0 });
  }
  const at = left[place]?.at ?? 0;
  const covered = namedEllipsis(rank - least, at);
  const stray = right.flatMap((group) => group.axes).find(isEllipsis);
  if (stray && place === -1) return failure('the ellipsis is not on the left', stray.at);
  const groups = covered.map((axis): Group => ({ axes: [axis], at }));
  return {
    left: place === -1 ? left : left.toSpliced(place, 1, ...groups),
    right: right.flatMap((group): Group[] => {
      const alone = group.axes.length === 1 && isEllipsis(group.axes[0]!) && !group.isParenthesised;
      if (alone) return covered.map((axis) => ({ ...group, axes: [axis] }));
      return [{ ...group, axes: group.axes.flatMap((axis) => (isEllipsis(axis) ? covered : [axis])) }];
    }),
  };
}

/** The sizes that are given: by number in the pattern, or by name beside it. */
function givenSizes(axes: readonly Axis[], sizes: Sizes): Map<string, Dim> | Failure {
  const found = new Map<string, Dim>();
  for (const axis of axes) if (axis.size !== undefined) found.set(axis.name, constant(axis.size));
  for (const [name, size] of Object.entries(sizes)) {
    const dim = toDim(size);
    const axis = axes.find((candidate) => candidate.name === name);
    if (!axis) {
      const names = axes.filter((one) => one.size === undefined && one.name !== ELLIPSIS).map((one) => one.name);
      const similar = closest(name, names);
      const hint = similar ? `did you mean \`${similar}\`?` : `its axes are ${[...new Set(names)].join(', ')}`;
      return { error: { message: `the pattern has no axis \`${name}\``, attribute: name, hint } };
    }
    if (isAtLeast(constant(-1), dim)) return failure(`axis \`${name}\` has the negative size ${print(dim)}`, axis.at);
    found.set(name, dim);
  }
  return found;
}

/** Adds what a group of the left tells: the one unknown size in it, or that its sizes make up the axis. */
function fitGroup(
  group: Group,
  size: Dim,
  axis: number,
  type: TensorType,
  sizes: Map<string, Dim>,
): Mismatch | undefined {
  const open = group.axes.filter(({ name }) => !sizes.has(name));
  const [unknown, another] = open;
  const rest = product(group.axes.flatMap(({ name }) => sizes.get(name) ?? []));
  const where = `axis ${axis} of ${printType(type)}`;
  const fault = (message: string, at: number, hint?: string): Mismatch => {
    return failure(message, at, { operand: 0, ...(hint === undefined ? {} : { hint }) }).error;
  };
  if (another) {
    const names = open.map(({ name }) => `\`${name}\``).join(', ');
    return fault(
      `all sizes but one of ${names} are needed to split ${where}`,
      another.at,
      `give one: \`${another.name}: …\``,
    );
  }
  if (!unknown)
    return equal(rest, size) ? undefined : fault(`${where} is ${print(size)}, not ${print(rest)}`, group.at);
  const exact = equal(rest, ONE) ? size : quotient(size, rest);
  if (!exact) {
    const why = constantValue(size) === undefined ? 'is not known to be a multiple' : 'is not a multiple';
    return fault(`${where} ${why} of ${print(rest)}, so \`${unknown.name}\` has no size`, unknown.at);
  }
  sizes.set(unknown.name, exact);
  return undefined;
}

/** What stands on one side only and must not. */
function sideFault(
  mode: Mode,
  left: readonly Axis[],
  right: readonly Axis[],
  sizes: ReadonlyMap<string, Dim>,
): Failure | undefined {
  const has = (axes: readonly Axis[], { name }: Axis): boolean => axes.some((other) => other.name === name);
  const made = right.find((axis) => !has(left, axis));
  const lost = left.find((axis) => !has(right, axis));
  const names = left.map(({ name }) => name).join(' ');
  const called = (axis: Axis): string =>
    axis.size === undefined ? `axis \`${axis.name}\`` : `the axis of size ${axis.size}`;
  if (made && mode !== 'repeat') {
    const similar = closest(
      made.name,
      left.map(({ name }) => name),
    );
    const known = sizes.has(made.name) ? '`repeat` makes new axes' : undefined;
    const hint = similar ? `did you mean \`${similar}\`?` : known;
    return failure(`${called(made)} is not on the left`, made.at, {
      notes: [`the axes on the left are: ${names}`],
      ...(hint !== undefined && { hint }),
    });
  }
  if (made && !right.every((axis) => has(left, axis) || sizes.has(axis.name)))
    return failure(`${called(made)} is not on the left, so its size is needed`, made.at, {
      hint: `give it: \`${made.name}: …\``,
    });
  if (lost && mode !== 'reduce')
    return failure(`${called(lost)} is missing on the right`, lost.at, {
      hint: '`reduce` combines the elements along an axis',
    });
  return undefined;
}

/** The pattern fitted to a tensor. */
export function planPattern(mode: Mode, text: string, given: Sizes, type: TensorType): Plan | Failure {
  const pattern = parsePattern(text);
  if ('error' in pattern) return pattern;
  const sides = spread(pattern.left, pattern.right, type);
  if ('error' in sides) return sides;
  const [left, right] = [sides.left.flatMap((group) => group.axes), sides.right.flatMap((group) => group.axes)];
  const sizes = givenSizes([...left, ...right], given);
  if ('error' in sizes) return sizes;
  for (const [axis, group] of sides.left.entries()) {
    const error = fitGroup(group, type.shape[axis]!, axis, type, sizes);
    if (error) return { error };
  }
  const fault = sideFault(mode, left, right, sizes);
  if (fault) return fault;
  const names = sides.right.map((group) => group.axes.map(({ name }) => name));
  return {
    left: left.map(({ name }) => name),
    right: names,
    sizes,
    shape: names.map((group) => multiply(...group.map((name) => sizes.get(name)!))),
  };
}
