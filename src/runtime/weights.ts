/** Puts the weights in place and runs the load steps. */
import { ConversionError, isConvertible, storedType, toElements } from '../program/convert.ts';
import { placeArena, type Addresses } from '../program/memory.ts';
import type { TargetProgram, WeightSpec } from '../program/program.ts';
import type { StoredTensor } from '../program/safetensors.ts';
import type { Device } from './devices/device.ts';
import { HeddleError } from './errors.ts';

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

/** Milliseconds of work at a stretch while loading, so that a page stays alive and an abort is heard. */
const SLICE = 30;

/** How the load steps are watched and ended. */
export interface LoadWatch {
  readonly signal?: AbortSignal;
  readonly onLoadStep?: (done: number, total: number) => void;
}

/**
 * Fills the persistent buffers. The weights have been checked. Rejects with the signal's reason, and with whatever the
 * device throws.
 */
export async function loadWeights(
  program: TargetProgram,
  device: Device,
  persistent: Addresses,
  source: WeightSource,
  { signal, onLoadStep }: LoadWatch = {},
): Promise<void> {
  const none = new Map<string, number>();
  const { byBuffer, end } = placeArena(program, 'staging', persistent, none);
  device.reserve(end);
  const kindOf = (weight: WeightSpec): string => program.buffers[weight.buffer]!.kind;
  const put = (weight: WeightSpec): void => writeWeight(weight, device.memory, byBuffer[weight.buffer]!, source);
  let since = performance.now();
  const pause = async (): Promise<void> => {
    if (performance.now() - since < SLICE) return;
    await nextTask();
    since = performance.now();
    signal?.throwIfAborted();
  };
  for (const weight of program.weights) {
    if (kindOf(weight) !== 'persistent') continue;
    put(weight);
    await pause();
  }
  // A staging weight may lie where an earlier step's buffers were: it is written just before its first step.
  const staged = program.weights.filter((weight) => kindOf(weight) === 'staging');
  for (const [at, step] of program.loadSteps.entries()) {
    for (const weight of staged) if (program.buffers[weight.buffer]!.first === at) put(weight);
    const addresses = step.buffers.map((buffer) => byBuffer[buffer]!);
    device.call(step.kernel, addresses, step.sizes as readonly number[]);
    onLoadStep?.(at + 1, program.loadSteps.length);
    await pause();
  }
  signal?.throwIfAborted();
}

/** Lets other tasks run. A message, because timers wait up to a second in background pages. */
async function nextTask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.addEventListener('message', resolve);
    port1.start();
    port2.postMessage(undefined);
  });
  port1.close();
}

function writeWeight(weight: WeightSpec, memory: ArrayBuffer, address: number, source: WeightSource): void {
  const bytes = weightBytes(weight, source);
  new Uint8Array(memory, address, bytes.length).set(bytes);
}

/** A weight as it lies in memory. Throws HeddleError 'weights-mismatch'. */
export function weightBytes(weight: WeightSpec, source: WeightSource): Uint8Array {
  const tensor = source(weight.name)!;
  // Bytes that are already right need neither conversion nor alignment.
  if (tensor.dtype === storedType(weight.dtype) && weight.dtype !== 'bool') return tensor.bytes;
  try {
    const { buffer, byteOffset, byteLength } = toElements(tensor, weight.dtype);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new HeddleError('weights-mismatch', `${weight.name}: ${error.message}`, { cause: error });
  }
}
