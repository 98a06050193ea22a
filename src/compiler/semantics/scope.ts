/** Names in scope while a body is elaborated. */
import type { Span } from '../base/source.ts';
import type { StaticValue } from './values.ts';

export interface Binding {
  readonly name: string;
  readonly value: StaticValue;
  /** Where the name got its value, for secondary labels. */
  readonly span: Span;
  /** What kind of name it is; only variables may be assigned. */
  readonly role:
    'variable' | 'constant' | 'hyperparameter' | 'dimension' | 'parameter' | 'state' | 'declaration' | 'input';
}

/** A block of statements' names over those of the body around it. */
export class Scope {
  readonly #bindings = new Map<string, Binding>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  /** An empty scope inside this one. */
  child(): Scope {
    return new Scope(this);
  }

  lookup(name: string): Binding | undefined {
    return this.#bindings.get(name) ?? this.#outer?.lookup(name);
  }

  define(binding: Binding): void {
    this.#bindings.set(binding.name, binding);
  }

  /** Gives a known name a new value where it is defined. */
  rebind(binding: Binding): void {
    if (this.#bindings.has(binding.name) || !this.#outer) this.#bindings.set(binding.name, binding);
    else this.#outer.rebind(binding);
  }

  definedHere(name: string): Binding | undefined {
    return this.#bindings.get(name);
  }

  /** All names that can be seen, for suggestions. */
  names(): string[] {
    return [...this.#bindings.keys(), ...(this.#outer?.names() ?? [])];
  }
}
