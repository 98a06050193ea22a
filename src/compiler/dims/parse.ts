/**
 * Reads the printed form of dimensions back: integers, names, `+ - *`, `floordiv(a, b)`, `min(a, b)`, `max(a, b)`
 * and parentheses. Total: text that is no dimension, or one too large, gives undefined.
 */
import {
  add,
  constant,
  DimensionOverflow,
  floorDiv,
  maximum,
  minimum,
  multiply,
  negate,
  subtract,
  symbol,
  type Dim,
} from './dim.ts';

const TOKEN = /\s*(?:(\d+)|([A-Za-z_$][A-Za-z0-9_.]*)|([-+*(),]))|(\S)/g;
/** Deeper nesting is no dimension that anything prints. */
const DEEPEST = 100;

const functions = new Map<string, (a: Dim, b: Dim) => Dim>([
  ['floordiv', (a, b) => floorDiv(a, b)],
  ['min', (a, b) => minimum(a, b)],
  ['max', (a, b) => maximum(a, b)],
]);

/** What ends the reading of text that is no dimension. */
class NotADimension extends Error {}

export function parseDim(text: string): Dim | undefined {
  try {
    const reader = new Reader(tokenize(text));
    const dim = reader.sum(0);
    return reader.atEnd() ? dim : undefined;
  } catch (error) {
    if (error instanceof NotADimension || error instanceof DimensionOverflow) return undefined;
    throw error;
  }
}

function tokenize(text: string): string[] {
  return [...text.matchAll(TOKEN)].map(([, integer, name, sign]) => {
    const token = integer ?? name ?? sign;
    if (token === undefined) throw new NotADimension();
    return token;
  });
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw new NotADimension();
  }

  sum(depth: number): Dim {
    let total = this.#take('-') ? negate(this.#product(depth)) : this.#product(depth);
    for (;;) {
      if (this.#take('+')) total = add(total, this.#product(depth));
      else if (this.#take('-')) total = subtract(total, this.#product(depth));
      else return total;
    }
  }

  #product(depth: number): Dim {
    let total = this.#factor(depth);
    while (this.#take('*')) total = multiply(total, this.#factor(depth));
    return total;
  }

  #factor(depth: number): Dim {
    if (depth > DEEPEST) throw new NotADimension();
    if (this.#take('(')) {
      const inner = this.sum(depth + 1);
      this.#expect(')');
      return inner;
    }
    const token = this.#tokens[this.#at++];
    if (token === undefined || !/^[\w$]/.test(token)) throw new NotADimension();
    if (/^\d/.test(token)) return constant(Number(token));
    const apply = functions.get(token);
    if (!apply) return symbol(token);
    this.#expect('(');
    const left = this.sum(depth + 1);
    this.#expect(',');
    const right = this.sum(depth + 1);
    this.#expect(')');
    return apply(left, right);
  }
}
