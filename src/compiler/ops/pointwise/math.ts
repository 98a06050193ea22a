/** Elementary functions, named and defined as in NumPy and PyTorch. NaN in gives NaN out. */
import type { Value } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { binary, compare, literal, select, unary } from '../../kernel/build.ts';
import type { Expr, ScalarType, UnaryOp } from '../../kernel/ir.ts';
import type { Apply } from '../formula.ts';
import { isValueOf } from '../rules.ts';
import { pointwise } from './define.ts';
import { erf, erfc, roundHalfEven } from './special.ts';

interface Elementary {
  readonly name: string;
  readonly doc: string;
  readonly compute: (x: number) => number;
  readonly scalar: UnaryOp | ((x: Expr) => Expr);
  readonly range?: readonly [number, number];
  /** Of one rounding only, and cheap. */
  readonly exact?: boolean;
  readonly internal?: true;
  /** The cotangent of x from that of the result y; `flat`: the derivative is 0 where there is one. */
  readonly vjp: 'flat' | ((f: Apply, cotangent: Value, x: Value, y: Value) => Value);
}

/** A function of one f32. */
function elementary({ name, doc, compute, scalar, range, exact, internal, vjp }: Elementary): Op {
  return pointwise({
    name,
    doc,
    ...(internal && { internal }),
    operands: ['x'],
    dtypes: ['f32'],
    compute: () => compute,
    scalar: ([x]) => (typeof scalar === 'string' ? unary(scalar, x!) : scalar(x!)),
    ...(exact ? {} : { expensive: true }),
    ...(range ? { range } : {}),
    vjp: (f, g, { operands: [x], result }) => [vjp === 'flat' ? undefined : vjp(f, g, x!, result)],
    tolerance: exact ? { absolute: 1e-6, relative: 1e-6 } : { absolute: 2e-6, relative: 5e-6 },
  });
}

/** Chooses by sign; zeros and NaN come out as they are. */
function bySign(x: Expr, positive: Expr, negative: Expr): Expr {
  const zero = literal(0, x.type);
  return select(compare('gt', x, zero), positive, select(compare('lt', x, zero), negative, x));
}

