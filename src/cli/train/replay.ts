/** A stored sequence of batches as what a trainer takes, and what came of it as a file. */
import type { Sequence } from '../../data/readers/sequence.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { printShape } from '../../program/size.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { Failure } from '../errors.ts';
import type { Tensors } from '../spec.ts';
import type { FieldBinding } from './config.ts';

export interface ReplayedBatch {
  readonly inputs: Inputs;
  readonly examples: number;
}

/** The batches in order, their tensors by the names of inputs. Throws Failure, which shows both sides, where one has none, or --bind names no input. */
export function replayed(
  { title, batches }: Sequence,
  inputs: readonly TensorInfo[],
  bind: readonly FieldBinding[],
): readonly ReplayedBatch[] {
  const [first] = batches;
  const tensors = [...(first ?? [])].map(([name, { dtype, shape }]) => `${name}: ${dtype}${printShape(shape)}`);
  const wrong = bind.find(({ input }) => !inputs.some(({ name }) => name === input));
  if (wrong)
    throw new Failure(`--bind names the input ${wrong.input}, which the entry does not have`, {
      notes: [`inputs of the entry: ${inputs.map(({ name }) => name).join(', ') || 'none'}`],
    });
  return batches.map((batch) => {
    const pairs = inputs.map(({ name, dtype, shape }) => {
      const wanted = bind.find(({ input }) => input === name)?.tensor ?? name;
      const tensor = batch.get(wanted);
      if (tensor && tensor.dtype === dtype) return [name, { data: tensor.data, shape: tensor.shape }] as const;
      throw new Failure(
        `${title} has no ${dtype} tensor ${wanted} for the input ${name}: ${dtype}${printShape(shape)}`,
        {
          notes: [`tensors of a step: ${tensors.join(', ')}`],
          hint: 'bind them by name: --bind INPUT=TENSOR',
        },
      );
    });
    const [, { shape }] = pairs.find(([, tensor]) => tensor.shape.length > 0) ?? ['', { shape: [1] }];
    return { inputs: Object.fromEntries(pairs), examples: shape[0]! };
  });
}

/** `out.losses`, the loss of each step before its update, and `out.final.…`, the parameters after the last one. */
export function replayFile(losses: readonly number[], parameters: Tensors): Uint8Array {
  const values = Float64Array.from(losses);
  const stored: StoredTensor = { dtype: 'F64', shape: [losses.length], bytes: new Uint8Array(values.buffer) };
  const finals = [...parameters].map(([name, tensor]) => [`out.final.${name}`, tensor] as const);
  return writeSafetensors([['out.losses', stored], ...finals]);
}
