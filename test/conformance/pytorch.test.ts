/** Evaluation against PyTorch in f64, on the stored bundles: the table says which op a bundle's call is here. */
import { expect, test } from 'vitest';
import { constant, constantValue, type Dim } from '../../src/compiler/dims/dim.ts';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { broadcastShapes } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { describeReference } from '../support/reference.ts';
import { expectClose } from '../support/tensors.ts';
import { readBundle, type SubCase } from './bundles.ts';

/** A call under construction: operands by name, and short forms for ops. */
class Call {
  readonly builder = new Builder(ops, new Map());
  readonly #inputs: ReadonlyMap<string, Value>;

  constructor(inputs: ReadonlyMap<string, Value>) {
    this.#inputs = inputs;
  }

  has(name: string): boolean {
    return this.#inputs.has(name);
  }

  in(name: string): Value {
    const value = this.#inputs.get(name);
    if (!value) throw new Error(`the bundle has no operand ${name}`);
    return value;
  }

  one(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.builder.one(op, inputs, attributes);
  }

  number(value: number): Value {
    return this.one('constant', [], { dtype: 'f32', shape: [], data: [value] });
  }

  /** A pointwise op on operands that broadcast. */
  pointwise(op: string, ...operands: readonly Value[]): Value {
    const common = broadcastShapes(operands.map((operand) => operand.type.shape));
    if ('notes' in common) throw new Error(common.notes.join());
    const expanded = operands.map((operand) => this.one('expand', [operand], { shape: common.shape }));
    return this.one(op, expanded);
  }
}

type Results = { readonly [name: string]: Value };
type Translation = (call: Call, attributes: Attributes) => Results;

const y = (value: Value): Results => ({ y: value });
const numbered = (values: readonly Value[]): Results =>
  Object.fromEntries(values.map((value, at) => [`y${at}`, value]));

/** An op of one operand `x`, its attributes as `rename` makes them of the bundle's. */
function unary(op: string, rename: (attributes: Attributes) => Attributes = () => ({})): Translation {
  return (call, attributes) => y(call.one(op, [call.in('x')], rename(attributes)));
}

const numbers = (value: Attributes[string]): readonly number[] => value as readonly number[];
const sizes = (value: Attributes[string]): Dim[] => toDims(numbers(value));
const axisOnly = ({ axis }: Attributes): Attributes => ({ axis: axis! });

/** (x - mean) / sqrt(var + eps) over some axes. */
function normalize(call: Call, x: Value, axis: readonly number[], eps: number): Value {
  const centred = call.pointwise('sub', x, call.one('mean', [x], { axis, keepdim: true }));
  const spread = call.one('var', [x], { axis, keepdim: true, unbiased: false });
  return call.pointwise('mul', centred, call.one('rsqrt', [call.pointwise('add', spread, call.number(eps))]));
}

function affine(call: Call, x: Value): Value {
  const scaled = call.has('w') ? call.pointwise('mul', x, call.in('w')) : x;
  return call.has('b') ? call.pointwise('add', scaled, call.in('b')) : scaled;
}

/** Python's `start:stop:step` of one axis in the normal form of `slice`. */
function range([start, stop, step]: readonly (number | null)[], size: number): readonly [number, number, number] {
  const place = (at: number | null, otherwise: number): number =>
    at === null ? otherwise : Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const from = place(start ?? null, 0);
  return [from, Math.max(place(stop ?? null, size), from), step ?? 1];
}

function sliced(call: Call, { slices }: Attributes): Results {
  const x = call.in('x');
  const given = slices as readonly (readonly (number | null)[])[];
  const ranges = x.type.shape.map((dim, axis) => range(given[axis] ?? [null, null, null], constantValue(dim)!));
  const [starts, stops, steps] = [0, 1, 2].map((at) => toDims(ranges.map((part) => part[at]!)));
  return y(call.one('slice', [x], { starts: starts!, stops: stops!, steps: steps! }));
}

function linear(call: Call, x: Value, w: string, b: string): Value {
  const product = call.one('einsum', [x, call.in(w)], { pattern: '... i, o i -> ... o' });
  return call.has(b) ? call.pointwise('add', product, call.in(b)) : product;
}

function attention(call: Call, q: Value, k: Value, v: Value, scale: number, mask?: Value): Value {
  const scores = call.one('einsum', [q, k], { pattern: 'b h i d, b h j d -> b h i j' });
  const scaled = call.pointwise('mul', scores, call.number(scale));
  const masked = !mask
    ? scaled
    : mask.type.dtype === 'bool'
      ? call.pointwise('where', mask, scaled, call.number(-Infinity))
      : call.pointwise('add', scaled, mask);
  const weights = call.one('softmax', [masked], { axis: -1 });
  return call.one('matmul', [weights, v]);
}

