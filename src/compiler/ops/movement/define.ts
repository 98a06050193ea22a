/** The common form of movement ops of one operand that read each result element from one place of it. */
import type { Dim } from '../../dims/dim.ts';
import type { Shape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Attributes, TensorType, Value } from '../../ir/graph.ts';
import {
  defineOp,
  type AttributeSpec,
  type ElementContext,
  type Inference,
  type Op,
  type Sample,
} from '../../ir/op.ts';
import type { ShapeContext } from '../../ir/graph.ts';
import { gives, type Mismatch } from '../rules.ts';
import { copyStrided } from '../strided.ts';

/** Elements are moved, so nothing is lost but the rounding to f32. */
export const MOVED = { absolute: 0, relative: 1e-6 };

/** Where evaluation finds the result's elements: at `offset`, with one stride per result axis. */
export interface View {
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface ViewSpec<A extends Attributes> {
  readonly name: string;
  readonly doc: string;
  readonly internal?: boolean;
  readonly attributes: readonly AttributeSpec[];
  /** The result's shape. */
  shape(
    input: TensorType,
    attributes: A,
    context: ShapeContext,
  ): { readonly shape: Shape } | { readonly error: Mismatch };
  /** The concrete walk over the operand, independent of `source`. */
  view(shape: readonly number[], attributes: A, result: readonly number[], symbols: ReadonlyMap<string, number>): View;
  /** The position in the operand of a result's element. */
  source(index: readonly Dim[], attributes: A, context: ElementContext): readonly Dim[];
  destination?(index: readonly Dim[], attributes: A, context: ElementContext): readonly Dim[];
  /** The cotangent of x from that of the result; absent where the record says it otherwise. */
  vjp?(builder: Builder, cotangent: Value, x: TensorType, attributes: A): Value;
  /** See MovementBody. */
  readonly overlaps?: boolean;
  readonly samples: readonly Sample[];
}

/** An op whose result is a strided view of its one operand, of any dtype. */
export function viewOp<A extends Attributes>(spec: ViewSpec<A>): Op {
  const { destination } = spec;
  return defineOp<A>({
    name: spec.name,
    doc: spec.doc,
    ...(spec.internal ? { internal: true } : {}),
    operands: [{ name: 'x' }],
    attributes: spec.attributes,
    infer([x], attributes, context): Inference {
      const found = spec.shape(x!, attributes, context);
      return 'error' in found ? found : gives({ dtype: x!.dtype, shape: found.shape });
    },
    evaluate([x], attributes, [output], symbols) {
      const { offset, strides } = spec.view(x!.shape, attributes, output!.shape, symbols);
      return [copyStrided(x!.data, offset, output!.shape, strides)];
    },
    body: {
      kind: 'movement',
      element: ([read], index, attributes, context) => read!(spec.source(index, attributes, context)),
      ...(destination ? { destination } : {}),
      ...(spec.overlaps ? { overlaps: true } : {}),
    },
    ...(spec.vjp && {
      vjp: (builder, { inputs: [x], attributes }, [cotangent]) => [
        spec.vjp!(builder, cotangent!, x!.type, attributes as A),
      ],
    }),
    tolerance: MOVED,
    samples: spec.samples,
  });
}
