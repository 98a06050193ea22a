/**
 * The gradients of convolutions. That of x is the transposed map of the cotangent, that of the weight one contraction of
 * the same windows with the cotangent; neither has more multiplications than the convolution, but for taps that strides
 * leave over.
 */
import type { Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { isOne } from '../../ir/types.ts';
import { windowsBehind } from '../window/axes.ts';
import { isSingle } from './geometry.ts';
import { splitChannels } from './product.ts';

/**
 * What `productOfWindows` of `view` and a weight of `shape` hands back to the weight, where `cotangent` [batch, groups *
 * out, ..windows] is that of the result. Taps and channels are the rows of the contraction, whose windows are read where
 * they lie; the cotangent, which has no overlaps, is what gets packed.
 */
export function weightGradient(
  builder: Builder,
  view: Value,
  cotangent: Value,
  groups: Dim,
  shape: readonly Dim[],
): Value {
  const shared = isSingle(groups) ? [] : ['g'];
  const lead = 1 + shared.length;
  const given = splitChannels(builder, cotangent, 1, groups);
  const count = given.type.shape.length - lead - 1;
  const windows = Array.from({ length: count }, (_, at) => `i${at}`);
  const kernel = Array.from({ length: count }, (_, at) => `k${at}`);
  const hasOut = !isOne(given.type.shape[lead]!);
  const out = hasOut ? ['o'] : [];
  const right = hasOut ? given : builder.one('reshape', [given], { shape: given.type.shape.toSpliced(lead, 1) });
  const product = builder.one('contract', [windowsBehind(builder, view, count), right], {
    left: ['n', ...shared, 'c', ...kernel, ...windows],
    right: ['n', ...shared, ...out, ...windows],
    result: [...shared, 'c', ...kernel, ...out],
  });
  const inner = Array.from({ length: count + 1 }, (_, at) => shared.length + at);
  const permutation = [...shared.map(() => 0), ...out.map(() => shared.length + count + 1), ...inner];
  return builder.one('reshape', [builder.one('transpose', [product], { permutation })], { shape });
}

/** The gradient of a bias, which is added to all elements of a channel. */
export function biasGradient(builder: Builder, bias: Value | undefined, cotangent: Value): Value | undefined {
  if (!bias) return undefined;
  const axes = cotangent.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return builder.one('reshape', [builder.one('reduce_sum', [cotangent], { axes })], { shape: bias.type.shape });
}
