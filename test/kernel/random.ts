/**
 * Random well-formed kernels on buffers that are large enough, for comparing a kernel with what a transformation makes
 * of it. Values are small integers, so that sums are exact in any order and results must agree to the bit.
 */
import {
  add,
  constant,
  evaluate,
  floorDiv,
  modulo,
  multiply,
  ONE,
  subtract,
  symbol,
  type Dim,
} from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { BufferData } from '../../src/compiler/kernel/interpret.ts';
import type {
  CompareOp,
  Expr,
  GridAxis,
  Kernel,
  KernelBuffer,
  LoopMode,
  Statement,
} from '../../src/compiler/kernel/ir.ts';
import { assign, declare, input, letBe, loop, output, reduce, store, when } from './support.ts';

export interface Case {
  readonly kernel: Kernel;
  readonly buffers: Record<string, BufferData>;
  readonly sizes: Record<string, number>;
}

/** Marsaglia's xorshift, 32 bits. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

interface Scope {
  readonly integers: readonly string[];
  /** Lets and variables of f32 that may be read. */
  readonly values: readonly string[];
  /** Variables that may be assigned freely. */
  readonly own: readonly string[];
  /** Variables of outer scopes that a vector loop may reduce into; never read while it runs. */
  readonly totals: readonly string[];
  readonly depth: number;
  readonly inVector: boolean;
}

/** No index of a random kernel is larger; sizes are at most 9. */
const LARGEST = 1500;
const COMPARISONS: readonly CompareOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

export function randomCase(seed: number): Case {
  return new Generator(new Dice(seed)).generate();
}

