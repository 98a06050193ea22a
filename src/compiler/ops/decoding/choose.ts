/** How a token is chosen from its logits, as `sample_token` defines it: in f64, for one row. */

/** What a caller of generation asks for. */
export interface Sampling {
  readonly temperature: number;
  /** The number of tokens to choose from; 0: all. */
  readonly topK: number;
  /** The least share of the probability to choose from; 1: all. */
  readonly topP: number;
  readonly penalty: number;
}

/** `seen` holds numbers above 0 where a token was seen; `uniform` is from 0 up to 1. */
export function chooseToken(
  logits: readonly number[],
  seen: readonly number[],
  { temperature, topK, topP, penalty }: Sampling,
  uniform: number,
): number {
  const fined = logits.map((logit, at) => (seen[at]! > 0 ? (logit > 0 ? logit / penalty : logit * penalty) : logit));
  const order = fined.map((_, at) => at).sort((i, j) => fined[j]! - fined[i]! || i - j);
  if (temperature <= 0) return order[0]!;
  const largest = fined[order[0]!]!;
  const kept = topK > 0 ? order.slice(0, topK) : order;
  const weights = new Map(kept.map((at) => [at, Math.exp((fined[at]! - largest) / temperature)]));
  if (topP < 1) {
    const goal = topP * sum(weights.values());
    let before = 0;
    for (const [rank, at] of kept.entries()) {
      const weight = weights.get(at)!;
      if (rank > 0 && before >= goal) weights.delete(at);
      before += weight;
    }
  }
  const goal = uniform * sum(weights.values());
  const tokens = [...weights.keys()].filter((at) => weights.get(at)! > 0).sort((a, b) => a - b);
  let total = 0;
  return tokens.find((at) => (total += weights.get(at)!) > goal) ?? tokens.at(-1)!;
}

function sum(weights: Iterable<number>): number {
  let total = 0;
  for (const weight of weights) total += weight;
  return total;
}
