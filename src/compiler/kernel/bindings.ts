/** How the buffers of a kernel are shared out among the bindings of a device that has few, none of which is large. */
import { symbolsOf, type Dim } from '../dims/dim.ts';
import type { Expr, Kernel, KernelBuffer, Statement } from './ir.ts';
import { bodiesOf, dimOf, forEachPart, forEachStatement, indexOf } from './rewrite.ts';

type Bound = Pick<KernelBuffer, 'parts'>;

/** How many bindings the buffers of a kernel need in all, each its own. */
export function bindingsOf(buffers: readonly Bound[]): number {
  return buffers.reduce((sum, { parts = 1 }) => sum + parts, 0);
}

/**
 * How many of a kernel's buffers, from the first on, have bindings of their own; the others share the last of
 * `storageBuffers` bindings.
 */
export function ownBindings(buffers: readonly Bound[], storageBuffers: number): number {
  const reach = (end: number): number => bindingsOf(buffers.slice(0, end));
  if (reach(buffers.length) <= storageBuffers) return buffers.length;
  return buffers.findIndex((_, at) => reach(at + 1) > storageBuffers - 1);
}

/**
 * The read-only buffers whose contents decide whether a barrier or a reduction is come by. They need a binding that is not
 * written, as devices take what is read from another for different in each invocation.
 */
export function controlBuffers({ body, buffers }: Kernel): ReadonlySet<string> {
  const names = new Set<string>();
  const loaded = new Set<string>();
  const readDim = (dim: Dim): void => symbolsOf(dim).forEach((name) => names.add(name));
  const read = (expr: Expr): void =>
    forEachPart(expr, (part) => {
      if (part.kind === 'variable') names.add(part.name);
      if (part.kind === 'load') loaded.add(part.buffer);
      const index = indexOf(part);
      if (index) readDim(index);
    });
  forEachStatement(body, (statement) => {
    if (!decidesArrival(statement)) return;
    if (statement.kind === 'if') read(statement.condition);
    const dim = dimOf(statement);
    if (dim) readDim(dim);
  });
  // What names stand for, until nothing more is found.
  for (let size = -1; size !== names.size;) {
    size = names.size;
    forEachStatement(body, (statement) => {
      if (statement.kind !== 'let' && statement.kind !== 'declare' && statement.kind !== 'assign') return;
      if (names.has(statement.name)) read(statement.value);
    });
  }
  return new Set(buffers.flatMap(({ name, access }) => (access === 'read' && loaded.has(name) ? [name] : [])));
}

/** Whether all invocations must agree on where `statement` leads. */
function decidesArrival(statement: Statement): boolean {
  return bodiesOf(statement).some((body) => {
    let found = false;
    forEachStatement(body, ({ kind }) => (found ||= kind === 'barrier' || kind === 'reduce'));
    return found;
  });
}
