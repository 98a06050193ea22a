/**
 * Two of `count` experts for each token, in the two forms that a library without ragged products has: `dense`, where every
 * expert sees all tokens and gates of 0 drop what was not asked for, and `capacity`, where each expert sees as many places
 * as `capacity` tells, filled and emptied by products with one-hot matrices (GShard, Lepikhin et al. 2020,
 * https://arxiv.org/abs/2006.16668). Places have to suffice: what finds none would be dropped.
 */
import { lax, nn, numpy as np } from '@jax-js/jax';

/** Rows [n, c] and logits [n, count] of which the best two count. */
export function expertsOf(parameter, x, logits, name, { form, count, capacity }) {
  const best = np.max(logits.ref, -1, { keepdims: true });
  const isBest = logits.ref.greaterEqual(best);
  const second = np.max(np.where(isBest, -Infinity, logits.ref), -1, { keepdims: true });
  const isChosen = lax.stopGradient(logits.ref).greaterEqual(lax.stopGradient(second));
  const gates = nn.softmax(np.where(isChosen.ref, logits.ref, -1e30), -1);
  const layer = (rows, part) =>
    np
      .matmul(rows, parameter(`${name}.net.${part}.weight`))
      .add(parameter(`${name}.net.${part}.bias`).reshape([count, 1, -1]));
  const network = (rows) => layer(nn.relu(layer(rows, 0)), 2);
  const [n, width] = x.shape;
  if (form === 'dense') {
    const results = network(np.broadcastTo(x.ref.reshape([1, n, width]), [count, n, width]));
    return np.sum(results.mul(np.transpose(gates).reshape([count, n, 1])), 0);
  }
  const one = np.where(isChosen.ref, 1, 0).astype(np.float32);
  // A place that does not exist equals none: tokens that the expert does not see have it.
  const places = np.where(isChosen, np.cumsum(one, 0).sub(1), -1).reshape([n, count, 1]);
  const filled = np.where(places.equal(np.arange(capacity).astype(np.float32)), 1, 0).astype(np.float32);
  const inPlace = filled.reshape([n, count * capacity]);
  const rows = np.matmul(np.transpose(inPlace.ref), x.ref).reshape([count, capacity, width]);
  const back = inPlace
    .reshape([n, count, capacity])
    .mul(gates.reshape([n, count, 1]))
    .reshape([n, count * capacity]);
  return np.matmul(back, network(rows).reshape([count * capacity, width]));
}
