/** Positions that are loaded: wherever fusion puts the read, nothing outside a buffer is touched. */
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, TensorType, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { instantiate, nameSample } from '../conformance/instances.ts';
import { runnerOf } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { execute } from './execute.ts';

/** Every one of them is out of range somewhere. */
const HOSTILE = [0, -1, 1, 7, -7, 2, 2 ** 31 - 1, -(2 ** 31), 3, -2, 100, -100];

type Inputs = ReadonlyMap<string, ReturnType<typeof tensorOf>>;

/** Runs the lowered kernels where every access is checked, and the compiled ones, against the definition. */
async function check(graph: Graph, n: number, inputs: Inputs): Promise<void> {
  const symbols = new Map([['n', n]]);
  const truth = interpret(graph, { inputs, parameters: new Map(), symbols });
  const given = new Map([...inputs].map(([name, { data }]) => [name, data]));
  for (const target of [jsTarget, wasmTarget]) {
    const program = lowerGraph(runPasses(graph, passes, ops).graph, target);
    for (const { kernel } of program.calls) expect(kernelFaults(kernel)).toEqual([]);
    const outputs = execute(program, symbols, given);
    for (const [name, { data }] of truth)
      expectClose(outputs.get(name)!, data, { absolute: 1e-4, relative: 1e-4 }, `${target.name} ${name} at n = ${n}`);
  }
  for (const target of ['js', 'wasm'] as const) {
    const outputs = await (await runnerOf(graph, target))(Object.fromEntries(inputs), { n });
    for (const [name, { data }] of truth)
      expectClose(outputs.get(name)!.data, data, { absolute: 1e-4, relative: 1e-4 }, `${target} ${name} at n = ${n}`);
  }
}

const n = symbol('n');
const type = (dtype: TensorType['dtype'], ...shape: readonly (number | Dim)[]): TensorType => ({
  dtype,
  shape: shape.map((size) => (typeof size === 'number' ? constant(size) : size)),
});

/** Inputs by name, and what is computed of them. */
interface Composition {
  readonly inputs: { readonly [name: string]: TensorType };
  readonly result: (builder: Builder, inputs: { readonly [name: string]: Value }) => Value;
}

function graphOf({ inputs, result }: Composition): Graph {
  const builder = new Builder(ops, new Map());
  const values = Object.fromEntries(Object.entries(inputs).map(([name, of]) => [name, builder.value(of)]));
  const y = result(builder, values);
  return {
    name: 'composition',
    dims: [{ name: 'n' }],
    inputs: Object.entries(values).map(([name, value]) => ({ name, value })),
    parameters: [],
    nodes: builder.nodes,
    outputs: [{ name: 'y', value: y }],
  };
}

function draw(inputs: Composition['inputs'], size: number): Inputs {
  const random = randomNumbers(size);
  return new Map(
    Object.entries(inputs).map(([name, { dtype, shape }]) => {
      const sizes = concreteShape(shape, new Map([['n', size]]));
      if (dtype !== 'i32') return [name, randomTensor(dtype, sizes, random)];
      const data = Array.from({ length: countOf(sizes) }, (_, at) => HOSTILE[at % HOSTILE.length]!);
      return [name, tensorOf('i32', sizes, data)];
    }),
  );
}

const pick = (builder: Builder, ids: Value, table: Value): Value => builder.one('embedding', [ids, table]);

