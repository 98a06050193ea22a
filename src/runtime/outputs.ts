/** Hands outputs to arrays of the caller. */
import { HeddleError } from './errors.ts';
import { describeSpec } from './inputs.ts';
import type { OutputData, Outputs, RunOptions } from './model.ts';
import type { Face } from './session.ts';

/** Throws HeddleError 'option' or 'output-buffer' unless each receiver fits the output of its name. `left` are kept. */
export function checkReceivers(
  { outputs: specs, left = [] }: Pick<Face, 'outputs' | 'left'>,
  outputs: Outputs,
  receivers: unknown,
): void {
  if (receivers === undefined) return;
  if (typeof receivers !== 'object' || receivers === null)
    throw new HeddleError('option', 'the option outputs is not an object of typed arrays');
  for (const [name, receiver] of Object.entries(receivers)) {
    const spec = specs.find((candidate) => candidate.name === name);
    if (!spec) {
      const isKept = left.some((candidate) => candidate.name === name);
      const problem = isKept
        ? `the output ${name} is kept on the GPU; no array receives it`
        : `there is no output ${name}`;
      throw new HeddleError('output-buffer', problem);
    }
    const { data } = outputs[name]!;
    const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);
    if (tag(receiver) === tag(data) && (receiver as OutputData).length === data.length) continue;
    const message = `the output ${name} (${describeSpec(spec)}) needs a ${tag(data)} of ${data.length} elements`;
    throw new HeddleError('output-buffer', message);
  }
}

/** The outputs with those that have receivers copied there. */
export function delivered(outputs: Outputs, receivers: NonNullable<RunOptions['outputs']>): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const data = Object.hasOwn(receivers, name) ? receivers[name]! : output.data;
      if (data !== output.data) data.set(output.data);
      return [name, { data, shape: output.shape }];
    }),
  );
}
