/** Puts the weights in place and runs the load steps. */
import { ConversionError, isConvertible, storedType, toElements } from '../program/convert.ts';
import type { TargetProgram, WeightSpec } from '../program/program.ts';
import type { StoredTensor } from '../program/safetensors.ts';
import type { Device } from './devices/device.ts';
import { HeddleError } from './errors.ts';
import { placeArena, type Addresses } from './memory.ts';

/** Finds a weight by name; undefined when there is none. */
export type WeightSource = (name: string) => StoredTensor | undefined;

/** Throws HeddleError 'weights-missing' or 'weights-mismatch', naming every weight concerned. */
export function checkWeights(program: TargetProgram, source: WeightSource): void {
  const missing = program.weights.filter(({ name }) => !source(name));
  if (missing.length > 0) {
    const list = missing.map((weight) => `${weight.name} (${describe(weight)})`);
    throw new HeddleError('weights-missing', `the weights lack ${list.join(', ')}`);
  }
  const mismatched = program.weights.flatMap((weight) => {
    const { dtype, shape } = source(weight.name)!;
    const fits = String(shape) === String(weight.shape) && isConvertible(dtype, weight.dtype);
    return fits ? [] : [`${weight.name} is ${dtype} [${shape.join(', ')}] instead of ${describe(weight)}`];
  });
  if (mismatched.length > 0) throw new HeddleError('weights-mismatch', mismatched.join('; '));
}

function describe({ dtype, shape }: WeightSpec): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** Fills the persistent buffers. The weights have been checked. */
export function loadWeights(program: TargetProgram, device: Device, persistent: Addresses, source: WeightSource): void {
  const none = new Map<string, number>();
  const { byBuffer, end } = placeArena(program, 'staging', persistent, none);
  device.reserve(end);
  const kindOf = (weight: WeightSpec): string => program.buffers[weight.buffer]!.kind;
  const put = (weight: WeightSpec): void => writeWeight(weight, device.memory, byBuffer[weight.buffer]!, source);
  for (const weight of program.weights) if (kindOf(weight) === 'persistent') put(weight);
  // A staging weight may lie where an earlier step's buffers were: it is written just before its first step.
  const staged = program.weights.filter((weight) => kindOf(weight) === 'staging');
  program.loadSteps.forEach((step, at) => {
    for (const weight of staged) if (program.buffers[weight.buffer]!.first === at) put(weight);
    const addresses = step.buffers.map((buffer) => byBuffer[buffer]!);
    device.call(step.kernel, addresses, step.sizes as readonly number[]);
  });
}

function writeWeight(weight: WeightSpec, memory: ArrayBuffer, address: number, source: WeightSource): void {
  const tensor = source(weight.name)!;
  // Bytes that are already right need neither conversion nor alignment.
  if (tensor.dtype === storedType(weight.dtype) && weight.dtype !== 'bool') {
    new Uint8Array(memory, address, tensor.bytes.length).set(tensor.bytes);
    return;
  }
  try {
    const elements = toElements(tensor, weight.dtype);
    new Uint8Array(memory, address, elements.byteLength).set(
      new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength),
    );
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new HeddleError('weights-mismatch', `${weight.name}: ${error.message}`, { cause: error });
  }
}
