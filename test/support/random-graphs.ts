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
/** Indices are drawn from -2 … 2, so that they name elements of an axis of this size, from either end. */
const ROWS = 3;
/** Larger tensors only cost time. */
const MOST_AXES = 4;

/** A graph drawn from `seed` with `steps` ops, a symbolic dimension `n`, three inputs and up to three outputs. */
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
  /** Positions for axes of at least `ROWS` elements. */
  readonly #ids: Value;

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
    for (const name of ['x', 'y']) {
      const shape = [symbol('n'), ...Array.from({ length: 1 + this.#below(2) }, () => this.#pick(SIZES))];
      const value = this.#builder.value({ dtype: 'f32', shape });
      this.#inputs.push({ name, value });
      this.#pool.push(value);
    }
    this.#ids = this.#builder.value({ dtype: 'i32', shape: [symbol('n'), constant(3)] });
    this.#inputs.push({ name: 'ids', value: this.#ids });
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
      () => this.#convolve(x),
      () => this.#windows(x),
      () => this.#embed(x),
      () => this.#gather(x),
      () => this.#scatter(x),
      () => this.#order(x),
      () => this.#scan(x),
      () => this.#roll(x),
      () => this.#attend(x),
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

  /** A convolution along the last axis of a tensor of three, plain, by channels, strided or transposed. */
  #convolve(x: Value): Value | undefined {
    const [channels, length] = [1, 2].map((axis) => x.type.shape[axis] && constantValue(x.type.shape[axis]));
    if (x.type.shape.length !== 3 || !channels || length === undefined) return undefined;
    const [kernel, padding, stride] = [1 + this.#below(3), this.#below(2), 1 + this.#below(2)];
    if (length + 2 * padding < kernel) return undefined;
    const byChannel = this.#random() < 0.3;
    const further = this.#random() < 0.3 && length * stride > 2 * padding + stride;
    const outer = byChannel ? channels : 1 + this.#below(10);
    const sizes = further ? [channels, byChannel ? 1 : outer] : [outer, byChannel ? 1 : channels];
    const weight = this.#parameter([...sizes, kernel].map(constant));
    const attributes = { stride, padding, groups: constant(byChannel ? channels : 1) };
    const product = this.#builder.one(further ? 'conv_transpose1d' : 'conv1d', [x, weight], attributes);
    return this.#builder.one('tanh', [product]);
  }

  #windows(x: Value): Value | undefined {
    const length = x.type.shape.length > 0 ? constantValue(x.type.shape.at(-1)!) : undefined;
    if (length === undefined || length < 2) return undefined;
    const kernel_size = 2 + this.#below(Math.min(2, length - 1));
    const [stride, padding, ceil_mode] = [1 + this.#below(3), this.#below(2), this.#random() < 0.3];
    if (this.#random() < 0.3) return this.#builder.one('adaptive_avg_pool1d', [x], { output_size: [constant(stride)] });
    return this.#builder.one(this.#pick(['max_pool1d', 'avg_pool1d']), [x], {
      kernel_size,
      stride,
      padding,
      ceil_mode,
    });
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

  #embed(x: Value): Value | undefined {
    const rows = constantValue(x.type.shape[0] ?? constant(0));
    if (rows === undefined || rows < ROWS || x.type.shape.length > MOST_AXES - 1) return undefined;
    return this.#builder.one('embedding', [this.#ids, x]);
  }

  /** An axis that indices can name, and an index for every element, where all sizes are numbers. */
  #indices(x: Value): { axis: number; index: Value } | undefined {
    const axis = x.type.shape.findIndex((dim) => (constantValue(dim) ?? 0) >= ROWS);
    const sizes = x.type.shape.map((dim) => constantValue(dim) ?? Infinity);
    const count = sizes.reduce((product, size) => product * size, 1);
    if (axis === -1 || !(count <= 64)) return undefined;
    const data = Array.from({ length: count }, () => this.#below(5) - 2);
    return { axis, index: this.#builder.one('constant', [], { dtype: 'i32', shape: x.type.shape, data }) };
  }

  #gather(x: Value): Value | undefined {
    const found = this.#indices(x);
    return found && this.#builder.one('gather', [x, found.index], { axis: found.axis });
  }

  #scatter(x: Value): Value | undefined {
    const found = this.#indices(x);
    const op = this.#pick(['scatter', 'scatter_add']);
    return found && this.#builder.one('tanh', [this.#builder.one(op, [x, found.index, x], { axis: found.axis })]);
  }

  /** Indices would depend on the last bits of values that are nearly equal. */
  #order(x: Value): Value | undefined {
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    const size = constantValue(x.type.shape[axis]!) ?? 0;
    const [isDescending, isSort] = [this.#random() < 0.5, size === 0 || this.#random() < 0.5];
    if (isSort) return this.#builder.apply('sort', [x], { axis, descending: isDescending })[0]!;
    return this.#builder.apply('top_k', [x], { k: 1 + this.#below(size), axis, largest: isDescending })[0]!;
  }

  #scan(x: Value): Value | undefined {
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    return this.#builder.one('tanh', [this.#builder.one('cumsum', [x], { axis })]);
  }

  #roll(x: Value): Value | undefined {
    const axis = this.#axis(x);
    if (axis === undefined) return undefined;
    return this.#builder.one('roll', [x], { shifts: [constant(this.#below(9) - 4)], axis });
  }

  /** The first axis is heads; keys and values are whatever fits. */
  #attend(x: Value): Value | undefined {
    if (x.type.shape.length !== 3) return undefined;
    const [heads, , width] = x.type.shape.map((dim) => dim.key);
    const fits = (value: Value, ...sizes: readonly (string | undefined)[]): boolean =>
      value.type.shape.length === 3 &&
      sizes.every((size, at) => size === undefined || value.type.shape[at]!.key === size);
    const k = this.#pick(this.#pool.filter((value) => fits(value, heads, undefined, width)));
    const keys = k.type.shape[1]!;
    const v = this.#pick(this.#pool.filter((value) => fits(value, heads, keys.key)));
    const isMasked = constantValue(keys) !== undefined && this.#random() < 0.5;
    return this.#builder.one('attention', [x, k, v, ...(isMasked ? [this.#parameter([keys])] : [])], {
      causal: this.#random() < 0.5,
      scale: this.#pick([null, 0.5]),
    });
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