class Generator {
  readonly #dice: Dice;
  readonly #outputs: { buffer: KernelBuffer; size: Dim }[] = [];
  #names = 0;
  readonly #places: { name: string; extent: Dim }[] = [];

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  generate(): Case {
    const dice = this.#dice;
    const sizes = { n: dice.below(10), m: dice.below(6) };
    const grid: GridAxis[] = dice.below(2) === 0 ? [] : [{ variable: 'g', extent: symbol('m') }];
    for (const axis of grid) this.#places.push({ name: axis.variable, extent: axis.extent });
    const integers = ['n', 'm', ...grid.map((axis) => axis.variable)];
    const body = this.#list({ integers, values: [], own: [], totals: [], depth: 0, inVector: false }, 4);
    const inputs = [input('x'), input('ids', 'i32'), input('short'), input('flags', 'bool')];
    const scratch: KernelBuffer = { ...output('scratch'), access: 'readwrite' };
    const kernel: Kernel = {
      name: 'random',
      buffers: [...inputs, scratch, ...this.#outputs.map(({ buffer }) => buffer)],
      sizes: ['n', 'm'],
      grid,
      body,
    };
    const numbers = (length: number, low: number, range: number): number[] =>
      Array.from({ length }, () => low + dice.below(range));
    const buffers: Record<string, BufferData> = {
      x: Float32Array.from(numbers(LARGEST * 2, -4, 9)),
      ids: Int32Array.from(numbers(LARGEST, -2, 12)),
      short: Float32Array.from(numbers(sizes.n, -4, 9)),
      scratch: Float32Array.from(numbers(2, -4, 9)),
      flags: Int32Array.from(numbers(LARGEST, 0, 2)),
    };
    const symbols = new Map(Object.entries(sizes));
    for (const { buffer, size } of this.#outputs) buffers[buffer.name] = new Float32Array(evaluate(size, symbols));
    return { kernel, buffers, sizes };
  }

  #fresh(base: string): string {
    // Sometimes a name that another scope has, too.
    return `${base}${this.#names++}`;
  }

  #list(scope: Scope, count: number): Statement[] {
    const out: Statement[] = [];
    let inner = scope;
    for (let at = 0; at < count; at++) {
      const [statements, next] = this.#statement(inner);
      out.push(...statements);
      inner = next;
    }
    // Otherwise most of what is computed would be dead.
    if (this.#dice.below(3) > 0 && inner.values.length > 0) {
      const readable = inner.values.map(variable_);
      out.push(
        this.#storeOf(
          inner,
          readable.slice(-4).reduce((sum, value) => binary('add', sum, value)),
        ),
      );
    }
    return out;
  }

  #statement(scope: Scope): [Statement[], Scope] {
    const dice = this.#dice;
    switch (dice.below(scope.depth < 3 ? 9 : 5)) {
      case 0:
      case 1: {
        const name = this.#fresh('a');
        return [[letBe(name, this.#value(scope, 3))], { ...scope, values: [...scope.values, name] }];
      }
      case 2: {
        const name = this.#fresh('w');
        const next = { ...scope, values: [...scope.values, name], own: [...scope.own, name] };
        return [[declare(name, this.#value(scope, 2))], next];
      }
      case 3: {
        if (scope.totals.length > 0 && dice.below(2) === 0)
          return [[reduce(dice.pick(...scope.totals), 'add', this.#value(scope, 2))], scope];
        if (scope.own.length === 0) return [[this.#store(scope)], scope];
        return [[assign(dice.pick(...scope.own), this.#value(scope, 2))], scope];
      }
      case 4: {
        // Not in lanes, whose iterations must be independent.
        if (scope.inVector || dice.below(2) === 0) return [[this.#store(scope)], scope];
        return [[store('scratch', constant(dice.below(2)), this.#value(scope, 2))], scope];
      }
      case 5: {
        const name = this.#fresh('k');
        const place = dice.pick<Expr>(position(this.#index(scope)), load('ids', this.#index(scope), 'i32'));
        // A loaded integer may be negative; made an offset that is not.
        const value = place.kind === 'load' ? binary('max', place, literal(0, 'i32')) : place;
        return [
          [letBe(name, value)],
          { ...scope, integers: [...scope.integers, ...(place.kind === 'load' ? [name] : [])] },
        ];
      }
      case 6: {
        const inner = { ...scope, depth: scope.depth + 1 };
        const condition = this.#condition(scope);
        return [[when(condition, this.#list(inner, 2), dice.below(2) === 0 ? [] : this.#list(inner, 1))], scope];
      }
      default:
        return [this.#loop(scope), scope];
    }
  }

  #loop(scope: Scope): Statement[] {
    const dice = this.#dice;
    const mode: LoopMode = dice.pick('serial', 'vector', 'vector', 'unrolled');
    const variable = this.#fresh('v');
    const extent =
      mode === 'unrolled'
        ? constant(dice.below(3))
        : dice.pick(
            symbol('n'),
            symbol('m'),
            constant(dice.below(10)),
            constant(16 * dice.below(3)),
            add(symbol('n'), ONE),
            multiply(symbol('m'), constant(2)),
          );
    this.#places.push({ name: variable, extent });
    const vector = mode === 'vector';
    const before: Statement[] = [];
    const totals: string[] = [];
    if (vector && dice.below(2) === 0) {
      const name = this.#fresh('t');
      before.push(declare(name, literal(dice.below(4))));
      totals.push(name);
    }
    const inner: Scope = {
      integers: [...scope.integers, variable],
      values: vector ? scope.values.filter((name) => !scope.own.includes(name) || !scope.inVector) : scope.values,
      own: vector ? [] : scope.own,
      totals: vector ? totals : scope.totals,
      depth: scope.depth + 1,
      inVector: scope.inVector || vector,
    };
    const body = this.#list(inner, 1 + dice.below(3));
    this.#places.pop();
    const after = totals.map((name) => this.#storeOf(scope, variable_(name)));
    return [...before, loop(variable, extent, mode, body), ...after];
  }

  /** Every store has a buffer of its own and one element for each turn of the loops around it. */
  #store(scope: Scope): Statement {
    return this.#storeOf(scope, this.#value(scope, 3));
  }

  #storeOf(_scope: Scope, value: Expr): Statement {
    const name = this.#fresh('out');
    let index = constant(0);
    let size = ONE;
    const places = this.#dice.below(3) === 0 ? this.#places : this.#places.toReversed();
    for (const place of places) {
      index = add(index, multiply(size, symbol(place.name)));
      size = multiply(size, add(place.extent, ONE));
    }
    this.#outputs.push({ buffer: output(name), size });
    return store(name, index, value);
  }

  #index(scope: Scope): Dim {
    const dice = this.#dice;
    const one = (): Dim => symbol(dice.pick(...scope.integers));
    switch (dice.below(7)) {
      case 0:
        return add(multiply(one(), symbol('n')), one());
      case 1:
        return add(multiply(one(), constant(1 + dice.below(4))), constant(dice.below(5)));
      case 2:
        return floorDiv(one(), constant(1 + dice.below(5)));
      case 3:
        return add(modulo(one(), constant(1 + dice.below(8))), one());
      case 4:
        return add(subtract(constant(60), one()), one());
      default:
        return add(one(), multiply(constant(16), one()));
    }
  }

  #condition(scope: Scope): Expr {
    const dice = this.#dice;
    const op = dice.pick(...COMPARISONS);
    switch (dice.below(4)) {
      case 0:
        return load('flags', this.#index(scope), 'bool');
      case 1:
        return compare(op, this.#value(scope, 1), this.#value(scope, 1));
      case 2:
        return unary('not', compare(op, position(this.#index(scope)), literal(dice.below(12), 'i32')));
      default:
        return compare(op, position(this.#index(scope)), position(this.#index(scope)));
    }
  }

  #value(scope: Scope, depth: number): Expr {
    const dice = this.#dice;
    if (depth === 0 || dice.below(5) === 0) return this.#leaf(scope);
    const part = (): Expr => this.#value(scope, depth - 1);
    switch (dice.below(8)) {
      case 0:
      case 1:
        return binary(dice.pick('add', 'sub', 'min', 'max'), part(), part());
      case 2:
        return binary('mul', this.#leaf(scope), literal(dice.pick(-1, 1, 2)));
      case 3:
        return unary(dice.pick('neg', 'abs', 'floor'), part());
      case 4:
        return select(this.#condition(scope), part(), part());
      case 5: {
        const at = this.#index(scope);
        const inside = compare('lt', position(at), position(symbol('n')));
        const guarded = binary('add', load('short', at, 'f32'), part());
        return select(inside, dice.below(2) === 0 ? load('short', at, 'f32') : guarded, part());
      }
      case 6:
        return convert(binary('add', load('ids', this.#index(scope), 'i32'), literal(3, 'i32')), 'f32');
      default:
        return convert(this.#condition(scope), 'f32');
    }
  }

  #leaf(scope: Scope): Expr {
    const dice = this.#dice;
    if (dice.below(6) === 0) return load('scratch', constant(dice.below(2)), 'f32');
    // In range only because the loop runs at all.
    if (dice.below(4) === 0 && this.#places.some((place) => place.extent.key === 'n'))
      return load('short', subtract(symbol('n'), ONE), 'f32');
    if (scope.values.length > 0 && dice.below(2) === 0) return variable_(dice.pick(...scope.values));
    if (dice.below(4) === 0) return literal(dice.below(5) - 2);
    return load('x', this.#index(scope), 'f32');
  }
}

function variable_(name: string): Expr {
  return variable(name, 'f32');
}
