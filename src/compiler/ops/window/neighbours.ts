/**
 * Where the elements of a resized axis lie between those of the axis, and views of their neighbours there. All is worked
 * out in integers, so that no rounding picks another neighbour.
 */
import {
  add,
  constant,
  equal,
  floorDiv,
  maximum,
  minimum,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import { defineOp, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { convert, position } from '../../kernel/build.ts';
import { MOVED } from '../movement/define.ts';
import { fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { planeOf } from './axes.ts';

/**
 * Where element i of a result lies in x, in steps of x's elements:
 * `floor`: floor(i r); `centre`: floor((i + 1/2) r); `half`: (i + 1/2) r - 1/2, `clamped`: that, but at least 0;
 * `corners`: i (size - 1) / (result - 1); where r is `numerator / denominator`.
 */
export type Rule = 'floor' | 'centre' | 'half' | 'clamped' | 'corners';

/** How one axis is resized. */
export interface Resized {
  readonly size: Dim;
  readonly result: Dim;
  readonly numerator: Dim;
  readonly denominator: Dim;
}

const TWO = constant(2);

/** The place of element `at` as `quotient - shift + remainder / divisor`, with 0 <= remainder < divisor. */
function placeOf(at: Dim, axis: Resized, rule: Rule, bounds: Bounds): { quotient: Dim; remainder: Dim; divisor: Dim } {
  const { numerator: n, denominator: d, size, result } = axis;
  const middle = multiply(add(multiply(TWO, at), ONE), n);
  const divided = (dividend: Dim, divisor: Dim, shift: Dim = ZERO): ReturnType<typeof placeOf> => {
    const quotient = floorDiv(dividend, divisor, bounds);
    return { quotient: subtract(quotient, shift), remainder: subtract(dividend, multiply(quotient, divisor)), divisor };
  };
  switch (rule) {
    case 'floor':
      return divided(multiply(at, n), d);
    case 'centre':
      return divided(middle, multiply(TWO, d));
    case 'clamped':
      return divided(maximum(ZERO, subtract(middle, d), bounds), multiply(TWO, d));
    case 'half':
      // One step more, so that nothing negative is divided.
      return divided(add(middle, d), multiply(TWO, d), ONE);
    case 'corners':
      return divided(multiply(at, subtract(size, ONE)), maximum(ONE, subtract(result, ONE), bounds));
  }
}

/** By what the place of an element is divided. */
export function divisorOf(axis: Resized, rule: Rule, bounds: Bounds): Dim {
  return placeOf(ZERO, axis, rule, bounds).divisor;
}

/** The place of element `at` as a fraction of integers: the definition, for concrete sizes. */
export function concretePlace(
  at: number,
  axis: { readonly [part in keyof Resized]: number },
  rule: Rule,
): { readonly dividend: number; readonly divisor: number } {
  const { size, result, numerator, denominator } = axis;
  const middle = (2 * at + 1) * numerator;
  switch (rule) {
    case 'floor':
      return { dividend: at * numerator, divisor: denominator };
    case 'centre':
      return { dividend: middle, divisor: 2 * denominator };
    case 'half':
      return { dividend: middle - denominator, divisor: 2 * denominator };
    case 'clamped':
      return { dividend: Math.max(0, middle - denominator), divisor: 2 * denominator };
    case 'corners':
      return { dividend: at * (size - 1), divisor: Math.max(1, result - 1) };
  }
}

type Neighbours = {
  readonly results: readonly (Dim | number)[];
  readonly numerators: readonly (Dim | number)[];
  readonly denominators: readonly (Dim | number)[];
  readonly rule: Rule;
  readonly taps: number;
};

const RULE = { name: 'rule', kind: 'string', doc: 'Where elements of the result lie in x.' } as const;

/** Where the first of `taps` neighbours lies from the one at or before the place; as many lie before it as behind it. */
export function firstNeighbour(taps: number): number {
  return taps > 1 ? 1 - (taps >> 1) : 0;
}

/** The index of neighbour `k`. */
export function neighbour(floor: number, k: number, taps: number, size: number): number {
  return Math.min(Math.max(floor + k + firstNeighbour(taps), 0), size - 1);
}

export const neighbours: Op = defineOp<Neighbours>({
  name: 'neighbours',
  doc:
    'For each element of the resized last axes its `taps` neighbours in x (any dtype), the outermost element repeated ' +
    'beyond the ends: [..lead, size] becomes [..lead, result, taps]. A size by its result stays below 2^31.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'results', kind: 'shape', doc: 'The new size of each of the last axes.' },
    { name: 'numerators', kind: 'shape', doc: 'How many elements of x there are …' },
    { name: 'denominators', kind: 'shape', doc: '… for so many elements of the result, for each of these axes.' },
    RULE,
    { name: 'taps', kind: 'int', doc: 'How many neighbours: 1, 2 or 4.' },
  ],
  infer([x], { results, taps }) {
    const lead = x!.shape.length - results.length;
    if (lead < 0 || x!.shape.slice(lead).some((size) => equal(size, ZERO)))
      return fails(`\`neighbours\` do not fit ${printType(x!)}`);
    const shape = [...x!.shape.slice(0, lead), ...toDims(results), ...results.map(() => constant(taps))];
    return gives({ dtype: x!.dtype, shape });
  },
  evaluate([x], attributes, [output], symbols) {
    const { results, numerators, denominators, rule, taps } = attributes;
    const lead = x!.shape.length - results.length;
    const indices = results.map((_, at) => {
      const [size, result] = [x!.shape[lead + at]!, output!.shape[lead + at]!];
      const axis = {
        size,
        result,
        numerator: sizeOf(numerators[at]!, symbols),
        denominator: sizeOf(denominators[at]!, symbols),
      };
      return Array.from({ length: result }, (_, place) => {
        const { dividend, divisor } = concretePlace(place, axis, rule);
        return Array.from({ length: taps }, (_, k) => neighbour(Math.floor(dividend / divisor), k, taps, size));
      });
    });
    return [gathered(x!, indices)];
  },
  body: {
    kind: 'movement',
    overlaps: true,
    element([read], index, { results, numerators, denominators, rule, taps }, { inputs, bounds }) {
      const [x] = inputs;
      const count = results.length;
      const lead = x!.shape.length - count;
      const first = constant(firstNeighbour(taps));
      const places = results.map((result, at) => {
        const size = x!.shape[lead + at]!;
        const [numerator, denominator] = [toDim(numerators[at]!), toDim(denominators[at]!)];
        const axis = { size, result: toDim(result), numerator, denominator };
        const { quotient } = placeOf(index[lead + at]!, axis, rule, bounds);
        if (taps === 1) return quotient;
        const own = add(quotient, index[lead + count + at]!, first);
        return maximum(ZERO, minimum(own, subtract(size, ONE), bounds), bounds);
      });
      return read!([...index.slice(0, lead), ...places]);
    },
  },
  noGradient: '`interpolate`, which is made of it, has one of its own',
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, n)], attributes: resizing([n], [constant(7)], 'floor', 1) },
    { inputs: [f32(2, n, 5)], attributes: resizing([n, constant(5)], [add(n, n), constant(3)], 'clamped', 2) },
    { inputs: [f32(3, 4)], attributes: resizing([constant(4)], [n], 'half', 4) },
    { inputs: [f32(n, 6, 3)], attributes: resizing([constant(6), constant(3)], [n, constant(4)], 'corners', 2) },
    { inputs: [f32(2, n)], attributes: resizing([n], [constant(5)], 'centre', 1) },
  ],
});

