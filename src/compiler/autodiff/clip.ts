/** Clipping of gradients, as `clip_grad_norm_` and `clip_grad_value_` of `torch.nn.utils`. */
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { formula } from '../ops/formula.ts';
import type { Settings } from '../semantics/optimizers/optimizer.ts';

/** The gradients by parameter after what the optimizer's settings ask for: the norm of all first, then each element. */
export function clip(
  builder: Builder,
  gradients: ReadonlyMap<string, Value>,
  { clip_norm: norm, clip_value: most }: Settings,
): ReadonlyMap<string, Value> {
  const apply = formula(builder);
  const factor = typeof norm === 'number' ? clipFactor(builder, [...gradients.values()], norm) : undefined;
  const clipped = (gradient: Value): Value => {
    const scaled = factor ? apply('mul', gradient, factor) : gradient;
    return typeof most === 'number' ? builder.one('clamp', [scaled], { min: -most, max: most }) : scaled;
  };
  return new Map([...gradients].map(([name, gradient]) => [name, clipped(gradient)]));
}

/** min(1, norm / (total + 1e-6)), f32[], with the L2 norm of all elements of all gradients; NaN where that is. */
function clipFactor(builder: Builder, gradients: readonly Value[], norm: number): Value {
  const apply = formula(builder);
  const squares = gradients.map((gradient) => {
    const sum = builder.one('reduce_sum', [apply('mul', gradient, gradient)], {
      axes: gradient.type.shape.map((_, axis) => axis),
    });
    return builder.one('reshape', [sum], { shape: [] });
  });
  const total = apply(
    'sqrt',
    squares.reduce((sum, square) => apply('add', sum, square)),
  );
  return apply('minimum', apply('div', norm, apply('add', total, 1e-6)), 1);
}
