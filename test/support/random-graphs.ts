/** Random graphs over most primitives and composites: what fusion and lowering have to survive. */
import { constant, constantValue, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import type { Shape } from '../../src/compiler/dims/shape.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, GraphParameter, Value } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomNumbers } from './tensors.ts';

const SIZES: readonly Dim[] = [symbol('n'), ...[1, 2, 3, 4, 5, 8, 9].map(constant)];
/** Bounded functions, so that values stay comparable after many of them. */
const UNARY = ['neg', 'tanh', 'sigmoid', 'relu', 'gelu', 'abs', 'cos', 'erf'] as const;
const BINARY = ['add', 'sub', 'mul', 'maximum', 'minimum'] as const;
const REDUCTIONS = ['sum', 'mean', 'max', 'min', 'var'] as const;
/** Larger tensors only cost time. */
const MOST_AXES = 4;

/** A graph drawn from `seed` with `steps` ops, one symbolic dimension `n`, two inputs and up to three outputs. */
export function randomGraph(seed: number, steps: number): Graph {
  const made = new RandomGraph(seed);
  for (let step = 0; step < steps; step++) made.step();
  return made.finish();
}

class RandomGraph {
  readonly #random: () => number;
  readonly #builder = new Builder(ops, new Map());
  readonly #pool: Value[] = [];
  readonly #parameters: GraphParameter[] = [];
  readonly #inputs: { name: string; value: Value }[] = [];

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
    for (const name of ['x', 'y']) {
      const shape = [symbol('n'), ...Array.from({ length: 1 + this.#below(2) }, () => this.#pick(SIZES))];
      const value = this.#builder.value({ dtype: 'f32', shape });
      this.#inputs.push({ name, value });
      this.#pool.push(value);
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  /** Recent values are likelier, so that chains form; old ones still occur, so that values are shared. */
  #operand(): Value {
    const { length } = this.#pool;
    return this.#pool[this.#random() < 0.6 ? length - 1 - this.#below(Math.min(3, length)) : this.#below(length)]!;
  }

  #parameter(shape: Shape): Value {
    const value = this.#builder.value({ dtype: 'f32', shape });
    this.#parameters.push({ name: `p${this.#parameters.length}`, value, origin: { path: '' } });
    return value;
  }

  step(): void {
    const x = this.#operand();
    const moves = [
      () => this.#builder.one(this.#pick(UNARY), [x]),
      () => this.#binary(x),
      () => this.#withParameter(x),
      () => this.#reduce(x),
      () => this.#normalise(x),
      () => this.#transpose(x),
      () => this.#merge(x),
      () => this.#slice(x),
      () => this.#concat(x),
      () => this.#linear(x),
      () => this.#product(x),
    ];
    const result = this.#pick(moves)();
    if (result) this.#pool.push(result);
  }

  #binary(x: Value): Value {
    const same = this.#pool.filter(
      (other) => other.type.shape.map((dim) => dim.key).join() === x.type.shape.map((dim) => dim.key).join(),
    );
    return this.#builder.one(this.#pick(BINARY), [x, this.#pick(same)]);
  }

  /** A parameter of the trailing static axes, repeated over the others. */
  #withParameter(x: Value): Value {
    const from = x.type.shape.findLastIndex((dim) => constantValue(dim) === undefined) + 1;
    const parameter = this.#parameter(x.type.shape.slice(from + this.#below(x.type.shape.length - from + 1)));
    return this.#builder.one(this.#pick(BINARY), [
      x,
      this.#builder.one('expand', [parameter], { shape: x.type.shape }),
    ]);
  }

  #axis(x: Value): number | undefined {
    const { length } = x.type.shape;
    return length === 0 ? undefined : this.#below(length);
  }

  #reduce(x: Value): Value | undefined {
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    const axes = this.#random() < 0.8 ? [axis] : x.type.shape.map((_, at) => at).filter(() => this.#random() < 0.5);
    const keepdim = this.#random() < 0.5;
    return this.#builder.one(this.#pick(REDUCTIONS), [x], { axis: axes.length > 0 ? axes : [axis], keepdim });
  }

  #normalise(x: Value): Value | undefined {
    const axis = this.#axis(x);
    return axis === undefined ? undefined : this.#builder.one(this.#pick(['softmax', 'log_softmax']), [x], { axis });
  }

  #transpose(x: Value): Value {
    const permutation = x.type.shape.map((_, axis) => axis);
    for (let at = permutation.length - 1; at > 0; at--) {
      const other = this.#below(at + 1);
      [permutation[at], permutation[other]] = [permutation[other]!, permutation[at]!];
    }
    return this.#builder.one('transpose', [x], { permutation });
  }

  /** Two neighbouring axes become one, or a static one becomes two. */
  #merge(x: Value): Value | undefined {
    const { shape } = x.type;
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    const size = constantValue(shape[axis]!);
    if (size !== undefined && size % 2 === 0 && size > 0 && shape.length < MOST_AXES) {
      const halves = this.#random() < 0.5 ? [2, size / 2] : [size / 2, 2];
      return this.#builder.one('reshape', [x], { shape: shape.toSpliced(axis, 1, ...halves.map(constant)) });
    }
    if (axis + 1 >= shape.length) return undefined;
    const merged = this.#builder.one('rearrange', [x], {
      pattern: `${letters(shape)} -> ${letters(shape)
        .split(' ')
        .toSpliced(
          axis,
          2,
          `(${letters(shape)
            .split(' ')
            .slice(axis, axis + 2)
            .join(' ')})`,
        )
        .join(' ')}`,
      sizes: {},
    });
    return merged;
  }

  #slice(x: Value): Value | undefined {
    const axis = this.#axis(x);
    const size = axis === undefined ? undefined : constantValue(x.type.shape[axis]!);
    if (axis === undefined || size === undefined || size < 2) return undefined;
    const start = this.#below(size);
    const stop = start + 1 + this.#below(size - start);
    return this.#builder.one('slice', [x], {
      starts: x.type.shape.map((_, at) => constant(at === axis ? start : 0)),
      stops: x.type.shape.map((dim, at) => (at === axis ? constant(stop) : dim)),
      steps: x.type.shape.map((_, at) => constant(at === axis && this.#random() < 0.3 ? 2 : 1)),
    });
  }

  #concat(x: Value): Value | undefined {
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    const fits = this.#pool.filter(
      (other) =>
        other.type.shape.length === x.type.shape.length &&
        other.type.shape.every((dim, at) => at === axis || dim.key === x.type.shape[at]!.key),
    );
    return this.#builder.one('concat', [x, this.#pick(fits)], { axis });
  }

  #linear(x: Value): Value | undefined {
    const width = x.type.shape.at(-1);
    if (!width || constantValue(width) === undefined) return undefined;
    const weight = this.#parameter([constant(1 + this.#below(12)), width]);
    const product = this.#builder.one('einsum', [x, weight], { pattern: '... i, o i -> ... o' });
    return this.#builder.one('tanh', [product]);
  }

  /** Every row against every row: scores as in attention, either way round. */
  #product(x: Value): Value | undefined {
    const { shape } = x.type;
    if (shape.length < 2 || shape.length > 3) return undefined;
    const pattern = this.#pick(
      shape.length === 2
        ? ['a k, b k -> a b', 'k a, k b -> a b', 'a k, b k -> b a']
        : ['g a k, g b k -> g a b', 'g k a, g k b -> a g b', 'a g k, b g k -> g a b'],
    );
    return this.#builder.one('tanh', [this.#builder.one('einsum', [x, x], { pattern })]);
  }

  finish(): Graph {
    const last = this.#pool.slice(-3);
    return {
      name: 'Random',
      dims: [{ name: 'n' }],
      inputs: this.#inputs,
      parameters: this.#parameters,
      nodes: this.#builder.nodes,
      outputs: last.map((value, at) => ({ name: `out${at}`, value })),
    };
  }
}

function letters(shape: Shape): string {
  return shape.map((_, axis) => 'abcdefgh'[axis]).join(' ');
}
