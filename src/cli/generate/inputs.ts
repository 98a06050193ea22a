/** The inputs of a model besides the tokens. */
import type { Inputs } from '../../runtime/model.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { printShape } from '../../program/size.ts';
import { Failure, printNote } from '../errors.ts';
import type { Io } from '../io.ts';
import type { InputFile } from '../run.ts';
import { someOf } from '../spec.ts';
import { count } from '../table.ts';
import { toRuntime } from '../tensors.ts';
import type { Generator } from './generator.ts';

/** A tensor of the file for each. Throws Failure where one is missing. */
export function otherInputs({ spec, inputs }: Generator, file: InputFile | undefined, io: Io): Inputs {
  const wanted = inputs.filter(({ name }) => spec.inputs.includes(name));
  const missing = wanted.filter(({ name }) => !file?.found.has(name));
  if (missing.length > 0)
    throw new Failure(`the model needs ${count(missing.length, 'input')} besides its tokens`, {
      notes: missing.map(describe),
      hint: file ? `${file.path} holds ${someOf([...file.found.keys()])}` : 'give them with --inputs FILE.safetensors',
    });
  const surplus = [...(file?.found.keys() ?? [])].filter((name) => !wanted.some((one) => one.name === name));
  if (surplus.length > 0)
    printNote(`${file!.path} also holds what is no input of the model, ignored: ${someOf(surplus)}`, io);
  return Object.fromEntries(
    wanted.map(({ name, dtype }) => {
      const tensor = file!.found.get(name)!;
      return [name, { data: toRuntime(tensor, dtype, `the input ${name}`), shape: tensor.shape }];
    }),
  );
}

function describe({ name, dtype, shape }: TensorInfo): string {
  return `${name}: ${dtype}${printShape(shape)}`;
}
