/**
 * Attention as one kernel of workgroups. Keys and values pass through the memory of a workgroup in blocks, each used by
 * all of its queries; the scores of a block, the largest score so far, the sum of the exponentials and the sums of the
 * values stay in registers (online softmax: Milakov and Gimelshein 2018; Dao et al. 2022). So nothing of the size of the
 * scores is in memory, nothing is packed before, and an element of keys and values is loaded once for a block of queries.
 */
import { add, constant, minimum, multiply, ZERO, type Bounds, type Dim } from '../../../dims/dim.ts';
import {
  binary,
  combine,
  compare,
  lane,
  literal,
  multiplyAdd,
  select,
  splat,
  unary,
  variable,
} from '../../../kernel/build.ts';
import type { Expr, Statement } from '../../../kernel/ir.ts';
import type { Workgroups } from '../../../kernel/target.ts';
import { KernelContext } from '../../kernel-context.ts';
import type { LoweredKernel } from '../../lowered-kernel.ts';
import { gridOver } from '../../loops.ts';
import { openScope, type ReadScope } from '../../reader.ts';
import { scaleOf, type Attention } from '../analyse.ts';
import { OperandBuffers } from '../buffers.ts';
import { larger } from '../softmax.ts';
import { blockingOf, ceiling, QUAD } from './blocking.ts';
import { maskScores } from './masks.ts';
import { WorkgroupNest, type Place } from './nest.ts';
import { writeLogarithms, writeOutput } from './output.ts';
import { stageKeys, stageQueries, stageValues } from './staging.ts';

const BARRIER: Statement = { kind: 'barrier' };

type Variable = Expr & { readonly kind: 'variable' };

/** What an invocation keeps while the keys pass. */
interface Registers {
  /** The largest score so far of each of its queries. */
  readonly most: Variable;
  /** The sum of the exponentials so far, of the keys that are its own. */
  readonly total: Variable;
  /** Sums of values by exponentials: of each of its queries, its quads of a value. */
  readonly sums: readonly (readonly Variable[])[];
}

export function writeWorkgroupAttention(
  attention: Attention,
  name: string,
  workgroups: Workgroups,
  bounds: Bounds,
): LoweredKernel {
  return new WorkgroupAttention(attention, workgroups, bounds).write(name);
}

class WorkgroupAttention {
  readonly #attention: Attention;
  readonly #context: KernelContext;
  readonly #nest: WorkgroupNest;