function causalMask(call: Call, size: Dim): Value {
  const positions = call.one('arange', [], { stop: size });
  const column = call.one('unsqueeze', [positions], { axis: 1 });
  return call.pointwise('less_equal', positions, column);
}

const operations: { readonly [bundle: string]: Translation } = {
  abs: unary('abs'),
  binary(call) {
    const names = ['add', 'sub', 'mul', 'div', 'minimum', 'maximum'];
    return Object.fromEntries(names.map((name) => [name, call.pointwise(name, call.in('a'), call.in('b'))]));
  },
  chunk: (call, { n, axis }) => numbered(call.builder.apply('chunk', [call.in('x')], { chunks: n!, axis: axis! })),
  clamp: unary('clamp', ({ lo, hi }) => ({ min: lo!, max: hi! })),
  concat: (call, attributes) =>
    y(
      call.one(
        'concat',
        ['a', 'b', 'c'].map((name) => call.in(name)),
        axisOnly(attributes),
      ),
    ),
  cos: unary('cos'),
  einsum(call, { eq }) {
    const operands = ['a', 'b', 'c'].filter((name) => call.has(name)).map((name) => call.in(name));
    return y(call.one('einsum', operands, { pattern: eq! }));
  },
  elu: unary('elu', ({ alpha }) => ({ alpha: alpha! })),
  erf: unary('erf'),
  exp: unary('exp'),
  expand: unary('expand', ({ shape }) => ({ shape: sizes(shape!) })),
  expm1: unary('expm1'),
  flip: unary('flip', ({ axes }) => ({ axis: axes! })),
  floor: unary('floor'),
  gelu_erf: unary('gelu', () => ({ approximate: 'none' })),
  gelu_tanh: unary('gelu', () => ({ approximate: 'tanh' })),
  layer_norm(call, { shape, eps }) {
    const axes = numbers(shape!).map((_, at) => -1 - at);
    return y(affine(call, normalize(call, call.in('x'), axes, Number(eps))));
  },
  leaky_relu: unary('leaky_relu', ({ slope }) => ({ negative_slope: slope! })),
  linear: (call) => y(linear(call, call.in('x'), 'w', 'b')),
  log: unary('log'),
  log1p: unary('log1p'),
  log_softmax: unary('log_softmax', axisOnly),
  logsumexp: unary('logsumexp', ({ axis, keepdim }) => ({ axis: axis!, keepdim: keepdim! })),
  masked_fill_softmax(call) {
    const filled = call.pointwise('where', call.in('mask'), call.number(-Infinity), call.in('x'));
    return y(call.one('softmax', [filled], { axis: -1 }));
  },
  matmul: (call) => y(call.one('matmul', [call.in('a'), call.in('b')])),
  mha(call, { heads }) {
    const qkv = linear(call, call.in('x'), 'in_w', 'in_b');
    const [q, k, v] = call.builder.apply('unstack', [
      call.one('rearrange', [qkv], { pattern: 'b n (s h d) -> s b h n d', sizes: { s: 3, h: heads! } }),
    ]);
    const width = constantValue(q!.type.shape[3]!)!;
    const mixed = attention(call, q!, k!, v!, width ** -0.5);
    return y(
      linear(call, call.one('rearrange', [mixed], { pattern: 'b h n d -> b n (h d)', sizes: {} }), 'out_w', 'out_b'),
    );
  },
  neg: unary('neg'),
  pad: unary('pad', ({ pads, mode, value }) => {
    const pairs = pads as readonly (readonly number[])[];
    const [before, after] = [0, 1].map((end) => toDims(pairs.map((pair) => pair[end]!)));
    return { before: before!, after: after!, mode: mode!, value: value ?? 0 };
  }),
  permute: unary('transpose', ({ axes }) => ({ permutation: axes! })),
  pixel_shuffle: unary('rearrange', ({ r }) => ({
    pattern: 'n (c r s) h w -> n c (h r) (w s)',
    sizes: { r: r!, s: r! },
  })),
  pow_int_negative_base: (call, { p }) => y(call.pointwise('pow', call.in('x'), call.number(Number(p)))),
  pow_scalar: (call, { p }) => y(call.pointwise('pow', call.in('x'), call.number(Number(p)))),
  pow_tensor: (call) => y(call.pointwise('pow', call.in('a'), call.in('b'))),
  prod: unary('prod', axisOnly),
  rearrange: unary('rearrange', ({ pattern, sizes }) => ({ pattern: pattern!, sizes: sizes! })),
  reciprocal: unary('reciprocal'),
  reduce: (call, { op, axes, keepdim }) =>
    y(call.one(String(op).replace(/^a/, ''), [call.in('x')], { axis: axes!, keepdim: keepdim! })),
  relu: unary('relu'),
  repeat: unary('repeat', ({ reps }) => {
    const [p, q, r] = numbers(reps!);
    return r === undefined
      ? { pattern: 'a b -> (p a) (q b)', sizes: { p: p!, q: q! } }
      : { pattern: 'a b -> p (q a) (r b)', sizes: { p: p!, q: q!, r } };
  }),
  reshape: (call, { axes, shape }) =>
    y(call.one('reshape', [call.one('transpose', [call.in('x')], { permutation: axes! })], { shape: sizes(shape!) })),
  rms_norm(call, { eps }) {
    const x = call.in('x');
    const mean = call.one('mean', [call.one('square', [x])], { axis: -1, keepdim: true });
    return y(
      affine(
        call,
        call.pointwise('mul', x, call.one('rsqrt', [call.pointwise('add', mean, call.number(Number(eps)))])),
      ),
    );
  },
  round: unary('round'),
  rsqrt: unary('rsqrt'),
  sdpa(call, { scale, causal }) {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => call.in(name));
    const mask = causal ? causalMask(call, q!.type.shape[2]!) : call.has('mask') ? call.in('mask') : undefined;
    return y(attention(call, q!, k!, v!, Number(scale ?? constantValue(q!.type.shape[3]!)! ** -0.5), mask));
  },
  sigmoid: unary('sigmoid'),
  sign: unary('sign'),
  silu: unary('silu'),
  sin: unary('sin'),
  slice: sliced,
  softmax: unary('softmax', axisOnly),
  softplus: unary('softplus', ({ beta, threshold }) => ({ beta: beta!, threshold: threshold! })),
  split: (call, { sizes: parts, axis }) =>
    numbered(call.builder.apply('split', [call.in('x')], { sizes: sizes(parts!), axis: axis! })),
  sqrt: unary('sqrt'),
  square: unary('square'),
  stack: (call, attributes) => y(call.one('stack', [call.in('a'), call.in('b')], axisOnly(attributes))),
  tanh: unary('tanh'),
  var_std(call, { axes, correction, keepdim }) {
    const attributes = { axis: axes!, keepdim: keepdim!, unbiased: correction === 1 };
    return { var: call.one('var', [call.in('x')], attributes), std: call.one('std', [call.in('x')], attributes) };
  },
  where: (call) => y(call.pointwise('where', call.in('cond'), call.in('a'), call.in('b'))),
};