const compositions: { readonly [what: string]: Composition } = {
  'in a piece of a concatenation': {
    inputs: { ids: type('i32', n), table: type('f32', 3, 4), x: type('f32', 5, 4) },
    result: (b, { ids, table, x }) =>
      b.one('concat', [b.one('neg', [pick(b, ids!, table!)]), x!, pick(b, ids!, table!)], { axis: 0 }),
  },
  'along the last axis of a concatenation': {
    inputs: { ids: type('i32', n), line: type('f32', 4), x: type('f32', 5) },
    result: (b, { ids, line, x }) =>
      b.one('concat', [x!, b.one('gather', [line!, ids!], { axis: 0 }), x!], { axis: 0 }),
  },
  'inside of padding': {
    inputs: { ids: type('i32', 2, n), line: type('f32', 6) },
    result: (b, { ids, line }) =>
      b.one('pad', [pick(b, ids!, line!)], { before: [constant(0), constant(3)], after: [constant(0), constant(2)] }),
  },
  'at positions that are read themselves': {
    inputs: { outer: type('i32', n), inner: type('i32', 7), table: type('f32', 4, 3) },
    result: (b, { outer, inner, table }) => pick(b, b.one('embedding', [outer!, inner!]), table!),
  },
  'at positions inside of padding that are read themselves': {
    inputs: { outer: type('i32', n), inner: type('i32', 7), line: type('f32', 4) },
    result: (b, { outer, inner, line }) =>
      b.one('pad', [pick(b, b.one('embedding', [outer!, inner!]), line!)], {
        before: [constant(2)],
        after: [constant(1)],
      }),
  },
  'under softmax and a sum': {
    inputs: { ids: type('i32', n, 5), line: type('f32', 9) },
    result: (b, { ids, line }) => b.one('sum', [b.one('softmax', [pick(b, ids!, line!)], { axis: -1 })], { axis: 0 }),
  },
  'as the left side of a product': {
    inputs: { ids: type('i32', n), table: type('f32', 4, 6), weight: type('f32', 6, 9) },
    result: (b, { ids, table, weight }) => b.one('matmul', [pick(b, ids!, table!), weight!]),
  },
  'as the right side of a product': {
    inputs: { ids: type('i32', 6), x: type('f32', n, 6), table: type('f32', 4, 9) },
    result: (b, { ids, x, table }) => b.one('matmul', [x!, pick(b, ids!, table!)]),
  },
  'added to a product, row by row': {
    inputs: { ids: type('i32', n), x: type('f32', n, 6), weight: type('f32', 6, 9), table: type('f32', 4, 9) },
    result: (b, { ids, x, weight, table }) => b.one('add', [b.one('matmul', [x!, weight!]), pick(b, ids!, table!)]),
  },
  'added to a product, column by column': {
    inputs: { ids: type('i32', 9), x: type('f32', n, 6), weight: type('f32', 6, 9), line: type('f32', 4) },
    result: (b, { ids, x, weight, line }) => {
      const bias = b.one('expand', [b.one('gather', [line!, ids!], { axis: 0 })], { shape: [n, constant(9)] });
      return b.one('add', [b.one('matmul', [x!, weight!]), bias]);
    },
  },
  'computed from numbers': {
    inputs: { x: type('f32', n, 3), table: type('f32', 5, 4) },
    result: (b, { x, table }) => pick(b, b.one('argmax', [x!], { axis: -1 }), table!),
  },
  'of an empty table, where nothing is asked': {
    inputs: { ids: type('i32', 0), table: type('f32', n, 4), x: type('f32', 2, 4) },
    result: (b, { ids, table, x }) => b.one('concat', [pick(b, ids!, table!), x!], { axis: 0 }),
  },
};

describe('a read at loaded positions', () => {
  test.each(Object.entries(compositions))('%s', async (_, composition) => {
    const graph = graphOf(composition);
    for (const size of [0, 1, 3, 8, 13]) await check(graph, size, draw(composition.inputs, size));
  });
});

describe('every sample of an op with a nest of its own, or loaded positions, stays in bounds', () => {
  const samples = [...ops.values()]
    .filter(({ body }) => body.kind === 'structured' || (body.kind === 'movement' && body.indirect))
    .flatMap((op) => op.samples.map((sample) => ({ name: nameSample(op, sample), op, sample })));
  test.each(samples)('$name', async ({ op, sample }) => {
    for (const size of [0, 1, 4, 7]) {
      const inferred = op.infer(sample.inputs, sample.attributes, { bounds: new Map() });
      const conditions = ('conditions' in inferred && inferred.conditions) || [];
      const { graph, inputs, symbols } = instantiate(op, sample, size);
      const isAllowed = conditions.every(({ atLeastZero }) => concreteShape([atLeastZero], symbols)[0]! >= 0);
      if (isAllowed) await check(graph, size, hostile(inputs));
    }
  });
});

/** The inputs with positions anywhere; those of sorts are as they were. */
function hostile(inputs: Inputs): Inputs {
  return new Map(
    [...inputs].map(([name, tensor]) => {
      if (tensor.dtype !== 'i32' || inputs.size === 1) return [name, tensor];
      return [name, { ...tensor, data: tensor.data.map((_, at) => HOSTILE[at % HOSTILE.length]!) }];
    }),
  );
}
