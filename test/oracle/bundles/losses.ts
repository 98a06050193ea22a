/** The bundles of losses. */
import { aligned, form, literal, named, type Call, type Form, type Table } from './form.ts';

const CLASSES = { z: 'rows classes height width', t: 'rows height width', w: 'classes', p: 'rows classes' };

/** `mean(losses)`, or the losses as they are. */
function reduced(losses: string, reduction: unknown): string {
  return reduction === 'none' ? losses : `${String(reduction)}(${losses})`;
}

/** Of logits, where weights of elements come before the reduction; of probabilities, each logarithm at least -100. */
function binary(call: Call): string {
  const { reduction } = call.attributes;
  if (call.has('p')) {
    const losses = '-(y * clamp(log(p), min: -100) + (1 - y) * clamp(log(1 - p), min: -100))';
    return `output loss = ${reduced(losses, reduction)}`;
  }
  if (!call.has('w')) return `output loss = bce_with_logits(${call.given('z', 'y', 'pw')}, ${named(call.attributes)})`;
  return `output loss = ${reduced('w * bce_with_logits(z, y, reduction: "none")', reduction)}`;
}

function crossEntropy(call: Call): string {
  return `output loss = cross_entropy(${call.given('z', 't', 'p', 'w')}, ${named(call.attributes)})`;
}

/** Of a student and a teacher at a temperature, or of a student and given probabilities. */
function divergence(call: Call): string {
  const { reduction, temperature = 1, times_T2: isScaled } = call.attributes;
  const T = literal(temperature);
  const teacher = call.has('p') ? 'p' : `softmax(v / ${T}, axis: -1)`;
  const scale = isScaled === true ? ` * ${T} ** 2` : '';
  return `output loss = kl_div(log_softmax(z / ${T}, axis: -1), ${teacher}, ${named({ reduction: reduction! })})${scale}`;
}

function regression({ attributes: { kind, ...further } }: Call): string {
  const factor = kind === 'half_mse' ? '0.5 * ' : '';
  return `output loss = ${factor}${String(kind).replace('half_', '')}(x, t, ${named(further)})`;
}

function focal(call: Call): string {
  return `output loss = focal(${call.given('z', 'y', 't', 'alpha')}, ${named(call.attributes)})`;
}

function likelihood(call: Call): string {
  return `output loss = nll(${call.given('lp', 't', 'w')}, ${named(call.attributes)})`;
}

export const lossForms: { readonly [bundle in keyof Table]: Form } = {
  bce: form(binary, aligned),
  cross_entropy: form(crossEntropy, CLASSES),
  focal: form(focal, { ...CLASSES, y: 'rows classes', alpha: 'classes' }),
  kl_div: form(divergence, aligned),
  nll: form(likelihood, { ...CLASSES, lp: 'rows classes' }),
  regression: form(regression, aligned),
};