  constructor(attention: Attention, workgroups: Workgroups, bounds: Bounds) {
    const { q, k, v, mask, final } = attention;
    this.#attention = attention;
    this.#context = new KernelContext(bounds);
    const buffers = new OperandBuffers(this.#context, attention, [
      q,
      k,
      ...(final ? [v] : []),
      ...(mask ? [mask] : []),
    ]);
    buffers.addResults();
    const blocking = blockingOf(attention, workgroups, bounds);
    this.#nest = new WorkgroupNest({ attention, context: this.#context, buffers, blocking });
  }

  write(name: string): LoweredKernel {
    const { batch, keyHeads, group, queries } = this.#attention;
    const nest = this.#nest;
    const { rows, depthBlocks } = nest.blocking;
    const block = rows * QUAD;
    const shape = [...batch, keyHeads, group, ceiling(queries, block, this.#context.bounds), depthBlocks];
    const { grid, index } = gridOver(this.#context, shape);
    const [keyHead, member, queryBlock, depthBlock] = index.slice(batch.length) as [Dim, Dim, Dim, Dim];
    const place: Place = {
      batch: index.slice(0, batch.length),
      head: add(multiply(keyHead, group), member),
      keyHead,
      query: multiply(queryBlock, constant(block)),
      depthBlock,
    };
    const kernel = this.#context.finish(name, grid, this.#body(place));
    return { kernel: { ...kernel, workgroup: nest.workgroup }, buffers: nest.buffers.uses };
  }

  #body(place: Place): Statement[] {
    const nest = this.#nest;
    const { keys, sums, rows, columns, isResident } = nest.blocking;
    const scope = openScope();
    const zeros = splat(literal(0), QUAD);
    const registers: Registers = {
      most: nest.declare(scope, splat(literal(-Infinity), QUAD), 'most'),
      total: nest.declare(scope, zeros, 'total'),
      sums: times(QUAD, () => times(sums, () => nest.declare(scope, zeros, 'sum'))),
    };
    if (isResident) scope.statements.push(stageQueries(nest, place, ZERO));
    const seen = this.#seen(add(place.query, constant(rows * QUAD)));
    const overKeys = nest.loop(ceiling(seen, keys, this.#context.bounds), (at) =>
      this.#overBlock(place, multiply(at, constant(keys)), registers),
    );
    scope.statements.push(overKeys, nest.put(nest.exchange, nest.told(nest.column), registers.total), BARRIER);
    const denominators = nest.declare(scope, zeros, 'denominator');
    scope.statements.push(
      nest.loop(constant(columns), (at) => [
        nest.assign(denominators, binary('add', denominators, nest.quad(nest.exchange, nest.told(at)))),
      ]),
      ...writeOutput(nest, place, registers.sums, denominators),
      ...writeLogarithms(nest, place, registers.most, denominators),
    );
    return [...nest.opening, ...scope.statements];
  }

  /** The keys that queries before `end` see. */
  #seen(end: Dim): Dim {
    const { keys, causal } = this.#attention;
    return causal ? minimum(keys, end, this.#context.bounds) : keys;
  }

  #overBlock(place: Place, first: Dim, registers: Registers): Statement[] {
    const scope = openScope();
    const scores = this.#scores(place, first, scope);
    const correction = this.#softmax(scores, registers, scope);
    // Without values, nothing else waits until all have read what the columns told.
    const rest = this.#attention.final ? this.#sumValues(place, first, registers, correction) : [BARRIER];
    return [...scope.statements, ...rest];
  }

  /** The scores of the invocation's queries, as a vector, for each of its keys of the block. */
  #scores(place: Place, first: Dim, scope: ReadScope): Expr[] {
    const nest = this.#nest;
    const { chunks, isResident, columns, keysEach } = nest.blocking;
    const products = times(keysEach, () => times(QUAD, () => nest.declare(scope, literal(0), 'product')));
    scope.statements.push(
      nest.loop(chunks, (chunk) => [
        // Until then, what is overwritten may be in use.
        BARRIER,
        ...(isResident ? [] : [stageQueries(nest, place, chunk)]),
        stageKeys(nest, place, first, chunk),
        BARRIER,
        this.#addProducts(products),
      ]),
    );
    const scale = scaleOf(this.#attention);
    return products.map((ofKey, at) => {
      const key = add(first, nest.column, constant(at * columns));
      const scaled = nest.let(scope, binary('mul', combine(ofKey, QUAD), scale));
      return nest.let(scope, maskScores(nest, place, scaled, key, scope), 'score');
    });
  }

  /** Products of the staged chunks of queries and keys. */
  #addProducts(products: readonly (readonly Variable[])[]): Statement {
    const nest = this.#nest;
    const { chunk, columns, places } = nest.blocking;
    return nest.loop(constant(chunk), (at) => {
      const scope = openScope();
      const quadOf = (row: Dim, from: number): Variable => {
        const place = add(multiply(row, constant(places.step)), constant(from), at);
        return nest.let(scope, nest.quad(nest.staging, place));
      };
      const queries = times(QUAD, (query) => quadOf(add(multiply(nest.row, constant(QUAD)), constant(query)), 0));
      const keys = products.map((_, key) => quadOf(add(nest.column, constant(key * columns)), places.keysAt));
      products.forEach((ofKey, key) =>
        ofKey.forEach((product, query) => {
          const sum = times(QUAD, (step) => step).reduce<Expr>(
            (soFar, step) => multiplyAdd(lane(queries[query]!, step), lane(keys[key]!, step), soFar),
            product,
          );
          scope.statements.push(nest.assign(product, sum));
        }),
      );
      return scope.statements;
    });
  }

  /** Scores become exponentials that all columns find; what the sums so far have to be multiplied by. */
  #softmax(scores: readonly Expr[], { most, total }: Registers, scope: ReadScope): Expr {
    const nest = this.#nest;
    const { columns } = nest.blocking;
    const own = scores.reduce((soFar, score) => nest.let(scope, larger(score, soFar)));
    scope.statements.push(nest.put(nest.exchange, nest.told(nest.column), own), BARRIER);
    const found = nest.declare(scope, most, 'found');
    scope.statements.push(
      nest.loop(constant(columns), (at) => {
        const inner = openScope();
        const told = nest.let(inner, nest.quad(nest.exchange, nest.told(at)));
        return [...inner.statements, nest.assign(found, larger(told, found))];
      }),
    );
    // While every key is masked there is nothing to subtract: -inf - -inf would make NaN of the zeros so far.
    const shift = nest.let(scope, select(compare('eq', found, splat(literal(-Infinity), QUAD)), literal(0), found));
    const correction = nest.let(scope, unary('exp', binary('sub', most, shift)));
    scope.statements.push(nest.assign(most, found), nest.assign(total, binary('mul', total, correction)));
    scores.forEach((score, at) => {
      const power = nest.let(scope, unary('exp', binary('sub', score, shift)));
      const key = add(nest.column, constant(at * columns));
      scope.statements.push(
        nest.put(nest.powers, nest.power(key), power),
        nest.assign(total, binary('add', total, power)),
      );
    });
    return correction;
  }

  /** Adds the values of the block, by their exponentials, to the sums. */
  #sumValues(place: Place, first: Dim, { sums }: Registers, correction: Expr): Statement[] {
    const nest = this.#nest;
    const { keys, staged } = nest.blocking;
    const shrink = sums.flatMap((ofQuery, query) =>
      ofQuery.map((sum) => nest.assign(sum, binary('mul', sum, lane(correction, query)))),
    );
    const parts = nest.loop(constant(keys / staged), (part) => {
      const from = multiply(part, constant(staged));
      return [
        // The exponentials are there for all, and values that were staged before have been used.
        ...(staged < keys ? [BARRIER] : []),
        stageValues(nest, place, add(first, from)),
        BARRIER,
        nest.loop(constant(staged), (key) => this.#addValue(sums, add(from, key), key)),
      ];
    });
    return [...shrink, parts];
  }

  /** `key` counts from the block's first, `at` from the first whose value is staged. */
  #addValue(sums: Registers['sums'], key: Dim, at: Dim): Statement[] {
    const nest = this.#nest;
    const { columns, depth, places } = nest.blocking;
    const scope = openScope();
    const power = nest.let(scope, nest.quad(nest.powers, nest.power(key)));
    const last = constant(depth - 1);
    const values = sums[0]!.map((_, sum) => {
      // Columns beyond the last quad sum it, too, for nobody.
      const quad = minimum(add(nest.column, constant(sum * columns)), last, this.#context.bounds);
      const row = add(constant(places.valuesAt), multiply(at, constant(depth)));
      return nest.let(scope, nest.quad(nest.staging, add(row, quad)));
    });
    sums.forEach((ofQuery, query) =>
      ofQuery.forEach((sum, part) => {
        const value = multiplyAdd(splat(lane(power, query), QUAD), values[part]!, variable(sum.name, 'f32', QUAD));
        scope.statements.push(nest.assign(sum, value));
      }),
    );
    return scope.statements;
  }
}

function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}
