/** The shape rule of the ops of decoding: axes of one label have one size. */
import { constantValue, equal, print, type Dim } from '../../dims/dim.ts';
import type { DType, TensorType } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import type { Mismatch } from '../rules.ts';

/** An operand as a record describes it; a label that is a number is that size. */
export interface Described {
  readonly name: string;
  readonly dtype: DType;
  readonly axes: readonly (string | number)[];
}

function printDescribed({ name, dtype, axes }: Described): string {
  return `${name} ${dtype}[${axes.join(', ')}]`;
}

/** The first operand that is not as described, where a label stands for the size that it had first. */
export function shapeFault(
  called: string,
  operands: readonly Described[],
  inputs: readonly TensorType[],
): Mismatch | undefined {
  const sizes = new Map<string, { readonly size: Dim; readonly name: string }>();
  for (const [operand, { name, dtype, axes }] of operands.entries()) {
    const type = inputs[operand]!;
    if (type.dtype !== dtype || type.shape.length !== axes.length) {
      const message = `\`${called}\` takes ${operands.map(printDescribed).join(', ')}`;
      return { message, notes: [`${name} is ${printType(type)}`], operand };
    }
    for (const [axis, label] of axes.entries()) {
      const size = type.shape[axis]!;
      const known = typeof label === 'string' ? sizes.get(label) : undefined;
      const isWrong = typeof label === 'number' ? constantValue(size) !== label : known && !equal(known.size, size);
      if (isWrong) {
        const wanted = known ? `${print(known.size)} in ${known.name}` : String(label);
        const message = `\`${called}\` does not fit: axis ${axis} of ${name} is ${print(size)} against ${wanted}`;
        return { message, operand };
      }
      if (typeof label === 'string' && !known) sizes.set(label, { size, name });
    }
  }
  return undefined;
}
