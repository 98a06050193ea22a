/** What follows a product for its elements, and the store: for one element, or for four neighbours in lanes. */
import { linearize } from '../../dims/shape.ts';
import { ZERO, type Dim } from '../../dims/dim.ts';
import { variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { FreshNames } from '../../kernel/names.ts';
import { replaceInStatements } from '../../kernel/rewrite.ts';
import { exprVaries, findPerLane } from '../../kernel/vector/analysis.ts';
import { widenAll } from '../../kernel/vector/lanes.ts';
import { followTo } from '../followers.ts';
import type { BufferSlot, KernelContext } from '../kernel-context.ts';
import { openScope, type RegionReader } from '../reader.ts';
import { indexOfLabels, labelPositions, type Contraction } from './axes.ts';

export interface FinishOptions {
  readonly contraction: Contraction;
  readonly context: KernelContext;
  /** Reads what follows the product. */
  readonly after: RegionReader;
  readonly output: BufferSlot;
}

/** A row of the result. */
export interface RowPlace {
  readonly batch: Dim;
  readonly row: Dim;
}

/** The product's element in the statements that follow it, until it is replaced by a sum. */
export const ELEMENT = '$element';

export class Finish {
  readonly #options: FinishOptions;
  /** For what lanes need. */
  readonly names: FreshNames;

  constructor(options: FinishOptions) {
    const { contraction, context, after } = options;
    this.#options = options;
    this.names = new FreshNames(context.bounds.keys());
    after.sources.set(contraction.node.results[0]!, () => variable(ELEMENT, contraction.arithmetic.sum));
  }

  /** What follows the product for one element, and its store. */
  element(place: RowPlace, column: Dim): Statement[] {
    const { contraction, after, output } = this.#options;
    const scope = openScope();
    const value = after.read(contraction.region.results[0]!, this.#resultIndex(place, column), scope);
    const index = this.storeIndex(place, column);
    return [...scope.statements, { kind: 'store', buffer: output.name, index, value }];
  }

  /** The statements with `value` for the product's element. */
  of(value: Expr, statements: readonly Statement[]): Statement[] {
    return [
      ...replaceInStatements(statements, {
        integer: () => undefined,
        value: (part) => (part.name === ELEMENT ? value : undefined),
        bounds: this.#options.context.bounds,
      }),
    ];
  }

  /** The statements of one element, at a place that `counter` counts from 0, for four of them: `sum` has the elements. */
  inLanes(statements: readonly Statement[], counter: string, sum: string): Statement[] {
    const vectors = new Map([[ELEMENT, sum]]);
    return inLanes(statements, counter, { context: this.#options.context, names: this.names, vectors });
  }

  storeIndex(place: RowPlace, column: Dim): Dim {
    return linearize(this.#resultIndex(place, column), this.#options.contraction.region.results[0]!.type.shape);
  }

  #resultIndex(place: RowPlace, column: Dim): readonly Dim[] {
    const { contraction, context } = this.#options;
    const { axes, result, node, region } = contraction;
    const positions = labelPositions(
      [
        { axes: axes.resultBatch, at: place.batch },
        { axes: axes.rows, at: place.row },
        { axes: axes.columns, at: column },
      ],
      context.bounds,
    );
    const start = indexOfLabels(result, positions);
    return followTo(region, node.results[0]!, region.results[0]!, start, context.bounds);
  }
}

export interface LaneNames {
  readonly context: KernelContext;
  readonly names: FreshNames;
  /** The vectors that hold names from outside; those of lets are added. */
  readonly vectors: Map<string, string>;
}

/** Statements in which `counter` counts from 0, for 0 to 3 at once. */
export function inLanes(
  statements: readonly Statement[],
  counter: string,
  { context, names, vectors }: LaneNames,
): Statement[] {
  const varying = varyingNames(statements, new Set([counter, ...vectors.keys()]));
  return widenAll(statements, {
    plan: { varying, perLane: findPerLane(statements, counter, varying), accumulators: new Map() },
    loopVariable: counter,
    base: ZERO,
    bounds: context.bounds,
    names,
    lets: new Map(
      statements.flatMap((statement) => (statement.kind === 'let' ? [[statement.name, statement.value] as const] : [])),
    ),
    vectors,
    scalars: new Map(),
  });
}

/** `given`, and the lets that differ from lane to lane because of them. */
function varyingNames(statements: readonly Statement[], given: ReadonlySet<string>): ReadonlySet<string> {
  const varying = new Set(given);
  for (const statement of statements) {
    if (statement.kind === 'let' && exprVaries(statement.value, varying)) varying.add(statement.name);
  }
  return varying;
}
