/** Which buffers of a kernel are read and written by whole vectors alone. It must not know how they are written. */
import type { Dim } from '../../dims/dim.ts';
import type { Kernel, Lanes } from '../../kernel/ir.ts';
import { forEachPart, forEachStatement, valueOf } from '../../kernel/rewrite.ts';

/**
 * The names of buffers and workgroup memory whose every access is to four elements, the first a multiple of four; so they
 * are arrays of vectors. What a kernel does not touch is not among them.
 */
export function wholeVectors({ body, workgroup }: Kernel): ReadonlySet<string> {
  const whole = new Set<string>();
  const broken = new Set<string>(
    workgroup?.memory.flatMap(({ name, length }) => (length % 4 === 0 ? [] : [name])) ?? [],
  );
  const visit = (buffer: string, index: Dim, lanes: Lanes): void => {
    (lanes === 4 && isMultipleOfFour(index) ? whole : broken).add(buffer);
  };
  forEachStatement(body, (statement) => {
    const value = valueOf(statement);
    if (statement.kind === 'store') visit(statement.buffer, statement.index, statement.value.lanes);
    if (value)
      forEachPart(value, (part) => {
        if (part.kind === 'load') visit(part.buffer, part.index, part.lanes);
      });
  });
  for (const name of broken) whole.delete(name);
  return whole;
}

/** Whether each term of the polynomial is. */
function isMultipleOfFour(index: Dim): boolean {
  return index.terms.every(({ coefficient }) => coefficient % 4 === 0);
}
