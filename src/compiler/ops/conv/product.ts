/** The product of windows and weight, group by group, with channels where PyTorch has them. */
import { equal, multiply, ONE, type Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { isOne } from '../../ir/types.ts';
import { broadcast } from '../reduce/composite.ts';
import { quotient } from '../movement/reshape.ts';
import { windowsBehind } from '../window/axes.ts';

/** The channels on `axis` as two axes, [groups, channels of one]; as they are where there is one group. */
export function splitChannels(builder: Builder, x: Value, axis: number, groups: Dim): Value {
  if (equal(groups, ONE)) return x;
  const { shape } = x.type;
  const each = quotient(shape[axis]!, groups)!;
  return builder.one('reshape', [x], { shape: shape.toSpliced(axis, 1, groups, each) });
}

/**
 * `view` is [batch, groups, channels, ..windows, ..kernel], the weight [groups, out, channels, ..kernel], neither with
 * groups where there is one; the result is [batch, groups * out, ..windows]. Pixels are the rows of the contraction, so
 * that the weight, a constant as a rule, is what gets packed. With one channel a group there is nothing to pack: the
 * elements of neighbouring windows are put side by side, to be reduced together.
 */
export function productOfWindows(builder: Builder, view: Value, weight: Value, groups: Dim): Value {
  const single = equal(groups, ONE);
  const shared = single ? [] : ['g'];
  const lead = 1 + shared.length;
  const out = weight.type.shape[lead - 1]!;
  const count = weight.type.shape.length - lead - 1;
  const sizes = view.type.shape.slice(lead + 1, lead + 1 + count);
  const shape = [view.type.shape[0]!, multiply(groups, out), ...sizes];
  const windows = sizes.map((_, at) => `i${at}`);
  const kernel = sizes.map((_, at) => `k${at}`);
  if (isOne(out)) {
    const column = builder.one('reshape', [weight], { shape: weight.type.shape.toSpliced(lead - 1, 1) });
    const product = builder.one('contract', [windowsBehind(builder, view, count), column], {
      left: ['n', ...shared, 'c', ...kernel, ...windows],
      right: [...shared, 'c', ...kernel],
      result: ['n', ...shared, ...windows],
    });
    return builder.one('reshape', [product], { shape });
  }
  const product = builder.one('contract', [view, weight], {
    left: ['n', ...shared, 'c', ...windows, ...kernel],
    right: [...shared, 'o', 'c', ...kernel],
    result: ['n', ...shared, ...windows, 'o'],
  });
  const places = (length: number, from: number): number[] => Array.from({ length }, (_, at) => from + at);
  const permutation = [...places(lead, 0), lead + count, ...places(count, lead)];
  const inOrder = builder.one('transpose', [product], { permutation });
  return single ? inOrder : builder.one('reshape', [inOrder], { shape });
}

/** `x` [batch, channels, …] with the bias of each channel, if there is one. */
export function addBias(builder: Builder, x: Value, bias: Value | undefined): Value {
  if (!bias) return x;
  const { shape } = x.type;
  const column = [shape[1]!, ...shape.slice(2).map(() => ONE)];
  return builder.one('add', [x, broadcast(builder, builder.one('reshape', [bias], { shape: column }), shape)]);
}
