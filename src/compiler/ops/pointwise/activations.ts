/** Activation functions of f32, as PyTorch defines them. */
import type { Value } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { binary, compare, literal, multiplyAdd, select, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import type { Apply } from '../formula.ts';
import { unknownWord } from '../rules.ts';
import { pointwise } from './define.ts';
import { normalDensity } from './math.ts';
import { erfc } from './special.ts';

const one = literal(1);
const zero = literal(0);
const tolerance = { absolute: 4e-6, relative: 1e-5 };

/** 1 + exp(-x) */
function onePlusExpNegative(x: Expr): Expr {
  return binary('add', one, unary('exp', unary('neg', x)));
}

/** The derivative of x s(u(x)), s being the sigmoid, where `slope` is that of u. */
function gatedSlope(f: Apply, x: Value, s: Value, slope: Value | number): Value {
  const exponent = slope === 1 ? x : f('mul', x, slope);
  return f('mul', s, f('add', f('mul', exponent, f('sub', 1, s)), 1));
}

type Approximation = { readonly approximate: string };
/** Of the tanh form (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415, section 2). */
const SLOPE = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

const gelu = pointwise<Approximation>({
  name: 'gelu',
  doc:
    'The Gaussian error linear unit x Phi(x) (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415): with ' +
    '`approximate: "none"` 0.5 x (1 + erf(x / sqrt 2)), with "tanh" 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).',
  operands: ['x'],
  attributes: [{ name: 'approximate', kind: 'string', default: 'none', doc: '"none" or "tanh".' }],
  dtypes: ['f32'],
  check(_, { approximate }) {
    const words = ['none', 'tanh'];
    if (words.includes(approximate)) return undefined;
    return unknownWord('gelu', 'approximations', 'approximate', approximate, words);
  },
  compute({ approximate }) {
    if (approximate === 'tanh') return (x) => 0.5 * x * (1 + Math.tanh(SLOPE * (x + CUBIC * x ** 3)));
    return (x) => 0.5 * x * erfc(-x * Math.SQRT1_2);
  },
  scalar([x], { approximate }) {
    if (approximate !== 'tanh') return binary('mul', x!, unary('normcdf', x!));
    // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u))
    const slope = multiplyAdd(binary('mul', x!, x!), literal(-2 * SLOPE * CUBIC), literal(-2 * SLOPE));
    return binary('div', x!, binary('add', one, unary('exp', binary('mul', x!, slope))));
  },
  expensive: true,
  vjp(f, g, { operands: [x], attributes: { approximate } }) {
    if (approximate !== 'tanh') return [f('mul', g, f('add', f('normcdf', x!), f('mul', x!, normalDensity(f, x!))))];
    // Of x s(u), where s is the sigmoid and u(x) = 2 sqrt(2 / pi) (x + 0.044715 x³).
    const square = f('square', x!);
    const s = f('sigmoid', f('mul', x!, f('add', f('mul', square, 2 * SLOPE * CUBIC), 2 * SLOPE)));
    const slope = f('add', f('mul', square, 6 * SLOPE * CUBIC), 2 * SLOPE);
    return [f('mul', g, gatedSlope(f, x!, s, slope))];
  },
  tolerance,
  range: [-6, 6],
  corners: [{ approximate: 'none' }, { approximate: 'tanh' }],
});

type Softplus = { readonly beta: number; readonly threshold: number };

const softplus = pointwise<Softplus>({
  name: 'softplus',
  doc: 'log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.',
  operands: ['x'],
  attributes: [
    { name: 'beta', kind: 'float', default: 1, doc: 'The sharpness of the bend.' },
    { name: 'threshold', kind: 'float', default: 20, doc: 'Above this value of beta x the result is x.' },
  ],
  dtypes: ['f32'],
  compute:
    ({ beta, threshold }) =>
    (x) =>
      beta * x > threshold ? x : Math.log1p(Math.exp(beta * x)) / beta,
  scalar([x], { beta, threshold }) {
    const scaled = binary('mul', x!, literal(beta));
    const bend = binary('div', unary('log1p', unary('exp', scaled)), literal(beta));
    return select(compare('gt', scaled, literal(threshold)), x!, bend);
  },
  expensive: true,
  vjp(f, g, { operands: [x], attributes: { beta, threshold } }) {
    const scaled = f('mul', x!, beta);
    return [f('mul', g, f('where', f('greater', scaled, threshold), 1, f('sigmoid', scaled)))];
  },
  tolerance,
  range: [-6, 6],
  corners: [
    { beta: 1, threshold: 20 },
    { beta: 2, threshold: 5 },
  ],
});

const leakyRelu = pointwise<{ readonly negative_slope: number }>({
  name: 'leaky_relu',
  doc: 'x above 0, negative_slope * x elsewhere (Maas et al. 2013).',
  operands: ['x'],
  attributes: [{ name: 'negative_slope', kind: 'float', default: 0.01, doc: 'The factor of negative elements.' }],
  dtypes: ['f32'],
  compute:
    ({ negative_slope: slope }) =>
    (x) =>
      x > 0 ? x : slope * x,
  scalar: ([x], { negative_slope: slope }) => select(compare('gt', x!, zero), x!, binary('mul', literal(slope), x!)),
  vjp: (f, g, { operands: [x], attributes: { negative_slope: slope } }) => [
    f('where', f('greater', x!, 0), g, f('mul', g, slope)),
  ],
  corners: [{ negative_slope: 0.01 }, { negative_slope: 1.5 }],
});

const elu = pointwise<{ readonly alpha: number }>({
  name: 'elu',
  doc: 'x above 0, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015, https://arxiv.org/abs/1511.07289).',
  operands: ['x'],
  attributes: [{ name: 'alpha', kind: 'float', default: 1, doc: 'Minus the limit towards negative infinity.' }],
  dtypes: ['f32'],
  compute:
    ({ alpha }) =>
    (x) =>
      x > 0 ? x : alpha * Math.expm1(x),
  scalar: ([x], { alpha }) => select(compare('gt', x!, zero), x!, binary('mul', literal(alpha), unary('expm1', x!))),
  expensive: true,
  vjp: (f, g, { operands: [x], attributes: { alpha } }) => [
    f('where', f('greater', x!, 0), g, f('mul', f('mul', g, alpha), f('exp', x!))),
  ],
  tolerance,
  corners: [{ alpha: 1 }, { alpha: 0.5 }],
});

/** tanh(softplus(x)) as a quotient of powers of exp(-|x|), which cannot overflow. */
function tanhSoftplus(x: Expr): Expr {
  const e = unary('exp', unary('neg', unary('abs', x)));
  const square = binary('mul', e, e);
  const twice = binary('add', e, e);
  const above = binary('add', one, twice);
  const below = binary('add', twice, square);
  const isAbove = compare('ge', x, zero);
  const rest = select(isAbove, binary('add', square, square), literal(2));
  const most = select(isAbove, above, below);
  return binary('div', most, binary('add', most, rest));
}

const further: readonly Op[] = [
  pointwise({
    name: 'hardswish',
    doc: 'x * clamp(x + 3, 0, 6) / 6 (Howard et al. 2019, https://arxiv.org/abs/1905.02244).',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    scalar([x]) {
      const gate = binary('min', binary('max', binary('add', x!, literal(3)), zero), literal(6));
      return binary('mul', x!, binary('div', gate, literal(6)));
    },
    vjp(f, g, { operands: [x] }) {
      const inner = f('where', f('less', x!, 3), f('mul', g, f('add', f('mul', x!, 1 / 3), 0.5)), g);
      return [f('where', f('greater', x!, -3), inner, 0)];
    },
    range: [-6, 6],
  }),
  pointwise({
    name: 'log_sigmoid',
    doc: 'log(1 / (1 + exp(-x))), which does not overflow.',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    scalar([x]) {
      const tail = unary('log1p', unary('exp', unary('neg', unary('abs', x!))));
      return binary('sub', binary('min', x!, zero), tail);
    },
    expensive: true,
    vjp: (f, g, { operands: [x] }) => [f('mul', g, f('sigmoid', f('neg', x!)))],
    tolerance,
    range: [-6, 6],
  }),
  pointwise({
    name: 'mish',
    doc: 'x * tanh(softplus(x)) (Misra 2019, https://arxiv.org/abs/1908.08681).',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => x * Math.tanh(Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0)),
    scalar: ([x]) => binary('mul', x!, tanhSoftplus(x!)),
    expensive: true,
    vjp(f, g, { operands: [x] }) {
      const t = f('tanh', f('softplus', x!));
      const slope = f('mul', f('sub', 1, f('square', t)), f('sigmoid', x!));
      return [f('mul', g, f('add', t, f('mul', x!, slope)))];
    },
    tolerance,
    range: [-6, 6],
  }),
];

