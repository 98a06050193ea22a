/** What the peers of a training have in common: the loss, the optimizer's numbers, and the steps that are compared. */

/** The name under which the losses of the first steps are compared. */
export const LOSSES = 'losses';
const FIRST_STEPS = 5;

/** The losses of the first steps, which tell whether everybody computes the same. */
export async function learnFirst(step) {
  const losses = [];
  for (let at = 0; at < FIRST_STEPS; at++) losses.push(await step());
  return Float32Array.from(losses);
}

/** AdamW as the spec has it (Loshchilov and Hutter 2019), with the corrections of update `t` taken into two numbers. */
export const BETAS = [0.9, 0.999];
const EPSILON = 1e-8;

export function hostNumbers(t, rate) {
  const root = Math.sqrt(1 - BETAS[1] ** t);
  return { size: (rate * root) / (1 - BETAS[0] ** t), epsilon: EPSILON * root };
}

/** Matrices shrink by `decay`; biases, and what normalisations have, only where the optimizer has no groups. */
export const isDecayed = (name, { decaysAll = false }) =>
  decaysAll || (!name.endsWith('.bias') && !/\.ln_[^.]+\.weight$/.test(name));
