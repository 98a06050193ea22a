/**
 * What a kernel with a workgroup must keep to beyond what every kernel must, and what it asks of a device. It must not
 * know how its statements are written for one.
 */
import { symbolsOf, type Dim } from '../dims/dim.ts';
import { controlBuffers, ownBindings } from './bindings.ts';
import type { Expr, Kernel, Lanes, ScalarType, Statement, Workgroup } from './ir.ts';
import { uniqueNames } from './names.ts';
import { forEachStatement, refersItself, someExpr } from './rewrite.ts';
import type { Workgroups } from './target.ts';

/** The rules of workgroups that `kernel` breaks, in words. */
export function workgroupFaults(kernel: Kernel): string[] {
  const { workgroup } = kernel;
  const faults: string[] = [];
  if (workgroup) {
    const { size, memory } = workgroup;
    if (!(size >= 1 && Number.isInteger(Math.log2(size)))) faults.push(`a workgroup of ${size} is no power of two`);
    for (const { name, length } of memory)
      if (!(Number.isInteger(length) && length > 0)) faults.push(`the memory ${name} has ${length} elements`);
  }
  return [...faults, ...divergence(kernel)];
}

/** What `kernel` asks for beyond the limits of a device, in words. */
export function limitFaults(kernel: Kernel, limits: Workgroups): string[] {
  const { workgroup, buffers } = kernel;
  const faults: string[] = [];
  const rest = buffers.slice(ownBindings(buffers, limits.storageBuffers));
  const isWritten = rest.some(({ access }) => access !== 'read');
  const needy = isWritten ? controlBuffers(kernel) : new Set<string>();
  for (const { name, parts } of rest)
    if (parts !== undefined || needy.has(name)) faults.push(`${name} needs bindings of its own, and there are no more`);
  if (!workgroup) return faults;
  const bytes = memoryBytes(kernel);
  if (workgroup.size > limits.invocations)
    faults.push(`a workgroup of ${workgroup.size}, where ${limits.invocations} is the most`);
  if (bytes > limits.memory) faults.push(`${bytes} bytes of workgroup memory, where ${limits.memory} is the most`);
  return faults;
}

/** Bytes of workgroup memory: what the kernel names, and what its reductions need whatever the device. */
function memoryBytes({ workgroup, body }: Kernel): number {
  const named = workgroup!.memory.reduce((sum, { length }) => sum + 4 * length, 0);
  return [...reductionTypes(body)].reduce((sum, [, { lanes }]) => sum + 4 * lanes * exchangeLength(workgroup!), named);
}

/** Values in the memory through which a reduction goes: twice those of the invocations, so that one need not wait for the last. */
export function exchangeLength({ size }: Workgroup): number {
  return 2 * size;
}

/** The types of values that the statements reduce, each once. */
export function reductionTypes(
  statements: readonly Statement[],
): ReadonlyMap<string, { readonly type: ScalarType; readonly lanes: Lanes }> {
  const types = new Map<string, { readonly type: ScalarType; readonly lanes: Lanes }>();
  forEachStatement(statements, (statement) => {
    if (statement.kind !== 'reduce') return;
    const { type, lanes } = statement.value;
    types.set(`${type}x${lanes}`, { type, lanes });
  });
  return types;
}

/** Barriers and reductions that not all invocations may reach together, as far as values tell where control goes. */
function divergence(kernel: Kernel): string[] {
  const unique = uniqueNames(kernel);
  const uniformity = new Uniformity(unique);
  // Variables may be assigned after they are read, in a loop, so this runs until nothing changes.
  for (let size = -1; size !== uniformity.varying.size;) {
    size = uniformity.varying.size;
    uniformity.visit(unique.body);
  }
  return uniformity.faults;
}

class Uniformity {
  /** Names whose value may differ between invocations. */
  readonly varying: Set<string>;
  readonly #readOnly: ReadonlySet<string>;
  faults: string[] = [];

  constructor({ buffers, workgroup }: Kernel) {
    this.varying = new Set(workgroup ? [workgroup.invocation] : []);
    this.#readOnly = new Set(buffers.flatMap(({ name, access }) => (access === 'read' ? [name] : [])));
  }

  visit(body: readonly Statement[]): void {
    this.faults = [];
    this.#visitAll(body, true);
  }

  #visitAll(statements: readonly Statement[], isUniform: boolean): void {
    for (const statement of statements) this.#visitOne(statement, isUniform);
  }

  #visitOne(statement: Statement, isUniform: boolean): void {
    switch (statement.kind) {
      case 'let':
      case 'declare':
      case 'assign':
        if (this.#exprVaries(statement.value) || (statement.kind === 'assign' && !isUniform))
          this.varying.add(statement.name);
        return;
      case 'reduce':
        // The same everywhere, but devices do not see that.
        this.varying.add(statement.name);
        if (!isUniform) this.faults.push(`the reduction ${statement.name} is in divergent control flow`);
        return;
      case 'barrier':
        if (!isUniform) this.faults.push('a barrier is in divergent control flow');
        return;
      case 'loop': {
        const varies = this.#dimVaries(statement.extent);
        if (varies) this.varying.add(statement.variable);
        return this.#visitAll(statement.body, isUniform && !varies);
      }
      case 'if': {
        const inner = isUniform && !this.#exprVaries(statement.condition);
        this.#visitAll(statement.then, inner);
        return this.#visitAll(statement.else, inner);
      }
      case 'store':
      case 'prefetch':
      case 'count':
        return;
    }
  }

  #exprVaries(expr: Expr): boolean {
    return someExpr(
      expr,
      (part) => refersItself(part, this.varying) || (part.kind === 'load' && !this.#readOnly.has(part.buffer)),
    );
  }

  #dimVaries(dim: Dim): boolean {
    return symbolsOf(dim).some((name) => this.varying.has(name));
  }
}