function resizing(sizes: readonly Dim[], results: readonly Dim[], rule: Rule, taps: number): Neighbours {
  return { results, numerators: sizes, denominators: results, rule, taps };
}

/** The elements of x at every pair of neighbours along its last one or two axes, rows before columns. */
function gathered(x: Tensor, indices: readonly (readonly (readonly number[])[])[]): Float64Array {
  const [height, width] = planeOf(x.shape.slice(x.shape.length - indices.length), 1);
  const [rows, columns] = indices.length === 1 ? [[[0]], indices[0]!] : [indices[0]!, indices[1]!];
  const planes = x.data.length / (height * width);
  const found: number[] = [];
  for (let plane = 0; plane < planes; plane++)
    for (const tall of rows)
      for (const wide of columns)
        for (const y of tall) for (const z of wide) found.push(x.data[(plane * height + y) * width + z]!);
  return Float64Array.from(found);
}

type Remainder = {
  readonly size: Dim | number;
  readonly result: Dim | number;
  readonly numerator: Dim | number;
  readonly denominator: Dim | number;
  readonly rule: Rule;
};

export const neighbourRemainder: Op = defineOp<Remainder>({
  name: 'neighbour_remainder',
  doc:
    'How far behind the neighbour before it each element of a resized axis lies, as f32; what it is to be divided by ' +
    'depends on the rule and the sizes alone.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'size', kind: 'dim', doc: 'The size of the axis.' },
    { name: 'result', kind: 'dim', doc: 'Its new size.' },
    { name: 'numerator', kind: 'dim', doc: 'How many elements of the axis there are …' },
    { name: 'denominator', kind: 'dim', doc: '… for so many elements of the result.' },
    RULE,
  ],
  infer: (_, { result }) => gives({ dtype: 'f32', shape: [toDim(result)] }),
  evaluate(_, { size, numerator, denominator, rule }, [output], symbols) {
    const result = output!.shape[0]!;
    const [from, n, d] = [size, numerator, denominator].map((dim) => sizeOf(dim, symbols));
    const axis = { size: from!, result, numerator: n!, denominator: d! };
    return [
      Float64Array.from({ length: result }, (_, at) => {
        const { dividend, divisor } = concretePlace(at, axis, rule);
        return dividend - divisor * Math.floor(dividend / divisor);
      }),
    ];
  },
  body: {
    kind: 'movement',
    element(_, [at], { size, result, numerator, denominator, rule }, { bounds }) {
      const [from, to, n, d] = [size, result, numerator, denominator].map(toDim);
      const axis = { size: from!, result: to!, numerator: n!, denominator: d! };
      return convert(position(placeOf(at!, axis, rule, bounds).remainder), 'f32');
    },
  },
  tolerance: MOVED,
  samples: (['half', 'clamped', 'corners'] as const).flatMap((rule): Sample[] => [
    { inputs: [], attributes: { size: n, result: constant(7), numerator: n, denominator: constant(7), rule } },
    { inputs: [], attributes: { size: constant(5), result: n, numerator: constant(5), denominator: n, rule } },
  ]),
});
