/** Random graphs for property tests: symbolic dims, every kind of body, several results, and tensors to run them on. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  multiply,
  ONE,
  symbol,
  ZERO,
  type Dim,
} from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph, GraphInput, GraphParameter, Value } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape, isOne, sameType } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomNumbers, randomTensor } from './tensors.ts';

export interface RandomGraph {
  readonly graph: Graph;
  /** Operands that fit, with the dims set to small sizes. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

type Random = () => number;

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)]!;
}

class Maker {
  readonly builder = new Builder(ops, new Map([['seq', constant(16)]]));
  readonly values: Value[] = [];
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  float(): Value {
    return pick(
      this.values.filter((value) => value.type.dtype === 'f32'),
      this.random,
    );
  }

  add(name: string, inputs: readonly Value[], attributes: Attributes = {}): void {
    this.builder.origin = { path: this.random() < 0.3 ? '' : `layers.${Math.floor(this.random() * 3)}.block` };
    const applied = this.builder.tryApply(this.builder.op(name), inputs, attributes);
    if ('values' in applied) this.values.push(...applied.values);
  }
}

/** Each adds one op, or none where the tensor at hand does not suit it. */
const steps: readonly ((maker: Maker) => void)[] = [
  (maker) =>
    maker.add(pick(['tanh', 'sigmoid', 'relu', 'square', 'abs', 'silu', 'neg'], maker.random), [maker.float()]),
  (maker) => maker.add('gelu', [maker.float()], { approximate: pick(['none', 'tanh'], maker.random) }),
  (maker) => maker.add('clamp', [maker.float()], { min: -1, max: maker.random() < 0.5 ? null : 1.5 }),
  (maker) => {
    const x = maker.float();
    const others = maker.values.filter((other) => sameType(other.type, x.type));
    maker.add(pick(['add', 'sub', 'mul', 'maximum'], maker.random), [x, pick(others, maker.random)]);
  },
  (maker) => {
    const x = maker.float();
    maker.add('less', [x, x]);
    maker.add('where', [maker.values.at(-1)!, x, x]);
  },
  (maker) => {
    const x = maker.float();
    const { shape } = x.type;
    if (shape.length === 0) return;
    const axis = Math.floor(maker.random() * shape.length) - (maker.random() < 0.5 ? shape.length : 0);
    const name = pick(['sum', 'mean', 'max', 'var', 'logsumexp', 'softmax', 'log_softmax', 'flip'], maker.random);
    const spec = maker.builder.op(name).attributes.some((attribute) => attribute.name === 'keepdim');
    maker.add(name, [x], spec ? { axis, keepdim: maker.random() < 0.5 } : { axis });
  },
  (maker) => {
    const x = maker.float();
    const order = x.type.shape.map((_, axis) => ({ axis, key: maker.random() })).sort((a, b) => a.key - b.key);
    maker.add('transpose', [x], { permutation: order.map(({ axis }) => axis) });
  },
  (maker) => {
    const x = maker.float();
    if (x.type.shape.length < 2) return;
    const [first, second, ...rest] = x.type.shape;
    maker.add('reshape', [x], { shape: [multiply(first!, second!), ...rest] });
  },
  (maker) => {
    const x = maker.float();
    const axis = x.type.shape.findIndex((dim) => (constantValue(dim) ?? 1) % 2 === 0);
    if (axis === -1) return;
    const names = x.type.shape.map((_, at) => `a${at}`);
    const left = names.with(axis, '(p q)').join(' ');
    maker.add('rearrange', [x], {
      pattern: `${left} -> q ${names.with(axis, 'p').join(' ')}`,
      sizes: { q: constant(2) },
    });
  },
  (maker) => {
    const x = maker.float();
    if (x.type.shape.length > 0) maker.add('concat', [x, x], { axis: -1 });
  },
  (maker) => {
    const x = maker.float();
    const { shape } = x.type;
    if (shape.length === 0) return;
    maker.add('slice', [x], {
      starts: shape.map(() => ZERO),
      stops: shape.with(0, floorDiv(add(shape[0]!, ONE), constant(2))),
      steps: shape.map(() => ONE),
    });
  },
  (maker) => {
    const x = maker.float();
    if (x.type.shape.length > 0)
      maker.add('pad', [x], { before: [ONE], after: [constant(2)], mode: 'constant', value: -0.5 });
  },
  (maker) => {
    const x = maker.float();
    const last = x.type.shape.at(-1);
    if (!last || (constantValue(last) ?? 0) < 2) return;
    if (x.type.shape.length === 3) maker.add('interpolate', [x], { scale_factor: 1.5, mode: 'linear' });
    else maker.add(pick(['max_pool1d', 'avg_pool1d'], maker.random), [x], { kernel_size: 2, ceil_mode: true });
  },
  (maker) => {
    const x = maker.float();
    const axis = x.type.shape.findIndex((dim) => (constantValue(dim) ?? 0) > 1);
    if (axis >= 0) maker.add('unstack', [x], { axis });
  },
  (maker) => {
    const x = maker.float();
    if (x.type.shape.length > 0) maker.add('einsum', [x, x], { pattern: '... i, ... i -> ...' });
  },
  (maker) => {
    const x = maker.float();
    if (x.type.shape.length > 1) maker.add('einsum', [x, x], { pattern: '... i d, ... j d -> ... i j' });
  },
  (maker) => {
    const x = maker.float();
    maker.add('expand', [x], { shape: [constant(2), ...x.type.shape.map((dim) => (isOne(dim) ? constant(3) : dim))] });
  },
  (maker) =>
    maker.add('full', [], { shape: [symbol('batch'), constant(2)], value: maker.random() < 0.2 ? Infinity : 0.25 }),
];

