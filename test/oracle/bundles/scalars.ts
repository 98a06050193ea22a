/** Scalar computations with gradients that a hand can derive. */
import { form, type Table } from './form.ts';

const FORMULAS = ['e = (a + b) * (b + 1)', 'z = (2 * w + b) * (b + 1)', 'f = (x + y) * z'];

export const scalarForms: Table = {
  seed004: form(({ operands }) => {
    const used = FORMULAS.find((text) =>
      operands.every((name) => new RegExp(`[( ]${name}\\b`).test(text.split('=')[1]!)),
    );
    return `output ${operands.length === 1 ? 'y = x * sigmoid(x) + square(x) * exp(-x)' : used!}`;
  }),
};