export const activations: readonly Op[] = [
  pointwise({
    name: 'relu',
    doc: 'max(x, 0); NaN stays NaN.',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => Math.max(x, 0),
    scalar: ([x]) => binary('max', x!, zero),
    vjp: (f, g, { result: y }) => [f('where', f('less_equal', y, 0), 0, g)],
  }),
  gelu,
  pointwise({
    name: 'sigmoid',
    doc: '1 / (1 + exp(-x)).',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => 1 / (1 + Math.exp(-x)),
    scalar: ([x]) => binary('div', one, onePlusExpNegative(x!)),
    expensive: true,
    vjp: (f, g, { result: y }) => [f('mul', g, f('mul', y, f('sub', 1, y)))],
    tolerance,
    range: [-6, 6],
  }),
  pointwise({
    name: 'silu',
    doc: 'x * sigmoid(x), also known as swish (Elfwing et al. 2017, https://arxiv.org/abs/1702.03118).',
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => (x) => x / (1 + Math.exp(-x)),
    scalar: ([x]) => binary('div', x!, onePlusExpNegative(x!)),
    expensive: true,
    vjp: (f, g, { operands: [x] }) => [f('mul', g, gatedSlope(f, x!, f('sigmoid', x!), 1))],
    tolerance,
    range: [-6, 6],
  }),
  softplus,
  leakyRelu,
  elu,
  ...further,
];
