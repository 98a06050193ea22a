/** Arithmetic, the language's operators on tensors. Integers wrap around at 32 bits. */
import type { DType } from '../../ir/graph.ts';
import type { Op } from '../../ir/op.ts';
import { binary, compare, literal, select, unary } from '../../kernel/build.ts';
import type { Expr, ScalarType } from '../../kernel/ir.ts';
import { pointwise, type Scalar } from './define.ts';
import { floorModulo, power } from './special.ts';

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

/** A function of doubles, or of integers that is then reduced to 32 bits. */
function wrapping(dtype: DType, exact: Scalar): Scalar {
  switch (dtype) {
    case 'f32':
      return exact;
    case 'i32':
    case 'bool':
      return (a, b, c) => exact(a, b, c) | 0;
    case 'u32':
      return (a, b, c) => exact(a, b, c) >>> 0;
  }
}

function product(dtype: DType): Scalar {
  switch (dtype) {
    case 'f32':
      return (a, b) => a * b;
    case 'i32':
    case 'bool':
      return Math.imul;
    case 'u32':
      return (a, b) => Math.imul(a, b) >>> 0;
  }
}

/** For integers, the divisor 0 gives 0, and so, on every target, does -1, which would trap on the least i32. */
function remainder(a: Expr, b: Expr, type: ScalarType): Expr {
  if (type === 'f32') return binary('mod', a, b);
  const zero = literal(0, type);
  const one = literal(1, type);
  const isZero = compare('eq', b, zero);
  if (type === 'u32') {
    const divisor = select(isZero, one, b);
    return binary('sub', a, binary('mul', divisor, binary('div', a, divisor)));
  }
  const divisor = select(binary('or', isZero, compare('eq', b, literal(-1, type))), one, b);
  const rest = binary('sub', a, binary('mul', divisor, binary('div', a, divisor)));
  const opposed = compare('lt', binary('xor', rest, divisor), zero);
  return select(binary('and', compare('ne', rest, zero), opposed), binary('add', rest, divisor), rest);
}

export const arithmetic: readonly Op[] = [
  pointwise({
    name: 'add',
    operator: '+',
    doc: 'The sum, element by element (f32, i32, u32). Integers wrap around at 32 bits.',
    operands: ['left', 'right'],
    dtypes: NUMBERS,
    compute: (_, dtype) => wrapping(dtype, (a, b) => a + b),
    scalar: ([a, b]) => binary('add', a!, b!),
    vjp: (_, g) => [g, g],
  }),
  pointwise({
    name: 'sub',
    operator: '-',
    doc: 'The difference, element by element (f32, i32, u32). Integers wrap around at 32 bits.',
    operands: ['left', 'right'],
    dtypes: NUMBERS,
    compute: (_, dtype) => wrapping(dtype, (a, b) => a - b),
    scalar: ([a, b]) => binary('sub', a!, b!),
    vjp: (f, g) => [g, f('neg', g)],
  }),
  pointwise({
    name: 'mul',
    operator: '*',
    doc: 'The product, element by element (f32, i32, u32). Integers wrap around at 32 bits.',
    operands: ['left', 'right'],
    dtypes: NUMBERS,
    compute: (_, dtype) => product(dtype),
    scalar: ([a, b]) => binary('mul', a!, b!),
    vjp: (f, g, { operands: [a, b] }) => [f('mul', g, b!), f('mul', g, a!)],
  }),
  pointwise({
    name: 'div',
    operator: '/',
    doc: 'The quotient, element by element (f32). Division by 0 follows IEEE 754: an infinity, and NaN of 0 / 0.',
    operands: ['left', 'right'],
    dtypes: ['f32'],
    compute: () => (a, b) => a / b,
    scalar: ([a, b]) => binary('div', a!, b!),
    expensive: true,
    vjp(f, g, { operands: [, b], result: y }) {
      const part = f('div', g, b!);
      return [part, f('neg', f('mul', part, y))];
    },
  }),
  pointwise({
    name: 'pow',
    operator: '**',
    doc: "The first f32 tensor raised to the second, element by element, with C's special cases: x ** 0 and 1 ** x are 1.",
    operands: ['base', 'exponent'],
    dtypes: ['f32'],
    compute: () => power,
    scalar: ([a, b]) => binary('pow', a!, b!),
    expensive: true,
    range: [0.1, 3],
    tolerance: { absolute: 1e-6, relative: 1e-5 },
    // As PyTorch: what is constant where it stands has the derivative 0, also where the formula says 0 times infinity.
    vjp(f, g, { operands: [a, b], result: y }) {
      const slope = f('mul', b!, f('pow', a!, f('sub', b!, 1)));
      const isFlat = f('and', f('equal', a!, 0), f('greater_equal', b!, 0));
      return [
        f('where', f('equal', b!, 0), 0, f('mul', g, slope)),
        f('where', isFlat, 0, f('mul', g, f('mul', y, f('log', a!)))),
      ];
    },
  }),
  pointwise({
    name: 'mod',
    operator: '%',
    doc:
      'The remainder with the sign of the divisor, as in Python (f32, i32, u32). An integer modulo 0 is 0. Of f32 it is ' +
      'smaller than the divisor also where rounding would make it equal, NaN of an infinity or by 0, and exact where ' +
      'the quotient is below 2**47; the wasm target may give 0 for larger ones.',
    operands: ['left', 'right'],
    dtypes: NUMBERS,
    compute: (_, dtype) => (dtype === 'f32' ? floorModulo : (a, b) => (b === 0 ? 0 : floorModulo(a, b) + 0)),
    scalar: ([a, b], _, type) => remainder(a!, b!, type),
    expensive: true,
    range: [-9, 9],
    tolerance: { absolute: 1e-5, relative: 1e-5 },
    // a - b floor(a / b), and floor is a step.
    vjp: (f, g, { operands: [a, b] }) => [g, f('neg', f('mul', g, f('floor', f('div', a!, b!))))],
  }),
  pointwise({
    name: 'neg',
    operator: '-',
    doc: 'The tensor with its sign changed (f32, i32). The least i32 stays itself.',
    operands: ['x'],
    dtypes: ['f32', 'i32'],
    compute: (_, dtype) => wrapping(dtype, (a) => -a),
    scalar: ([x], _, type) => (type === 'f32' ? unary('neg', x!) : binary('sub', literal(0, type), x!)),
    vjp: (f, g) => [f('neg', g)],
  }),
];
