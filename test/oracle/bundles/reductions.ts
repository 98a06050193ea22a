/** The bundles that combine elements along axes, and order them. */
import { aligned, form, named, type Form, type Table } from './form.ts';

/** A function of `x` with the attributes of the bundle. */
function along(name: string): Form {
  return form(({ attributes }) => `output y = ${name}(x, ${named(attributes)})`, aligned);
}

function ordering(name: string): Form {
  return form(
    ({ attributes }) => `values, indices = ${name}(x, ${named(attributes)})
      output values = values
      output indices = indices`,
    aligned,
  );
}

export const reductionForms: Table = {
  argmax_argmin: form(
    ({ attributes }) => `output argmax = argmax(x, ${named(attributes)})
      output argmin = argmin(x, ${named(attributes)})`,
    aligned,
  ),
  cumsum: along('cumsum'),
  log_softmax: along('log_softmax'),
  logsumexp: along('logsumexp'),
  masked_fill_softmax: form(() => 'output y = softmax(where(mask, log(0), x), axis: -1)', aligned),
  norm: form(
    ({ attributes: { p, axes } }) => `norm = norm(x, ${named({ p: p!, axis: axes! })}, keepdim: true)
      output norm = norm
      output normalized = x / maximum(norm, 1e-12)`,
    aligned,
  ),
  prod: along('prod'),
  reduce: form(({ attributes: { op, axes, keepdim } }) => {
    const name = { sum: 'sum', mean: 'mean', amax: 'max', amin: 'min' }[String(op)];
    return `output y = ${name}(x, ${named({ axis: axes!, keepdim: keepdim! })})`;
  }, aligned),
  softmax: along('softmax'),
  sort: ordering('sort'),
  topk: ordering('top_k'),
  var_std: form(({ attributes: { axes, correction, keepdim } }) => {
    const further = named({ axis: axes!, unbiased: correction === 1, keepdim: keepdim! });
    return `output var = var(x, ${further})
      output std = std(x, ${further})`;
  }, aligned),
};
