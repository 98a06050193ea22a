/** Gradients where functions have kinks, poles or ends: PyTorch's conventions, and nothing that is not a number. */
import { describe, expect, test } from 'vitest';
import { constant } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { gradientGraph } from '../support/gradients.ts';
import { runnerOf } from '../support/specs.ts';
import { expectClose, tensorOf } from '../support/tensors.ts';

type Rows = readonly number[] | readonly (readonly number[])[];

interface Kink {
  readonly op: string;
  readonly attributes?: Attributes;
  readonly operands: readonly Rows[];
  /** Class numbers, behind the operands. */
  readonly classes?: readonly number[];
  /** Of each operand, for cotangents of 1. */
  readonly gradients: readonly Rows[];
}

const inf = Infinity;
const along = { axis: -1 };

const kinks: readonly Kink[] = [
  { op: 'relu', operands: [[-1, 0, 1]], gradients: [[0, 0, 1]] },
  { op: 'abs', operands: [[-1, 0, 1]], gradients: [[-1, 0, 1]] },
  { op: 'sign', operands: [[-1, 0, 1]], gradients: [[0, 0, 0]] },
  { op: 'floor', operands: [[-1, 0.5, 1]], gradients: [[0, 0, 0]] },
  { op: 'clamp', attributes: { min: -1, max: 2 }, operands: [[-2, -1, 0, 2, 3]], gradients: [[0, 1, 1, 1, 0]] },
  { op: 'clamp', attributes: { min: 2, max: 1 }, operands: [[0, 1, 1.5, 2]], gradients: [[0, 0, 0, 0]] },
  { op: 'hardswish', operands: [[-4, -3, 0, 3, 4]], gradients: [[0, 0, 0.5, 1, 1]] },
  { op: 'leaky_relu', attributes: { negative_slope: 0.1 }, operands: [[-1, 0, 1]], gradients: [[0.1, 0.1, 1]] },
  { op: 'elu', attributes: { alpha: 0.5 }, operands: [[-1, 0, 1]], gradients: [[0.18394, 0.5, 1]] },
  {
    op: 'softplus',
    attributes: { beta: 2, threshold: 5 },
    operands: [[2, 2.5, 3]],
    gradients: [[0.982014, 0.993307, 1]],
  },
  {
    op: 'maximum',
    operands: [
      [1, 2, 3],
      [1, 3, 2],
    ],
    gradients: [
      [0.5, 0, 1],
      [0.5, 1, 0],
    ],
  },
  {
    op: 'minimum',
    operands: [
      [1, 2, 3],
      [1, 3, 2],
    ],
    gradients: [
      [0.5, 1, 0],
      [0.5, 0, 1],
    ],
  },
  {
    op: 'pow',
    operands: [
      [0, 0, 0, -2, -2, 3],
      [0, 1, 2, 2, 3, 0],
    ],
    gradients: [
      [0, 1, 0, -4, 12, 0],
      [0, 0, 0, NaN, NaN, 1.098612],
    ],
  },
  { op: 'sqrt', operands: [[0, 4]], gradients: [[inf, 0.25]] },
  {
    op: 'mod',
    operands: [
      [5, -5],
      [3, 3],
    ],
    gradients: [
      [1, 1],
      [-1, 2],
    ],
  },
  {
    op: 'max',
    attributes: along,
    operands: [
      [
        [1, 3, 3],
        [2, 2, 2],
      ],
    ],
    gradients: [
      [
        [0, 1 / 2, 1 / 2],
        [1 / 3, 1 / 3, 1 / 3],
      ],
    ],
  },
  {
    op: 'min',
    operands: [
      [
        [1, 3, 3],
        [2, 1, 2],
      ],
    ],
    gradients: [
      [
        [0.5, 0, 0],
        [0, 0.5, 0],
      ],
    ],
  },
  {
    op: 'prod',
    attributes: along,
    operands: [
      [
        [2, 3, 4],
        [2, 0, 4],
        [0, 0, 4],
      ],
    ],
    gradients: [
      [
        [12, 8, 6],
        [0, 8, 0],
        [0, 0, 0],
      ],
    ],
  },
  {
    op: 'std',
    attributes: along,
    operands: [
      [
        [2, 2, 2],
        [1, 2, 3],
      ],
    ],
    gradients: [
      [
        [0, 0, 0],
        [-0.408248, 0, 0.408248],
      ],
    ],
  },
  ...(
    [
      [2, [0, 0], [1, 0], [-Math.SQRT1_2, Math.SQRT1_2]],
      [1, [0, 0], [1, 0], [-1, 1]],
      [0, [0, 0], [0, 0], [0, 0]],
      [3, [0, 0], [1, 0], [-0.629961, 0.629961]],
      [0.5, [0, 0], [1, 0], [-2, 2]],
      [inf, [0, 0], [1, 0], [-0.5, 0.5]],
      [-inf, [0, 0], [0, 0], [-0.5, 0.5]],
    ] as const
  ).map(([p, ...gradients]): Kink => {
    return {
      op: 'norm',
      attributes: { p, axis: -1 },
      operands: [
        [
          [0, 0],
          [3, 0],
          [-2, 2],
        ],
      ],
      gradients: [gradients],
    };
  }),
  {
    op: 'logsumexp',
    attributes: along,
    operands: [
      [
        [-inf, -inf],
        [-inf, 1],
      ],
    ],
    gradients: [
      [
        [0, 0],
        [0, 1],
      ],
    ],
  },
  {
    op: 'cross_entropy',
    operands: [
      [
        [1, 2, 3],
        [4, 5, 6],
        [0, 0, 0],
      ],
    ],
    classes: [1, -100, 2],
    gradients: [
      [
        [0.045015, -0.377636, 0.33262],
        [0, 0, 0],
        [1 / 6, 1 / 6, -1 / 3],
      ],
    ],
  },
  {
    op: 'cross_entropy',
    operands: [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    classes: [-100, -100],
    gradients: [
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    ],
  },
  {
    op: 'cross_entropy',
    operands: [
      [
        [1000, 0],
        [-1000, 0],
      ],
    ],
    classes: [0, 0],
    gradients: [
      [
        [0, 0],
        [-0.5, 0.5],
      ],
    ],
  },
  {
    op: 'kl_div',
    attributes: { reduction: 'sum' },
    operands: [
      [-1, -2],
      [0, 0.5],
    ],
    gradients: [
      [0, -0.5],
      [0, 2.306853],
    ],
  },
  { op: 'kl_div', attributes: { reduction: 'sum' }, operands: [[-inf], [0]], gradients: [[0], [0]] },
  {
    op: 'smooth_l1',
    attributes: { beta: 0.5, reduction: 'sum' },
    operands: [
      [-1, -0.5, 0, 0.5, 1],
      [0, 0, 0, 0, 0],
    ],
    gradients: [
      [-1, -1, 0, 1, 1],
      [1, 1, 0, -1, -1],
    ],
  },
  {
    op: 'huber',
    attributes: { delta: 0.5, reduction: 'sum' },
    operands: [
      [-1, -0.5, 0, 0.5, 1],
      [0, 0, 0, 0, 0],
    ],
    gradients: [
      [-0.5, -0.5, 0, 0.5, 0.5],
      [0.5, 0.5, 0, -0.5, -0.5],
    ],
  },
  {
    op: 'bce_with_logits',
    attributes: { reduction: 'sum' },
    operands: [
      [0, 0, 100, -100],
      [0, 1, 1, 0],
    ],
    gradients: [
      [0.5, -0.5, 0, 0],
      [0, 0, -100, 100],
    ],
  },
  { op: 'log_sigmoid', operands: [[-1000, 0, 1000]], gradients: [[1, 0.5, 0]] },
  { op: 'gelu', operands: [[-40, 0, 40]], gradients: [[0, 0.5, 1]] },
  { op: 'gelu', attributes: { approximate: 'tanh' }, operands: [[-40, 0, 40]], gradients: [[0, 0.5, 1]] },
  { op: 'silu', operands: [[-1000, 0, 1000]], gradients: [[0, 0.5, 1]] },
  { op: 'mish', operands: [[-1000, 0, 1000]], gradients: [[0, 0.6, 1]] },
  { op: 'sigmoid', operands: [[-1000, 0, 1000]], gradients: [[0, 0.25, 0]] },
];

function asTensor(rows: Rows): Tensor {
  const [first] = rows;
  const shape = typeof first === 'object' ? [rows.length, first.length] : [rows.length];
  return tensorOf('f32', shape, rows.flat());
}

/** The gradients of the op's results with cotangents of 1, and its operands. */
function caseOf({ op, attributes = {}, operands, classes }: Kink): {
  graph: Graph;
  inputs: { [name: string]: Tensor };
} {
  const builder = new Builder(ops, new Map());
  const tensors = [...operands.map(asTensor), ...(classes ? [tensorOf('i32', [classes.length], classes)] : [])];
  const inputs = tensors.map(({ dtype, shape }, at) => {
    return { name: `x${at}`, value: builder.value({ dtype, shape: shape.map((size) => constant(size)) }) };
  });
  const y = builder.one(
    op,
    inputs.map(({ value }) => value),
    attributes,
  );
  const outputs = [{ name: 'y', value: y }];
  const graph = gradientGraph({ name: 'kink', dims: [], inputs, parameters: [], nodes: builder.nodes, outputs });
  const { shape } = graph.inputs.find(({ name }) => name === 'cot.y')!.value.type;
  const sizes = shape.map((size) => Number(size.key));
  const ones = tensorOf(
    'f32',
    sizes,
    Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => 1),
  );
  return { graph, inputs: { ...Object.fromEntries(tensors.map((tensor, at) => [`x${at}`, tensor])), 'cot.y': ones } };
}

describe.each(['reference', 'js', 'wasm'] as const)('on %s', (target) => {
  test.each(kinks)('$op of $operands has the gradients $gradients', async (kink) => {
    const { graph, inputs } = caseOf(kink);
    const results = await (await runnerOf(graph, target))(inputs);
    kink.gradients.forEach((rows, at) => {
      const wanted = asTensor(rows).data;
      // What has no gradient has one of 0.
      const got = results.get(`grad.x${at}`)?.data ?? wanted.map(() => 0);
      expectClose(got, wanted, { absolute: 2e-6, relative: 0 }, `x${at}`);
    });
    expect(kink.gradients.length).toBe(kink.operands.length);
  });
});
