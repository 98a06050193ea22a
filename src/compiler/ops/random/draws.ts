/**
 * Random tensors, element by element from a counter: word 0 or 1 of Threefry-2x32 (Salmon et al. 2011,
 * https://doi.org/10.1145/2063384.2063405) under the key of the run, with the element's place and the number of the call
 * as the counter. So each element can be computed anywhere, in any order and again, with the same bits on every backend.
 */
import { threefry } from '../../../program/threefry.ts';
import { constant, constantValue, isAtLeast, subtract, ZERO, ONE, type Dim } from '../../dims/dim.ts';
import { elementCount, linearize, type Shape } from '../../dims/shape.ts';
import { toDims } from '../../ir/attributes.ts';
import type { Attributes, DType, TensorType } from '../../ir/graph.ts';
import {
  defineOp,
  type AttributeSpec,
  type Inference,
  type MovementBody,
  type Op,
  type OperandSpec,
  type SizeCondition,
  type Tolerance,
} from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, convert, literal, position, threefry as threefryOf, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { fails, type Mismatch } from '../rules.ts';
import { n, tensor } from '../samples.ts';

/** The operand that semantics adds to each call. */
export const KEY: OperandSpec = { name: 'key' };
export const keyType: TensorType = tensor('u32', 2);
/** Sample keys of all bits. */
export const KEY_RANGE = [0, 2 ** 32 - 1] as const;

/** The attribute that semantics adds to each call. */
export const CALL: AttributeSpec = { name: 'call', kind: 'int', doc: 'The number of the call in its entry.' };

/** Of the counter, a word of 32 bits is the place of the element. */
const MOST_ELEMENTS = 2 ** 32;

/** A key that is none. */
export function keyFault(called: string, key: TensorType): Mismatch | undefined {
  const isKey = key.dtype === 'u32' && key.shape.length === 1 && constantValue(key.shape[0]!) === 2;
  return isKey ? undefined : { message: `\`${called}\` takes a key u32[2], not ${printType(key)}` };
}

/** That a tensor has more elements than counters, or what has to hold so that it has not. */
export function countLimit(
  called: string,
  shape: Shape,
): { readonly error: Mismatch } | { readonly conditions?: readonly SizeCondition[] } {
  const count = elementCount(shape);
  const limit = constant(MOST_ELEMENTS);
  if (isAtLeast(limit, count)) return {};
  const message = `\`${called}\` draws more than 2^32 elements`;
  if (constantValue(count) !== undefined) return fails(message);
  return { conditions: [{ atLeastZero: subtract(limit, count), message }] };
}

interface Draw {
  readonly name: string;
  readonly doc: string;
  readonly internal?: true;
  readonly dtype: DType;
  readonly attributes?: readonly AttributeSpec[];
  check?(attributes: Attributes): Mismatch | undefined;
  /** An element from the two words of its counter, in f64 and as an expression. */
  readonly compute: (words: readonly [number, number], attributes: Attributes) => number;
  readonly element: (word: (at: 0 | 1) => Expr, attributes: Attributes) => Expr;
  readonly tolerance: Tolerance;
  /** Of samples, beside shape and call. */
  readonly corners?: readonly Attributes[];
}

const shapeSpec: AttributeSpec = { name: 'shape', kind: 'shape', doc: 'The sizes of the result.' };

interface Drawn extends Attributes {
  readonly shape: readonly (Dim | number)[];
  readonly call: number;
}

