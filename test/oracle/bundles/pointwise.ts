/** The elementwise bundles. */
import { aligned, form, literal, named, type Form, type Table } from './form.ts';

/** One expression of the operands and of the attributes under the names that the language has for them. */
function pointwise(expression: string, renamed: { readonly [theirs: string]: string } = {}): Form {
  return form(({ attributes }) => {
    const values = Object.entries(attributes).map(([name, value]) => [renamed[name] ?? name, value] as const);
    const further = values.length > 0 ? `, ${named(Object.fromEntries(values))}` : '';
    return `output y = ${expression.replace(/\)$/, `${further})`)}`;
  }, aligned);
}

const power = form(({ attributes }) => `output y = x ** ${literal(attributes['p']!)}`, aligned);

export const pointwiseForms: Table = {
  abs: pointwise('abs(x)'),
  binary: form(
    () => `output add = a + b
      output sub = a - b
      output mul = a * b
      output div = a / b
      output minimum = minimum(a, b)
      output maximum = maximum(a, b)`,
    aligned,
  ),
  clamp: pointwise('clamp(x)', { lo: 'min', hi: 'max' }),
  cos: pointwise('cos(x)'),
  elu: pointwise('elu(x)'),
  erf: pointwise('erf(x)'),
  exp: pointwise('exp(x)'),
  expm1: pointwise('expm1(x)'),
  floor: pointwise('floor(x)'),
  gelu_erf: pointwise('gelu(x)'),
  gelu_tanh: form(() => 'output y = gelu(x, approximate: "tanh")', aligned),
  hardswish: pointwise('hardswish(x)'),
  leaky_relu: pointwise('leaky_relu(x)', { slope: 'negative_slope' }),
  log: pointwise('log(x)'),
  log1p: pointwise('log1p(x)'),
  log_sigmoid: pointwise('log_sigmoid(x)'),
  mish: pointwise('mish(x)'),
  neg: pointwise('-x'),
  pow_int_negative_base: power,
  pow_scalar: power,
  pow_tensor: pointwise('a ** b'),
  reciprocal: pointwise('reciprocal(x)'),
  relu: pointwise('relu(x)'),
  round: pointwise('round(x)'),
  rsqrt: pointwise('rsqrt(x)'),
  sigmoid: pointwise('sigmoid(x)'),
  sign: pointwise('sign(x)'),
  silu: pointwise('silu(x)'),
  sin: pointwise('sin(x)'),
  softplus: pointwise('softplus(x)'),
  sqrt: pointwise('sqrt(x)'),
  square: pointwise('square(x)'),
  tanh: pointwise('tanh(x)'),
  where: pointwise('where(cond, a, b)'),
};
