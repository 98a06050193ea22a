/** All that a run needs, opened from its configuration: data, program, trainer, and how batches meet inputs. */
import { Batches } from '../../data/batches.ts';
import type { Dataset, Field } from '../../data/dataset.ts';
import { DataError, DataFiles } from '../../data/files.ts';
import { type DataOptions, type Examples, openData, type Replay } from '../../data/open.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { Failure } from '../errors.ts';
import { bindFields, inputsOf } from './bind.ts';
import type { RunConfig } from './config.ts';
import { replayed } from './replay.ts';

/** Names under which the data have tensors: optional inputs of these names are compiled with. */
export function namesAtHand(data: Examples | Replay, { bind }: Pick<RunConfig, 'bind'>): readonly string[] {
  const own =
    data.kind === 'sequence'
      ? [...(data.sequence.batches[0]?.keys() ?? [])]
      : data.train.fields.map(({ name }: Field) => name);
  return [...own, ...bind.map(({ input }) => input)];
}

/** Opens data; mistakes in them are failures of the command. Rejects with Failure. */
export async function openRunData(options: DataOptions, files: DataFiles): Promise<Examples | Replay> {
  return orFailure(() => openData(options, files));
}

/** What is wrong with data becomes a failure of the command. */
export async function orFailure<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError) throw new Failure(error.message, { hint: error.hint });
    throw error;
  }
}

/** Batches as a trainer takes them. */
export interface Feed {
  batch(number: number): { readonly inputs: Inputs; readonly examples: number };
  readonly epochs?: (batches: number) => number;
  readonly evaluation?: () => Iterable<Inputs>;
}

/** Throws Failure where data and inputs do not fit. */
export function feedOf(data: Examples | Replay, inputs: readonly TensorInfo[], config: RunConfig): Feed {
  if (data.kind === 'sequence') {
    const batches = replayed(data.sequence, inputs, config.bind);
    return { batch: (number) => batches[number]! };
  }
  const { train, evaluation } = data;
  const { batch, seed, shuffle } = config;
  const binding = bindFields(inputs, train.fields, config.bind, batch);
  checkCaches(
    config,
    binding.map(({ field }) => train.fields[field]!.name),
  );
  // An entry with a fixed size of batches takes no smaller ones.
  const dropLast = config.dropLast || inputs.some(({ shape }) => typeof shape[0] === 'number');
  const batches = makeBatches(train, { batch, dropLast, ...(shuffle && { seed }) });
  const others = evaluation && makeBatches(evaluation, { batch, dropLast: dropLast && !config.dropLast });
  return {
    batch(number) {
      const read = batches.read(number);
      return { inputs: inputsOf(binding, read), examples: read.size };
    },
    epochs: (count) => Math.round((1e4 * count) / batches.perEpoch) / 1e4,
    ...(others && {
      *evaluation() {
        for (let number = 0; number < others.perEpoch; number++) yield inputsOf(binding, others.read(number));
      },
    }),
  };
}

/** Throws Failure for a tensor that was computed for nothing. */
function checkCaches({ caches }: RunConfig, taken: readonly string[]): void {
  const idle = caches.find(({ field }) => !taken.includes(field));
  if (idle)
    throw new Failure(`no input of the entry takes the tensor ${idle.field}, which --cache computes`, {
      hint: 'give it the name of an input, or bind it: --bind INPUT=TENSOR',
    });
}

function makeBatches(dataset: Dataset, options: ConstructorParameters<typeof Batches>[1]): Batches {
  try {
    return new Batches(dataset, options);
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(error.message);
    throw error;
  }
}
