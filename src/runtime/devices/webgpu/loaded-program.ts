/** A program on a GPU device: its compiled kernels, and the buffers that hold its weights. */
import { scheduleLoad } from '../../../program/loading.ts';
import type { TargetProgram } from '../../../program/program.ts';
import type { Dims } from '../../../program/size.ts';
import { HeddleError } from '../../errors.ts';
import type { ModelParts } from '../../model.ts';
import type { CheckedParts } from '../../session.ts';
import type { WeightStream } from '../../weight-stream.ts';
import { followSchedule, type LoadActions, type LoadWatch } from '../../weights.ts';
import type { GpuBuffer } from './api.ts';
import { createTensorBuffer, placeWithin, type Place } from './buffers.ts';
import { deviceBytes, Halves, storesHalves } from './halves.ts';
import { modulesFor } from './modules.ts';
import { createPipelines } from './pipelines.ts';
import { GpuSession } from './session.ts';
import { BoundSteps, type StepsOwner } from './steps.ts';

const NO_DIMS: Dims = new Map();

export interface LoadedProgram extends StepsOwner {
  readonly session: GpuSession;
  /** Of persistent buffers; the others have none. */
  readonly places: Places;
}

type Places = readonly (Place | undefined)[];

/** A program whose kernels are being compiled. */
interface LoadingProgram extends Omit<LoadedProgram, 'pipelines' | 'places'> {
  readonly compiling: Promise<StepsOwner['pipelines']>;
}

/** Rejects with HeddleError, or with the signal's reason. */
export async function loadProgram(
  parts: ModelParts,
  { targetProgram, weights }: Pick<CheckedParts, 'targetProgram' | 'weights'>,
): Promise<LoadedProgram> {
  if (!targetProgram.gpu)
    throw new HeddleError('program-malformed', 'the program does not say how its kernels are dispatched');
  const session = await GpuSession.open(parts);
  let loading: Promise<Places> | undefined;
  try {
    const { device } = session;
    const { modules, gpu } = modulesFor(parts.kernels, targetProgram.gpu, device);
    const { signal, onPipeline } = parts;
    const watch = { signal, onPipeline, nameOf: (kernel: number) => nameOf(targetProgram, kernel) };
    // They are compiled while the weights arrive.
    const compiling = session.checked(() => createPipelines(device, gpu, modules, watch));
    loading = fillPersistent({ session, device, gpu, compiling }, targetProgram, weights, parts);
    const [pipelines, places] = await Promise.all([compiling, loading]);
    return { session, device, gpu, pipelines, places };
  } catch (error) {
    // What is still under way fails when it next uses the session, and frees what it has.
    session.close();
    loading?.then(freePlaces, () => undefined);
    throw error;
  }
}

/** As a kernel is called in errors: `product of layers.0.attention`, where it is one of several at its first place. */
function nameOf({ kernels, steps, loadSteps }: TargetProgram, kernel: number): string {
  const user = [...steps, ...loadSteps].find((step) => chosenKernels(step).includes(kernel));
  return user?.origin ? `${kernels[kernel]} of ${user.origin}` : kernels[kernel]!;
}

function chosenKernels({ kernel, alternatives = [] }: TargetProgram['steps'][number]): number[] {
  return [kernel, ...alternatives.map((alternative) => alternative.kernel)];
}

/** What only loading needs is created when it is first used, and freed after the last. */
async function fillPersistent(
  { session, device, gpu, compiling }: LoadingProgram,
  target: TargetProgram,
  weights: WeightStream,
  watch: LoadWatch,
): Promise<Places> {
  const places: (Place | undefined)[] = target.buffers.map(() => undefined);
  const create = (number: number): Place => {
    const spec = target.buffers[number]!;
    if (spec.within) return (places[number] ??= placeWithin(create(spec.within.buffer), spec));
    const bytes = deviceBytes(device, spec, NO_DIMS);
    return (places[number] ??= { buffer: createTensorBuffer(device, bytes), offset: 0, bytes });
  };
  const schedule = scheduleLoad(target, weights.tensors.keys());
  /** Buffers whose weights have not all arrived. */
  const halves = new Map<number, Halves>();
  const actions: LoadActions = {
    write: ({ buffer }, offset, values) =>
      session.checked(() => {
        const { half, size } = target.buffers[buffer]!;
        const place = create(buffer);
        const write = (at: number, data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>): void =>
          device.queue.writeBuffer(place.buffer, place.offset + at, data);
        if (!half || !storesHalves(device)) return write(offset, values);
        const pending = halves.get(buffer) ?? new Halves(size as number);
        halves.set(buffer, pending);
        const whole = pending.add(offset, values);
        if (!whole) return;
        halves.delete(buffer);
        write(0, whole);
      }),
    async run(number, moment) {
      const pipelines = await compiling;
      await session.checked(() => {
        const step = target.loadSteps[number]!;
        step.buffers.forEach(create);
        submitOnce({ device, gpu, pipelines }, step, places);
        for (const buffer of new Set(step.buffers)) {
          if (schedule.lives.get(buffer)?.last === moment) places[buffer]!.buffer.destroy();
        }
      });
    },
  };
  try {
    await session.checked(() =>
      target.buffers.forEach(({ kind }, number) => {
        if (kind === 'persistent') create(number);
      }),
    );
    await followSchedule(schedule, weights, watch, actions);
    return places;
  } catch (error) {
    freePlaces(places);
    throw error;
  }
}

function freePlaces(places: Places): void {
  for (const place of places) place?.buffer.destroy();
}

function submitOnce(
  owner: StepsOwner,
  step: TargetProgram['loadSteps'][number],
  places: readonly (Place | undefined)[],
): void {
  const { device } = owner;
  const shared: GpuBuffer[] = [];
  const makeShared = (bytes: number): GpuBuffer => {
    const buffer = createTensorBuffer(device, bytes);
    shared.push(buffer);
    return buffer;
  };
  const bound = BoundSteps.bind(owner, { steps: [step], places, dims: NO_DIMS, makeShared });
  const encoder = device.createCommandEncoder();
  bound.encode(encoder);
  device.queue.submit([encoder.finish()]);
  bound.destroy();
  for (const buffer of shared) buffer.destroy();
}
