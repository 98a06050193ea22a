/** Puts the weights in place as they arrive, and runs the load steps. */
import { absmaxName } from '../program/channels.ts';
import { ConversionError, isConvertible, storedType, toElements } from '../program/convert.ts';
import { kernelOf, type Situation } from '../program/choice.ts';
import { scheduleLoad, type LoadSchedule } from '../program/loading.ts';
import { placeStaging, type Addresses } from '../program/memory.ts';
import type { TargetProgram, WeightSpec } from '../program/program.ts';
import { elementCount, type StoredTensor } from '../program/safetensors.ts';
import type { Device } from './devices/device.ts';
import { HeddleError } from './errors.ts';
import { expandBytes } from './expand-bytes.ts';
import { nextTask } from './next-task.ts';
import { heldWeights, type StoredType, type WeightPiece, type WeightStream } from './weight-stream.ts';

/** Finds a weight that is in memory by name; undefined when there is none. */
export type WeightSource = (name: string) => StoredTensor | undefined;

/** Reads weights once more; what it is given is aborted when that is done. */
export type ReopenWeights = (reading: AbortController) => Promise<WeightSource | WeightStream>;

/** Has no hold on weights that cannot be read twice. */
export function reopenerOf({
  weights,
  reopenWeights,
}: {
  readonly weights: WeightSource | WeightStream;
  readonly reopenWeights?: ReopenWeights | undefined;
}): ReopenWeights | undefined {
  return reopenWeights ?? (typeof weights === 'function' ? async () => weights : undefined);
}

/** The program's weights, in its order where they are in memory. */
export function streamOf(weights: WeightSource | WeightStream, { weights: specs }: TargetProgram): WeightStream {
  if (typeof weights !== 'function') return expandBytes(weights);
  const tensors = new Map<string, StoredTensor>();
  for (const { name } of specs) {
    const tensor = weights(name);
    const absmax = tensor?.dtype === 'I8' ? weights(absmaxName(name)) : undefined;
    if (absmax) tensors.set(absmaxName(name), absmax);
    if (tensor) tensors.set(name, tensor);
  }
  return expandBytes(heldWeights(tensors));
}

/** Throws HeddleError 'weights-missing' or 'weights-mismatch', naming every weight concerned. */
export function checkWeights(program: TargetProgram, { tensors }: WeightStream): void {
  const missing = program.weights.filter(({ name }) => !tensors.has(name));
  if (missing.length > 0) {
    const list = missing.map((weight) => `${weight.name} (${describeWeight(weight)})`);
    throw new HeddleError('weights-missing', `the weights lack ${list.join(', ')}`);
  }
  const mismatched = program.weights.flatMap((weight) => mismatchOf(weight, tensors.get(weight.name)!));
  if (mismatched.length > 0) throw new HeddleError('weights-mismatch', mismatched.join('; '));
}

/** What is stored in place of the weight; nothing where it fits. */
export function mismatchOf(weight: WeightSpec, { dtype, shape }: StoredType): string[] {
  const fits = String(shape) === String(weight.shape) && isConvertible(dtype, weight.dtype);
  return fits ? [] : [`${weight.name} is ${dtype} [${shape.join(', ')}] instead of ${describeWeight(weight)}`];
}

/** `f32[10, 64]` */
export function describeWeight({ dtype, shape }: WeightSpec): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** Milliseconds of work at a stretch while loading, so that a page stays alive and an abort is heard. */
const SLICE = 30;

/** How the load steps are watched and ended. */
export interface LoadWatch {
  readonly signal?: AbortSignal;
  readonly onLoadStep?: (done: number, total: number) => void;
  /** For webgpu, where kernels are compiled when they are loaded. */
  readonly onPipeline?: (done: number, total: number) => void;
}

/** What loading does to a device. Whatever it throws ends the load. */
export interface LoadActions {
  /** Puts some values into the buffer of a weight; `offset` is the place of the first there, in bytes. */
  readonly write: (weight: WeightSpec, offset: number, values: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Runs the step of a moment of the schedule. */
  readonly run: (step: number, moment: number) => void | Promise<void>;
}

/**
 * Fills the persistent buffers. The weights have been checked. Rejects with the signal's reason, and with whatever the
 * device or the weights throw.
 */
export async function loadWeights(
  program: TargetProgram,
  device: Device,
  persistent: Addresses,
  weights: WeightStream,
  watch: LoadWatch = {},
  tile = 0,
): Promise<void> {
  const situation: Situation = { dims: new Map(), tile };
  const schedule = scheduleLoad(program, weights.tensors.keys());
  const { byBuffer, end } = placeStaging(program, persistent, schedule);
  device.reserve(end);
  await followSchedule(schedule, weights, watch, {
    write({ buffer }, offset, values) {
      new Uint8Array(device.memory, byBuffer[buffer]! + offset, values.length).set(values);
    },
    run(step) {
      const { buffers, sizes } = program.loadSteps[step]!;
      const addresses = buffers.map((buffer) => byBuffer[buffer]!);
      device.call(kernelOf(program.loadSteps[step]!, situation), addresses, sizes as readonly number[]);
    },
  });
}

/** Takes the actions of each moment when its time has come. Rejects as `loadWeights` does. */
export async function followSchedule(
  { moments }: LoadSchedule,
  weights: WeightStream,
  { signal, onLoadStep }: LoadWatch,
  { write, run }: LoadActions,
): Promise<void> {
  const total = moments.filter(({ kind }) => kind === 'step').length;
  let at = 0;
  let done = 0;
  let since = performance.now();
  const pause = async (): Promise<void> => {
    if (performance.now() - since >= SLICE) {
      await nextTask();
      since = performance.now();
    }
    signal?.throwIfAborted();
  };
  /** Runs the steps up to the moment of the next weight, which it answers. */
  const nextWeight = async (): Promise<WeightSpec | undefined> => {
    for (; ; at++) {
      const moment = moments[at];
      if (moment?.kind !== 'step') return moment?.weight;
      await run(moment.step, at);
      onLoadStep?.(++done, total);
      await pause();
    }
  };
  let weight = await nextWeight();
  for await (const piece of weights.pieces()) {
    if (piece.name !== weight?.name) continue;
    const values = expanded(piece, weight);
    await write(weight, 4 * ((weight.at ?? 0) + piece.at), values);
    if (piece.at + values.length / 4 === elementCount(weight.shape)) {
      at++;
      weight = await nextWeight();
    } else {
      await pause();
    }
  }
  signal?.throwIfAborted();
}

/** Stored elements as they lie in memory, four bytes each. Throws HeddleError 'weights-mismatch'. */
function expanded({ name, dtype, bytes }: WeightPiece, weight: WeightSpec): Uint8Array<ArrayBuffer> {
  // Bytes that are already right need neither conversion nor alignment.
  if (dtype === storedType(weight.dtype) && weight.dtype !== 'bool') return bytes;
  try {
    const { buffer, byteOffset, byteLength } = toElements({ dtype, bytes }, weight.dtype);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new HeddleError('weights-mismatch', `${name}: ${error.message}`, { cause: error });
  }
}
