/**
 * What the emitter knows while it writes one function: the instruction stream, which local holds what, and for how long.
 * It must not know how expressions or loops are written.
 */
import type { Dim } from '../../dims/dim.ts';
import type { Expr, Lanes, ScalarType } from '../../kernel/ir.ts';
import type { AccessGroup } from '../access.ts';
import type { Sharing } from '../sharing.ts';
import { Code } from './encoder.ts';
import type { ValueType } from './instructions.ts';

/** A local that holds the address of `rest + anchor` of a group of accesses, less `moving` elements. */
export interface Address {
  readonly local: number;
  readonly anchor: number;
  /** See AccessGroup. */
  readonly firm: boolean;
  readonly moving: Dim;
}

/** Locals of the bytes 0 and 2 of every word of a vector, and of its bytes 1 and 3, as i16. */
export interface Halves {
  readonly even: number;
  readonly odd: number;
}

/**
 * `region`: a list of statements. `statement`: what one statement's expression needs; addresses found meanwhile serve the
 * whole region. `arm`: code that may be skipped, so nothing found in it may be used after it.
 */
type ScopeKind = 'region' | 'statement' | 'arm';

interface Scope {
  readonly kind: ScopeKind;
  readonly owned: number[];
  readonly names: Map<string, number>;
  readonly positions: Map<string, number>;
  /** Vectors that hold the same bits in every lane. */
  readonly constants: Map<number, number>;
  readonly addresses: Map<string, Address>;
  readonly shared: Map<Expr, number>;
  readonly halves: Map<string, Halves>;
  /** Access groups of the region's own statements. */
  readonly groups: Map<string, AccessGroup>;
  /** Names that change inside the loop whose body this is. */
  readonly varying: ReadonlySet<string>;
  sharing: Sharing | undefined;
}

