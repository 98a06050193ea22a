/** Dropout. Its mask is a generator: the gradient names the same one, so that both passes draw or read the same numbers. */
import { withDefaults } from '../../ir/attributes.ts';
import type { Attributes } from '../../ir/graph.ts';
import { defineOp, type AttributeSpec, type Op } from '../../ir/op.ts';
import { binary, compare, literal, select } from '../../kernel/build.ts';
import { dtypeFault, gives, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { CALL, countLimit, draw, KEY, keyFault, KEY_RANGE, keyType } from './draws.ts';

const STEPS = 2 ** 24;

const probabilitySpec: AttributeSpec = {
  name: 'p',
  kind: 'float',
  doc: 'The probability of an element to become 0, from 0 to 1.',
};

interface Dropout extends Attributes {
  readonly p: number;
  readonly call: number;
}

function probabilityFault(called: string, p: number): Mismatch | undefined {
  if (p >= 0 && p <= 1) return undefined;
  return { message: `\`${called}\` with the probability ${p}, which is not from 0 to 1`, attribute: 'p' };
}

/** What kept elements are multiplied by. */
function scaleOf(p: number): number {
  return p === 1 ? 0 : 1 / (1 - p);
}

/** The least number of 24 bits that keeps an element: u 2^-24 >= p. */
function leastKept(p: number): number {
  return Math.ceil(p * STEPS);
}

/** A mask with its scale, as one generator: what reads it alone draws it on the way. */
const dropoutFactor: Op = draw({
  name: 'dropout_factor',
  doc: '0 with the probability p, else 1 / (1 - p), where a uniform random number is below p and where it is not (f32).',
  internal: true,
  dtype: 'f32',
  attributes: [probabilitySpec],
  check: ({ p }) => probabilityFault('dropout_factor', p as number),
  compute: ([word], { p }) => (word >>> 8 >= leastKept(p as number) ? scaleOf(p as number) : 0),
  element(word, { p }) {
    const bits = binary('shr', word(0), literal(8, 'u32'));
    const isKept = compare('ge', bits, literal(leastKept(p as number), 'u32'));
    return select(isKept, literal(scaleOf(p as number)), literal(0));
  },
  tolerance: { absolute: 0, relative: 1e-7 },
  corners: [{ p: 0.25 }, { p: 0.9 }],
});

const dropout: Op = defineOp<Dropout>({
  name: 'dropout',
  doc:
    'Dropout (Srivastava et al. 2014): x (f32) with elements set to 0 independently with the probability p, where a ' +
    'uniform random number is below p, and the others divided by 1 - p. It acts wherever it is called: in training ' +
    'only, with `if training` around it.',
  random: true,
  operands: [{ name: 'x' }, KEY],
  attributes: [probabilitySpec, CALL],
  infer([x, key], { p }) {
    const error = dtypeFault('dropout', [x!], ['f32']) ?? keyFault('dropout', key!) ?? probabilityFault('dropout', p);
    if (error) return { error };
    const limit = countLimit('dropout', x!.shape);
    return 'error' in limit ? limit : { ...gives(x!), ...limit };
  },
  evaluate([x, key], { p, call }, [output], symbols) {
    const attributes = withDefaults(dropoutFactor, { shape: [...output!.shape], p, call });
    const [factors] = dropoutFactor.evaluate([key!], attributes, [output!], symbols);
    return [x!.data.map((element, at) => element * factors![at]!)];
  },
  body: {
    kind: 'composite',
    expand(builder, [x, key], { p, call }) {
      const factor = builder.one('dropout_factor', [key!], { shape: x!.type.shape, p, call });
      return [builder.one('mul', [x!, factor])];
    },
  },
  vjp: (builder, { inputs: [, key], attributes }, [cotangent]) =>
    cotangent ? [builder.one('dropout', [cotangent, key!], attributes), undefined] : [undefined, undefined],
  tolerance: { absolute: 0, relative: 3e-7 },
  samples: [
    { inputs: [f32(n, 3), keyType], attributes: { p: 0.5, call: 0 }, range: KEY_RANGE },
    { inputs: [f32(n), keyType], attributes: { p: 0.1, call: 3 }, range: KEY_RANGE },
    { inputs: [f32(2), keyType], attributes: { p: 1, call: 3 }, range: KEY_RANGE },
    { inputs: [f32(2, n), keyType], attributes: { p: 0, call: 3 }, range: KEY_RANGE },
  ],
});

export const dropouts: readonly Op[] = [dropoutFactor, dropout];
