/** The stable codes of runtime errors, with their meanings. The compiler writes them into the artifact's types. */
export const ERROR_CODES = {
  file: 'a file of the artifact could not be read',
  'file-corrupted': 'a file of the artifact is not the one that was compiled',
  'program-version': 'program.json has another format version than the runtime reads',
  'program-malformed': 'program.json or the kernels are not what the compiler wrote',
  target: 'the program was not compiled for the wanted target',
  unsupported: 'the engine lacks what the target needs, or forbids it',
  'weights-missing': 'the weights lack tensors of the program',
  'weights-mismatch': 'weights have other shapes or types than the program needs',
  'weights-malformed': 'the weights are no safetensors file',
  checkpoint: 'the file is no checkpoint of this training',
  'not-finite': 'the loss of a batch is infinite or no number; nothing was changed',
  'input-missing': 'an input was not given',
  'input-unknown': 'the program has no input of that name',
  'input-dtype': 'an input has another type than the program needs',
  'input-shape': 'an input has a shape that does not fit the program or the other inputs',
  'input-value': 'a value in a plain array is no number of the right kind',
  dimension: 'a dimension has no value, or one that the program does not allow',
  'output-buffer': 'a buffer given for an output does not fit it',
  option: 'an option of load, run or generate is not what it should be',
  memory: 'the tensors do not fit into the memory of the target',
  'device-lost': 'the GPU was reset, unplugged or taken away',
  busy: 'an earlier run has not been awaited',
  disposed: 'the model has been disposed',
  internal: 'a kernel failed, which is a defect of the compiler',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;