/** More elements than this make property tests slow. */
const LARGEST = 20_000;

export function randomGraph(seed: number, length = 12): RandomGraph {
  const random = randomNumbers(seed);
  const maker = new Maker(random);
  const [batch, seq] = [symbol('batch'), symbol('seq')];
  const symbols = new Map([
    ['batch', Math.floor(random() * 4)],
    ['seq', 1 + Math.floor(random() * 6)],
  ]);
  const input = (name: string, ...shape: Dim[]): GraphInput => {
    return { name, value: maker.builder.value({ dtype: 'f32', shape }) };
  };
  const inputs = [input('x', batch, seq, constant(4)), input('y', batch, constant(4))];
  const parameters: GraphParameter[] = [
    {
      ...input('head.weight', constant(4), constant(3)),
      initial: { kind: 'uniform', low: -0.5, high: 0.5 },
      origin: { path: 'head' },
    },
    { ...input('scale', constant(4)), origin: { path: '' } },
  ];
  maker.values.push(...inputs.map(({ value }) => value), ...parameters.map(({ value }) => value));
  for (let step = 0; step < length; step++) pick(steps, random)(maker);
  const isSmall = (value: Value): boolean =>
    concreteShape(value.type.shape, symbols).reduce((a, b) => a * b, 1) <= LARGEST;
  const nodes = maker.builder.nodes.slice(
    0,
    maker.builder.nodes.findIndex((node) => !node.results.every(isSmall)) >>> 0,
  );
  const results = nodes.flatMap((node) => node.results);
  const outputs = results.filter((_, at) => at === results.length - 1 || random() < 0.2);
  const draw = ({ name, value }: GraphInput): readonly [string, Tensor] => {
    return [name, randomTensor(value.type.dtype, concreteShape(value.type.shape, symbols), random)];
  };
  return {
    graph: {
      name: 'Random',
      dims: [{ name: 'batch' }, { name: 'seq', max: 16 }],
      inputs,
      parameters,
      nodes,
      outputs: outputs.map((value, at) => ({ name: `out${at}`, value })),
    },
    inputs: new Map(inputs.map(draw)),
    parameters: new Map(parameters.map(draw)),
  };
}
