/** The catalogue's entries for weights and other files (3xxx). */

export const weightEntries = {
  HED3001: {
    title: 'malformed safetensors file',
    explanation:
      'The file is no safetensors file, or it is damaged: its header must be JSON, and its tensors must cover the data ' +
      'exactly, without overlaps and holes.',
  },
  HED3002: {
    title: 'missing weights',
    explanation:
      'The weights lack tensors for some parameters. A parameter is named by its dotted path, as `heddle check` prints ' +
      'it. Weights under other names need a rename map; a tensor of the same shape under another name is suggested.',
  },
  HED3003: {
    title: 'surplus weights',
    explanation:
      'The weights hold tensors that belong to no parameter, which usually means that they are of another model or ' +
      'another size. Choose hyperparameters that fit, map the names, or remove the tensors from the file.',
  },
  HED3004: {
    title: 'misshapen weights',
    explanation:
      'Tensors have other shapes than the parameters of their names. Choose hyperparameters that fit the weights; a ' +
      'rename map can transpose, split and merge tensors that are stored differently.',
  },
  HED3005: {
    title: 'weights of another type',
    explanation:
      'Floating tensors (F64, F32, F16, BF16) convert to f32, integer tensors to i32 or u32 when every value fits, BOOL ' +
      'to bool. No tensor turns silently from one of these kinds into another.',
  },
  HED3006: {
    title: 'malformed JSON',
    explanation: 'The text is not JSON, or an object in it has the same key twice.',
  },
  HED3007: {
    title: 'malformed rename map',
    explanation:
      'A rename map is an object from foreign patterns to own patterns, or a list of rules with `from`, `to` and ' +
      'optionally `transpose`, `split` or `merge`. Patterns are dotted names with placeholders: `{i}` stands for one ' +
      'segment, `{path..}` for one or more. Both sides of a rule have the same placeholders, so that a map can be ' +
      'followed backwards.',
  },
  HED3008: {
    title: 'colliding names',
    explanation: 'A rename map gives two tensors one name. Make its patterns tell them apart.',
  },
  HED3009: {
    title: 'rename rule does not fit a tensor',
    explanation:
      'A rule transposes, splits or merges a tensor whose shape does not allow it, or a part of a merge is missing.',
  },
  HED3010: {
    title: 'name cannot be mapped back',
    explanation:
      'The tensor would be written under a foreign name that the map reads back as something else. Put the more special ' +
      'rule first, or make the patterns disjoint.',
  },
} as const;