/** Truths of the bundles are PyTorch's own f64; a last digit may differ between its exp and ours. */
const F64 = { absolute: 1e-12, relative: 1e-11 };

function check(translate: Translation, { name, attributes, tensors }: SubCase): void {
  const inputs = [...tensors].filter(([key]) => key.startsWith('in.') && !key.startsWith('in.cot.'));
  const values = new Map<string, Value>();
  const call = new Call(values);
  for (const [key, { dtype, shape }] of inputs)
    values.set(key.slice(3), call.builder.value({ dtype, shape: shape.map(constant) }));
  const results = translate(call, attributes);
  const graph: Graph = {
    name: 'reference',
    dims: [],
    inputs: [...values].map(([input, value]) => ({ name: input, value })),
    parameters: [],
    nodes: call.builder.nodes,
    outputs: Object.entries(results).map(([output, value]) => ({ name: output, value })),
  };
  expect(verify(graph, ops)).toEqual([]);
  const given = new Map(inputs.map(([key, tensor]) => [key.slice(3), tensor]));
  const outputs = interpret(graph, { inputs: given, parameters: new Map() });
  const wanted = [...tensors].filter(([key]) => key.startsWith('out64.'));
  expect(wanted.length).toBeGreaterThan(0);
  for (const [key, truth] of wanted) {
    const got = outputs.get(key.slice('out64.'.length))!;
    expect(got.shape).toEqual(truth.shape);
    expectClose(got.data, truth.data, F64, `${name}/${key}`);
  }
}

describeReference('evaluation agrees with PyTorch', 'oracle/shared/ops', () => {
  for (const [bundle, translate] of Object.entries(operations)) {
    test(bundle, () => {
      for (const subCase of readBundle(`ops/${bundle}`)) check(translate, subCase);
    });
  }
});