/** An op that draws each element of a tensor from a counter of its own. */
export function draw(spec: Draw): Op {
  const { name, doc, compute } = spec;
  return defineOp<Drawn>({
    name,
    doc,
    ...(spec.internal && { internal: true }),
    random: true,
    operands: [KEY],
    attributes: [shapeSpec, ...(spec.attributes ?? []), CALL],
    infer: ([key], attributes) => infer(spec, key!, attributes),
    evaluate: ([key], attributes, [output]) => {
      const [first, second] = key!.data;
      const words = (at: number): readonly [number, number] => threefry([first!, second!], [at, attributes.call]);
      return [Float64Array.from({ length: countOf(output!.shape) }, (_, at) => compute(words(at), attributes))];
    },
    body: bodyOf(spec),
    tolerance: spec.tolerance,
    samples: (spec.corners ?? [{}]).flatMap((corner) => [
      { inputs: [keyType], attributes: { shape: toDims([n, 3]), ...corner, call: 0 }, range: KEY_RANGE },
      { inputs: [keyType], attributes: { shape: toDims([n]), ...corner, call: 7 }, range: KEY_RANGE },
      { inputs: [keyType], attributes: { shape: toDims([]), ...corner, call: 1 }, range: KEY_RANGE },
    ]),
  });
}

function infer(spec: Draw, key: TensorType, attributes: Drawn): Inference {
  const { name, dtype } = spec;
  const shape = toDims(attributes.shape);
  const fault = keyFault(name, key) ?? spec.check?.(attributes);
  if (fault) return { error: fault };
  if (shape.some((size) => isAtLeast(constant(-1), size)))
    return fails(`\`${name}\` of a negative size`, { attribute: 'shape' });
  const limit = countLimit(name, shape);
  return 'error' in limit ? limit : { types: [{ dtype, shape }], ...limit };
}

function bodyOf({ element }: Draw): MovementBody<Drawn> {
  return {
    kind: 'movement',
    expensive: true,
    element: ([key], index, attributes, { outputs }) => {
      const words = [key!([ZERO]), key!([ONE])] as const;
      const place = convert(position(linearize(index, outputs[0]!.shape)), 'u32');
      const counter = [place, literal(attributes.call, 'u32')] as const;
      return element((at) => threefryOf(words, counter, at), attributes);
    },
  };
}

/** Numbers of 24 bits are those that f32 holds exactly, all 2^-24 apart. */
const STEP = 2 ** -24;

/** The upper 24 bits of a word. */
function upperBits(word: Expr): Expr {
  return convert(binary('shr', word, literal(8, 'u32')), 'f32');
}

const EXACT = { absolute: 0, relative: 1e-10 };

const randomBits = draw({
  name: 'random_bits',
  doc: 'Words of 32 independent random bits (u32).',
  dtype: 'u32',
  compute: ([word]) => word,
  element: (word) => word(0),
  tolerance: EXACT,
});

const randomUniform = draw({
  name: 'random_uniform',
  doc: 'Independent uniform random numbers: multiples of 2^-24 from 0 up to, not including, 1 (f32).',
  dtype: 'f32',
  compute: ([word]) => (word >>> 8) * STEP,
  element: (word) => binary('mul', upperBits(word(0)), literal(STEP)),
  tolerance: EXACT,
});

/**
 * `sqrt(-2 ln u) cos(2π v)` of uniform numbers u in (0, 1] and v in [0, 1) (Box and Muller 1958). In f32, 2πv is rounded
 * to within 2.4e-7, and the root is at most 5.8.
 */
const randomNormal = draw({
  name: 'random_normal',
  doc:
    'Independent normal random numbers of mean 0 and deviation 1 (f32), by the method of Box and Muller from two words ' +
    'of 24 bits each, so none is beyond ±5.8. Backends agree to within 4e-6.',
  dtype: 'f32',
  compute: ([a, b]) => Math.sqrt(-2 * Math.log(((a >>> 8) + 1) * STEP)) * Math.cos(2 * Math.PI * (b >>> 8) * STEP),
  element(word) {
    const above0 = binary('mul', binary('add', upperBits(word(0)), literal(1)), literal(STEP));
    const radius = unary('sqrt', binary('mul', unary('log', above0), literal(-2)));
    const angle = binary('mul', upperBits(word(1)), literal(2 * Math.PI * STEP));
    return binary('mul', radius, unary('cos', angle));
  },
  tolerance: { absolute: 4e-6, relative: 0 },
});

export const draws: readonly Op[] = [randomBits, randomUniform, randomNormal];
