/** Names in scope while a file is read without elaborating it, and what has been made of each. */
import type { Span } from '../base/source.ts';

/** What a name is. Only those with a use of their own are expected to be used. */
export type NameKind =
  | 'import'
  | 'declaration'
  | 'built-in'
  | 'hyperparameter'
  | 'tensor'
  | 'input'
  | 'dimension'
  | 'pattern'
  | 'constant'
  | 'variable'
  | 'parameter'
  | 'loop variable'
  | 'output';

export interface KnownName {
  readonly kind: NameKind;
  readonly name: string;
  /** Absent for built-ins. */
  readonly span?: Span;
  used: boolean;
}

/** One level of names over those around it. */
export class Names {
  readonly #own = new Map<string, KnownName>();
  readonly #outer: Names | undefined;

  constructor(outer?: Names) {
    this.#outer = outer;
  }

  inner(): Names {
    return new Names(this);
  }

  add(kind: NameKind, name: string, span?: Span): KnownName {
    const known: KnownName = { kind, name, used: false, ...(span && { span }) };
    this.#own.set(name, known);
    return known;
  }

  find(name: string): KnownName | undefined {
    return this.#own.get(name) ?? this.#outer?.find(name);
  }

  all(): string[] {
    return [...this.#own.keys(), ...(this.#outer?.all() ?? [])];
  }
}