/** The density of the standard normal. */
export function normalDensity(f: Apply, x: Value): Value {
  return f('mul', f('exp', f('mul', f('square', x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
}

const one = literal(1);
/** Near an integer or a tie, f32 and f64 may fall to different sides; samples of steps keep to this range. */
const STEPS: readonly [number, number] = [-9, 9];

const ANGLES =
  'The wasm target keeps its accuracy up to |x| = 2e6; from 1e7 on, its result is only known to lie in -1 … 1.';

const functions: readonly Op[] = [
  elementary({
    name: 'exp',
    doc: 'e to the power x.',
    compute: Math.exp,
    scalar: 'exp',
    vjp: (f, g, _, y) => f('mul', g, y),
  }),
  elementary({
    name: 'expm1',
    doc: 'exp(x) - 1 without cancellation near 0.',
    compute: Math.expm1,
    scalar: 'expm1',
    vjp: (f, g, _, y) => f('mul', g, f('add', y, 1)),
  }),
  elementary({
    name: 'log',
    doc: 'The natural logarithm; -inf at 0, NaN below.',
    compute: Math.log,
    scalar: 'log',
    range: [0.05, 8],
    vjp: (f, g, x) => f('div', g, x),
  }),
  elementary({
    name: 'log1p',
    doc: 'log(1 + x) without cancellation near 0; -inf at -1, NaN below.',
    compute: Math.log1p,
    scalar: 'log1p',
    range: [-0.9, 4],
    vjp: (f, g, x) => f('div', g, f('add', x, 1)),
  }),
  elementary({
    name: 'sqrt',
    doc: 'The square root; NaN below 0.',
    compute: Math.sqrt,
    scalar: 'sqrt',
    range: [0, 8],
    vjp: (f, g, _, y) => f('div', g, f('mul', y, 2)),
  }),
  elementary({
    name: 'rsqrt',
    doc: '1 / sqrt(x); inf at 0, NaN below.',
    compute: (x) => 1 / Math.sqrt(x),
    scalar: (x) => binary('div', one, unary('sqrt', x)),
    range: [0.05, 8],
    vjp: (f, g, _, y) => f('mul', f('mul', g, -0.5), f('mul', y, f('square', y))),
  }),
  elementary({
    name: 'reciprocal',
    doc: '1 / x; of 0 infinity with its sign.',
    compute: (x) => 1 / x,
    scalar: (x) => binary('div', one, x),
    range: [0.2, 4],
    vjp: (f, g, _, y) => f('neg', f('mul', g, f('square', y))),
  }),
  elementary({
    name: 'sin',
    doc: `The sine of x in radians. ${ANGLES}`,
    compute: Math.sin,
    scalar: 'sin',
    vjp: (f, g, x) => f('mul', g, f('cos', x)),
  }),
  elementary({
    name: 'cos',
    doc: `The cosine of x in radians. ${ANGLES}`,
    compute: Math.cos,
    scalar: 'cos',
    vjp: (f, g, x) => f('neg', f('mul', g, f('sin', x))),
  }),
  elementary({
    name: 'tanh',
    doc: 'The hyperbolic tangent.',
    compute: Math.tanh,
    scalar: 'tanh',
    vjp: (f, g, _, y) => f('mul', g, f('sub', 1, f('square', y))),
  }),
  elementary({
    name: 'erf',
    doc: 'The error function, 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x.',
    compute: erf,
    scalar: 'erf',
    vjp: (f, g, x) => f('mul', f('mul', g, 2 / Math.sqrt(Math.PI)), f('exp', f('neg', f('square', x)))),
  }),
  elementary({
    name: 'normcdf',
    doc: 'The distribution function of the standard normal, (1 + erf(x / sqrt 2)) / 2, without cancellation below 0.',
    compute: (x) => erfc(-x * Math.SQRT1_2) / 2,
    scalar: 'normcdf',
    internal: true,
    vjp: (f, g, x) => f('mul', g, normalDensity(f, x)),
  }),
  elementary({
    name: 'square',
    doc: 'x * x.',
    compute: (x) => x * x,
    scalar: (x) => binary('mul', x, x),
    exact: true,
    vjp: (f, g, x) => f('mul', f('mul', g, 2), x),
  }),
  elementary({
    name: 'floor',
    doc: 'The largest integer not above x.',
    compute: Math.floor,
    scalar: 'floor',
    range: STEPS,
    exact: true,
    vjp: 'flat',
  }),
  elementary({
    name: 'ceil',
    doc: 'The smallest integer not below x.',
    compute: Math.ceil,
    scalar: 'ceil',
    range: STEPS,
    exact: true,
    vjp: 'flat',
  }),
  elementary({
    name: 'round',
    doc: 'The nearest integer, ties to even.',
    compute: roundHalfEven,
    scalar: 'round',
    range: STEPS,
    exact: true,
    vjp: 'flat',
  }),
];

function magnitude(x: Expr, type: ScalarType): Expr {
  if (type === 'f32') return unary('abs', x);
  const zero = literal(0, type);
  return select(compare('lt', x, zero), binary('sub', zero, x), x);
}

const signed: readonly Op[] = [
  pointwise({
    name: 'abs',
    doc: '|x| (f32, i32). The least i32 is its own magnitude.',
    operands: ['x'],
    dtypes: ['f32', 'i32'],
    compute: (_, dtype) => (dtype === 'f32' ? Math.abs : (a) => Math.abs(a) | 0),
    scalar: ([x], _, type) => magnitude(x!, type),
    vjp: (f, g, { operands: [x] }) => [f('mul', g, f('sign', x!))],
  }),
  pointwise({
    name: 'sign',
    doc: '1 above, -1 below and 0 at 0 (f32, i32); NaN for NaN, as NumPy.',
    operands: ['x'],
    dtypes: ['f32', 'i32'],
    compute: () => Math.sign,
    scalar: ([x], _, type) => bySign(x!, literal(1, type), literal(-1, type)),
    vjp: () => [undefined],
  }),
];

/** The cotangent of the operand that was chosen if it `wins`; equal operands share it, as in PyTorch. */
function share(f: Apply, g: Value, wins: 'less' | 'greater', own: Value, other: Value): Value {
  return f('where', f('equal', own, other), f('mul', g, 0.5), f('where', f(wins, own, other), g, 0));
}

/** NaN if either is NaN, as NumPy's `maximum`. */
const extremes: readonly Op[] = [
  pointwise({
    name: 'minimum',
    doc: 'The smaller of two elements (f32, i32, u32); NaN if either is NaN.',
    operands: ['left', 'right'],
    dtypes: ['f32', 'i32', 'u32'],
    compute: () => (a, b) => Math.min(a, b),
    scalar: ([a, b]) => binary('min', a!, b!),
    vjp: (f, g, { operands: [a, b] }) => [share(f, g, 'less', a!, b!), share(f, g, 'less', b!, a!)],
  }),
  pointwise({
    name: 'maximum',
    doc: 'The larger of two elements (f32, i32, u32); NaN if either is NaN.',
    operands: ['left', 'right'],
    dtypes: ['f32', 'i32', 'u32'],
    compute: () => (a, b) => Math.max(a, b),
    scalar: ([a, b]) => binary('max', a!, b!),
    vjp: (f, g, { operands: [a, b] }) => [share(f, g, 'greater', a!, b!), share(f, g, 'greater', b!, a!)],
  }),
];

type ClampAttributes = { readonly min: number | null; readonly max: number | null };

const clamp = pointwise<ClampAttributes>({
  name: 'clamp',
  doc: 'x limited to min … max (f32, i32, u32); either may be none. Where min > max the result is max, as in PyTorch; NaN stays NaN.',
  operands: ['x'],
  attributes: [
    { name: 'min', kind: 'float', default: null, doc: 'The least value; none for no limit.' },
    { name: 'max', kind: 'float', default: null, doc: 'The greatest value; none for no limit.' },
  ],
  dtypes: ['f32', 'i32', 'u32'],
  check([x], { min, max }) {
    if (min === null && max === null) return { message: '`clamp` needs `min` or `max`', attribute: 'min' };
    for (const [attribute, limit] of Object.entries({ min, max })) {
      if (limit !== null && !isValueOf(limit, x!.dtype))
        return { message: `\`clamp\` of ${x!.dtype} needs limits that are ${x!.dtype}, not ${limit}`, attribute };
    }
    return undefined;
  },
  compute:
    ({ min, max }) =>
    (x) => {
      const raised = min === null ? x : Math.max(x, min);
      return max === null ? raised : Math.min(raised, max);
    },
  scalar([x], { min, max }, type) {
    const raised = min === null ? x! : binary('max', x!, literal(min, type));
    return max === null ? raised : binary('min', raised, literal(max, type));
  },
  // The limits count as inside, as in PyTorch.
  vjp(f, g, { operands: [x], attributes: { min, max } }) {
    const raised = min === null ? g : f('where', f('greater_equal', x!, min), g, 0);
    return [max === null ? raised : f('where', f('less_equal', x!, max), raised, 0)];
  },
  range: [-3, 3],
  corners: [
    { min: -1, max: 2 },
    { min: null, max: 0 },
    { min: 1, max: null },
    { min: 2, max: 1 },
  ],
});

export const math: readonly Op[] = [...functions, ...signed, ...extremes, clamp];
