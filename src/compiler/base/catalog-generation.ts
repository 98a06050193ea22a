/** The catalogue's entries for generation (5xxx): why a model cannot be continued token by token. */

export const generationEntries = {
  HED5001: {
    title: 'positions that depend on each other',
    explanation:
      'A model with `generate` computes each token when it is there, from itself and from what came before it. Only causal ' +
      'attention looks at other positions, as what it has to remember of them, keys and values, is known. A sum, a mean or a ' +
      'normalisation along the sequence, a shift, a convolution, a running sum and attention that is written out without a ' +
      'causal mask do not fit in.',
  },
  HED5002: {
    title: 'attention to later positions',
    explanation:
      'Attention that is not causal sees tokens that are not there yet. `attention(q, k, v, causal: true)` sees those up to ' +
      'the query, and so does attention under the mask `tri(t)`.',
  },
  HED5003: {
    title: 'attention with a mask or bias',
    explanation:
      'Token by token there is causal attention to all earlier positions. Masks that hide some of them, and biases that are ' +
      'added to scores, are not supported there.',
  },
  HED5004: {
    title: 'value that depends on the length',
    explanation:
      'A value that depends on how long the sequence is would change for all earlier tokens with every new one: `arange(t) / ' +
      't`, or a number of tokens. What depends on the position alone, such as `arange(t)`, is fine.',
  },
  HED5005: {
    title: 'experts with a limited capacity',
    explanation:
      'With a capacity, experts drop what comes after the tokens that they took, so that the result of a token depends on the ' +
      'others. Token by token there are no others. Generate without `capacity_factor`.',
  },
  HED5006: {
    title: 'sequences of a batch that depend on each other',
    explanation:
      'The prompts of a batch have different lengths and grow side by side. What is computed of one of them must not depend ' +
      'on the others.',
  },
  HED5007: {
    title: 'order of positions that cannot be followed',
    explanation:
      'The positions of the sequence are followed through all ops: an axis of their own, or one with others as in `(b t)`. ' +
      'Where they are put into another order, keep an axis for the sequence.',
  },
  HED5008: {
    title: 'sequence that does not fit its limit',
    explanation:
      'What depends on positions is computed for the longest sequence that `dims` allows, and something is too small for ' +
      'it, such as a table of positions. Make the limit of the dimension what the model can take.',
  },
  HED5009: {
    title: 'sequence without a limit',
    explanation:
      'Memory for the keys and values of all positions is laid out once, so the dimension that generation goes along needs a ' +
      'limit: `dims batch, time <= 512`.',
  },
  HED5010: {
    title: 'axes that generation does not know',
    explanation:
      'What is generated is i32 of two axes, the batch and the sequence; the scores are f32 of three: the same two, and one of ' +
      'a static size with the score of each token.',
  },
  HED5011: {
    title: 'another input along the sequence',
    explanation:
      'Generation makes tokens and nothing else, so no other input can have an axis for the sequence. If the model can do ' +
      'without, make it optional: `input mask?: …`.',
  },
  HED5012: {
    title: 'random numbers in generation',
    explanation:
      'A model draws its random numbers anew in every run, and generating a token is a run of its own: numbers that all ' +
      'positions of a text share would be others for each token. Draw in training only, `if training { … }`.',
  },
} as const;