export function wasmType(type: ScalarType, lanes: Lanes): ValueType {
  if (lanes === 4) return 'v128';
  return type === 'f32' ? 'f32' : 'i32';
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** What the kernels of a module have in common. */
export interface KernelOptions {
  readonly relaxed?: boolean;
  readonly counters?: Counters;
}

/** The address of the first rank's counter of multiply-adds, and the bytes from one rank's to the next's. */
export interface Counters {
  readonly first: number;
  readonly stride: number;
}

export class Frame {
  readonly code = new Code();
  readonly locals: ValueType[] = [];
  readonly #parameters: number;
  readonly #kernel: string;
  /** Whether the module may use relaxed SIMD, whose results may differ between machines. */
  readonly relaxed: boolean;
  /** Undefined where nothing is counted. */
  readonly counters: Counters | undefined;
  readonly #free = new Map<ValueType, number[]>();
  readonly #scopes: Scope[] = [];
  /** Names that are assigned to. */
  readonly #mutable = new Set<string>();

  /** The parameters are i32 and named. */
  constructor(kernel: string, parameters: readonly string[], { relaxed = false, counters }: KernelOptions = {}) {
    this.#kernel = kernel;
    this.relaxed = relaxed;
    this.counters = counters;
    this.#parameters = parameters.length;
    const scope = this.#push('region', NO_NAMES);
    parameters.forEach((name, at) => scope.names.set(name, at));
  }

  fail(problem: string): never {
    throw new Error(`internal error: wasm emitter, kernel ${this.#kernel}: ${problem}`);
  }

  /** Runs `emit` in a scope of its own; what it found and the locals it took are given up after it. */
  within<T>(kind: ScopeKind, emit: () => T, varying: ReadonlySet<string> = NO_NAMES): T {
    const scope = this.#push(kind, varying);
    const result = emit();
    this.#scopes.pop();
    for (const local of scope.owned) this.#release(local);
    return result;
  }

  #push(kind: ScopeKind, varying: ReadonlySet<string>): Scope {
    const scope: Scope = {
      kind,
      owned: [],
      names: new Map(),
      positions: new Map(),
      constants: new Map(),
      addresses: new Map(),
      shared: new Map(),
      halves: new Map(),
      groups: new Map(),
      varying,
      sharing: undefined,
    };
    this.#scopes.push(scope);
    return scope;
  }

  #release(local: number): void {
    const type = this.locals[local - this.#parameters]!;
    const list = this.#free.get(type) ?? [];
    this.#free.set(type, list);
    list.push(local);
  }

  #take(type: ValueType): number {
    const freed = this.#free.get(type)?.pop();
    if (freed !== undefined) return freed;
    this.locals.push(type);
    return this.#parameters + this.locals.length - 1;
  }

  #innermost(): Scope {
    return this.#scopes.at(-1)!;
  }

  /** The scope that keeps what is found now for later statements. */
  #keeper(): Scope {
    return this.#scopes.findLast((scope) => scope.kind !== 'statement')!;
  }

  #lookup<T>(find: (scope: Scope) => T | undefined): T | undefined {
    for (let at = this.#scopes.length - 1; at >= 0; at--) {
      const found = find(this.#scopes[at]!);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A local until the end of the innermost scope. */
  temporary(type: ValueType): number {
    const local = this.#take(type);
    this.#innermost().owned.push(local);
    return local;
  }

  /** A local that outlives the statement, until its region or arm ends. */
  kept(type: ValueType): number {
    const local = this.#take(type);
    this.#keeper().owned.push(local);
    return local;
  }

  define(name: string, type: ValueType): number {
    if (this.#lookup((scope) => scope.names.get(name)) !== undefined) this.fail(`${name} is defined twice`);
    const local = this.temporary(type);
    this.#innermost().names.set(name, local);
    return local;
  }

  /** `define` for a variable that may be assigned to. */
  declare(name: string, type: ValueType): number {
    this.#mutable.add(name);
    return this.define(name, type);
  }

  isConstant(name: string): boolean {
    return !this.#mutable.has(name);
  }

  local(name: string): number {
    return this.#lookup((scope) => scope.names.get(name)) ?? this.fail(`${name} has no value here`);
  }

  position(key: string): number | undefined {
    return this.#lookup((scope) => scope.positions.get(key));
  }

  keepPosition(key: string, local: number): void {
    this.#keeper().positions.set(key, local);
  }

  constant(bits: number): number | undefined {
    return this.#lookup((scope) => scope.constants.get(bits));
  }

  keepConstant(bits: number, local: number): void {
    this.#keeper().constants.set(bits, local);
  }

  address(key: string): Address | undefined {
    return this.#lookup((scope) => scope.addresses.get(key));
  }

  keepAddress(key: string, address: Address): void {
    this.#keeper().addresses.set(key, address);
  }

  group(key: string): AccessGroup | undefined {
    return this.#keeper().groups.get(key);
  }

  setGroups(groups: ReadonlyMap<string, AccessGroup>): void {
    for (const [key, group] of groups) this.#innermost().groups.set(key, group);
  }

  /** What changes inside the innermost loop. */
  varying(): ReadonlySet<string> {
    return this.#lookup((scope) => (scope.varying.size > 0 ? scope.varying : undefined)) ?? NO_NAMES;
  }

  set sharing(sharing: Sharing) {
    this.#innermost().sharing = sharing;
  }

  get sharing(): Sharing {
    return this.#lookup((scope) => scope.sharing) ?? this.fail('an expression outside a statement');
  }

  shared(expr: Expr): number | undefined {
    return this.#lookup((scope) => scope.shared.get(expr));
  }

  keepShared(expr: Expr, local: number): void {
    this.#innermost().shared.set(expr, local);
  }

  halves(key: string): Halves | undefined {
    return this.#lookup((scope) => scope.halves.get(key));
  }

  keepHalves(key: string, halves: Halves): void {
    this.#keeper().halves.set(key, halves);
  }
}
