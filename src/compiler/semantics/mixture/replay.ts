/**
 * The body of a mixture for all experts at once: where it works on the tokens, on the rows of the dispatch, which lie in
 * the order of their experts; where it works on the experts' own parameters, for each expert; everything else once. How an
 * op is carried over is read off the kind of its body, composites by their definition.
 */
import { equal, ONE, type Dim } from '../../dims/dim.ts';
import { alignedAxes, dependsOnPosition } from '../../ir/alignment.ts';
import { isDim, isList } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import { sameShape } from '../../dims/shape.ts';
import type { Attributes, Node, Value } from '../../ir/graph.ts';
import type { Op, SizeCondition } from '../../ir/op.ts';
import type { Apply, Dispatch } from './dispatch.ts';
import { applyPerExpert, EXPERTS } from './per-expert.ts';
import type { Step } from './row-axes.ts';

/**
 * What stands for a value of the body. `fixed`: a value that is the same for all experts. `each`: one with a leading axis
 * of the experts. `rows`: one that has the rows of the dispatch in the place of the tokens.
 */
export interface Form {
  readonly kind: 'fixed' | 'each' | 'rows';
  readonly value: Value;
}

/** Why an op has no place in the body of a mixture. */
export interface Fault {
  /** What the op does: `brings tokens together`. */
  readonly message: string;
  readonly hint: string;
}

const MIXES: Fault = {
  message: 'brings tokens together, and an expert works on each of its tokens alone',
  hint: 'do that before the mixture, where all tokens are at hand',
};
const BY_PLACE: Fault = {
  message: 'reads what each expert has of its own at places that tokens give',
  hint: 'read it outside of the mixture, of one tensor for all experts',
};
export const OF_TOKENS: Fault = {
  message: 'meets a parameter with a row for each token, and which tokens an expert gets is not known',
  hint: 'make it a parameter outside of the mixture',
};

/** Leaves the replay of a step; caught there. */
class FaultFound extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

export interface Surroundings {
  readonly builder: Builder;
  readonly dispatch: Dispatch;
  /** The axes of a value of the body that are those of the tokens. */
  readonly tokenAxes: (value: Value) => readonly number[];
  /** What an op asks of the dimensions of a run. */
  demand(condition: SizeCondition, node: Node): void;
}

export class Replay {
  readonly #around: Surroundings;
  readonly #forms: Map<Value, Form>;
  /** Values of all tokens in the order of the rows. */
  readonly #gathered = new Map<Value, Value>();

  /** `forms` are those of the values that the body is given. */
  constructor(around: Surroundings, forms: ReadonlyMap<Value, Form>) {
    this.#around = around;
    this.#forms = new Map(forms);
  }

  form(value: Value): Form {
    const form = this.#forms.get(value);
    if (!form) throw new Error('internal: a value of the body of a mixture is read before it is made');
    return form;
  }

  /** Appends what a step of the body computes; answers why it cannot. */
  step(step: Step): Fault | undefined {
    try {
      this.#replay(step);
      return undefined;
    } catch (error) {
      if (error instanceof FaultFound) return error.fault;
      throw error;
    }
  }

  /** The value in the order of the rows, if it has an axis of the tokens. */
  rowsOf(value: Value): Value {
    const form = this.form(value);
    const [axis] = this.#around.tokenAxes(value);
    if (form.kind !== 'fixed' || axis === undefined) return form.value;
    const known = this.#gathered.get(form.value);
    if (known) return known;
    const { token, place } = this.#around.dispatch;
    const gathered = moveAxis(
      this.#apply,
      this.#apply('gather_rows', [moveAxis(this.#apply, form.value, axis, 0), token, place]),
      0,
      axis,
    );
    this.#gathered.set(form.value, gathered);
    return gathered;
  }

  readonly #apply: Apply = (name, inputs, attributes) => this.#around.builder.one(name, inputs, attributes);

  /** An op of the body, which may not fit what it is given instead. */
  #applyOp(node: Node, op: Op, inputs: readonly Value[], attributes: Attributes): readonly Value[] {
    const applied = this.#around.builder.tryApply(op, inputs, attributes);
    if ('error' in applied) throw new FaultFound(MIXES);
    for (const condition of applied.conditions) this.#around.demand(condition, node);
    return applied.values;
  }

  #replay(step: Step): void {
    const { node, definition } = step;
    this.#around.builder.origin = node.origin;
    const kind = this.#kindOf(node);
    const hasRows = node.results.some((result) => this.#around.tokenAxes(result).length > 0);
    if (kind === 'fixed' && !(hasRows && this.#isSpread(step))) return this.#once(node);
    if (!definition) return this.#set(node, kind === 'each' ? 'each' : 'rows', this.#leaf(node, kind));
    if (kind === 'rows' && this.#whole(step)) return;
    definition.steps.forEach((inner) => this.#replay(inner));
    node.results.forEach((result, at) => this.#forms.set(result, this.form(definition.results[at]!)));
  }

  #kindOf(node: Node): Form['kind'] {
    const { tokenAxes } = this.#around;
    const kinds = node.inputs.map((input) => this.form(input).kind);
    if (kinds.includes('rows')) return 'rows';
    const isRandom = node.op.random === true;
    if (!kinds.includes('each') && !isRandom) return 'fixed';
    const values = isRandom ? node.results : [...node.inputs, ...node.results];
    return values.some((value) => tokenAxes(value).length > 0) ? 'rows' : 'each';
  }

  #set(node: Node, kind: Form['kind'], values: readonly Value[]): void {
    node.results.forEach((result, at) => this.#forms.set(result, { kind, value: values[at]! }));
  }

  /** What depends on no expert and on none of the rows is computed as it stands. */
  #once(node: Node): void {
    const inputs = node.inputs.map((input) => this.form(input).value);
    this.#around.builder.nodes.push({ ...node, inputs });
    this.#set(node, 'fixed', node.results);
  }

  /** Whether something fixed is the same for all tokens, so that it can have the rows in their place at once. */
  #isSpread({ node, definition }: Step): boolean {
    const { tokenAxes, builder } = this.#around;
    if (node.inputs.some((input) => tokenAxes(input).length > 0)) return false;
    if (definition) return true;
    const [axis] = tokenAxes(node.results[0]!);
    return node.op.body.kind === 'movement' && axis !== undefined && !dependsOnPosition(node, axis, builder.bounds);
  }

  #leaf(node: Node, kind: Form['kind']): readonly Value[] {
    if (kind !== 'each') return this.#byRows(node);
    const inputs = node.inputs.map((input) => {
      const form = this.form(input);
      return { value: form.value, isOwn: form.kind === 'each' };
    });
    const applyOp = (op: Op, values: readonly Value[], attributes: Attributes): readonly Value[] =>
      this.#applyOp(node, op, values, attributes);
    return applyPerExpert(this.#apply, applyOp, node, inputs, this.#around.dispatch.count);
  }

  /** A composite of rows and fixed values as it stands, where its definition says that it goes row by row. */
  #whole({ node, definition }: Step): boolean {
    if (node.inputs.some((input) => this.form(input).kind === 'each')) return false;
    if (!definition!.steps.every((inner) => this.#goesByRows(inner))) return false;
    const { builder } = this.#around;
    const first = builder.nodes.length;
    const inputs = node.inputs.map((input) => this.rowsOf(input));
    const applied = builder.tryApply(node.op, inputs, node.attributes);
    const fits = 'values' in applied && applied.values.every((value, at) => this.#isOfRows(value, node.results[at]!));
    if (!fits) {
      builder.nodes.length = first;
      this.#gathered.clear();
      return false;
    }
    for (const condition of applied.conditions) this.#around.demand(condition, node);
    this.#set(node, 'rows', applied.values);
    return true;
  }

  /** Whether a step of a definition treats every row alike and alone. */
  #goesByRows({ node, definition }: Step): boolean {
    if (definition) return definition.steps.every((inner) => this.#goesByRows(inner));
    const { tokenAxes, builder } = this.#around;
    const axes = node.results.flatMap(tokenAxes);
    const reads = node.inputs.flatMap(tokenAxes);
    if (axes.length === 0 && reads.length === 0) return true;
    if (this.#mixes(node)) return false;
    return node.op.random === true || axes.every((axis) => !dependsOnPosition(node, axis, builder.bounds));
  }

  /** Whether `value` has the type of `result` with the rows in the place of the tokens. */
  #isOfRows(value: Value, result: Value): boolean {
    return sameShape(value.type.shape, this.#rowShape(result));
  }

  #rowShape(value: Value): readonly Dim[] {
    const [axis] = this.#around.tokenAxes(value);
    const { shape } = value.type;
    return axis === undefined ? shape : shape.with(axis, this.#around.dispatch.rows);
  }

  /** Whether a node brings tokens together. */
  #mixes(node: Node): boolean {
    const { tokenAxes, builder } = this.#around;
    const aligned = alignedAxes(node, builder.bounds);
    const axes = node.results.map(tokenAxes);
    if (axes.some((list) => list.length !== 1)) return true;
    return node.inputs.some((input, operand) =>
      tokenAxes(input).some((operandAxis) =>
        node.results.some(
          (_, result) =>
            !aligned.some(
              (one) =>
                one.operand === operand &&
                one.operandAxis === operandAxis &&
                one.result === result &&
                one.axis === axes[result]![0],
            ),
        ),
      ),
    );
  }

  #byRows(node: Node): readonly Value[] {
    if (this.#mixes(node)) throw new FaultFound(MIXES);
    const isOwn = node.inputs.map((input) => this.form(input).kind === 'each');
    if (node.inputs.some((input, at) => isOwn[at] && this.#around.tokenAxes(input).length > 0))
      throw new FaultFound(OF_TOKENS);
    const own = isOwn.indexOf(true);
    if (own === -1) return this.#applyRows(node);
    if (node.op.body.kind === 'contraction') return [this.#contract(node, own)];
    if (node.op.name === 'expand') return [this.#expand(node)];
    throw new FaultFound(BY_PLACE);
  }

  /** The same op on rows instead of tokens, with the sizes it names. */
  #applyRows(node: Node): readonly Value[] {
    const inputs = node.inputs.map((input) => this.rowsOf(input));
    const values = this.#applyOp(node, node.op, inputs, this.#resized(node));
    if (values.every((value, at) => this.#isOfRows(value, node.results[at]!))) return values;
    throw new FaultFound(MIXES);
  }

  /** Its attributes, where lists of sizes have that of the tokens, with the number of rows instead. */
  #resized({ op, attributes, results: [result] }: Node): Attributes {
    if (op.body.kind !== 'movement') return attributes;
    const [axis] = this.#around.tokenAxes(result!);
    const { shape } = result!.type;
    const { rows } = this.#around.dispatch;
    const isTokens = (size: unknown): boolean => isSize(size) && equal(size, shape[axis!]!);
    if (op.name === 'expand') return { shape: shape.with(axis!, rows) };
    return Object.fromEntries(
      Object.entries(attributes).map(([name, given]) => {
        const isShape = isList(given) && given.length === shape.length && (name === 'shape' || name === 'stops');
        return [name, isShape && isTokens(given[axis!]) ? given.with(axis!, rows) : given];
      }),
    );
  }

  /** Rows by the matrices of their experts. What brings no axes of its own is multiplied and summed. */
  #contract(node: Node, own: number): Value {
    const { body } = node.op;
    if (body.kind !== 'contraction') throw new Error(`internal: ${node.op.name} is no contraction`);
    const { left, right, result } = body.labels(node.attributes);
    const sides = [left, right];
    const ragged = result[this.#around.tokenAxes(node.results[0]!)[0]!]!;
    const { offsets } = this.#around.dispatch;
    const isNarrow = sides[own]!.every((label) => sides[1 - own]!.includes(label));
    const values = node.inputs.map((input, at) => {
      if (at !== own) return this.rowsOf(input);
      const { value } = this.form(input);
      return isNarrow ? this.#spread(value) : value;
    });
    const labels = sides.with(own, [isNarrow ? ragged : EXPERTS, ...sides[own]!]);
    const product = { left: labels[0]!, right: labels[1]!, result };
    if (isNarrow) return this.#applyOp(node, node.op, values, product)[0]!;
    return this.#apply('ragged_contract', [...values, offsets], { ...product, ragged, group: EXPERTS });
  }

  #reshape(value: Value, shape: readonly Dim[]): Value {
    return sameShape(value.type.shape, shape) ? value : this.#apply('reshape', [value], { shape });
  }

  /** What each row's expert has. */
  #spread(value: Value): Value {
    const { group, offsets } = this.#around.dispatch;
    if (value.type.dtype === 'f32') return this.#apply('segment_broadcast', [value, group, offsets]);
    return this.#apply('take_rows', [value, group]);
  }

  /** What an expert has for all of its tokens, such as a bias. */
  #expand({ inputs: [input], results: [result] }: Node): Value {
    const { shape } = result!.type;
    const [axis] = this.#around.tokenAxes(result!);
    const { value } = this.form(input!);
    const own = value.type.shape.slice(1);
    const aligned = [...Array.from({ length: shape.length - own.length }, () => ONE), ...own].toSpliced(axis!, 1);
    const each = this.#reshape(value, [value.type.shape[0]!, ...aligned]);
    const spread = this.#spread(each);
    const wanted = [this.#around.dispatch.rows, ...shape.toSpliced(axis!, 1)];
    const wide = sameShape(spread.type.shape, wanted) ? spread : this.#apply('expand', [spread], { shape: wanted });
    return moveAxis(this.#apply, wide, 0, axis!);
  }
}

function isSize(size: unknown): size is Dim {
  return typeof size === 'object' && size !== null && isDim(size as Dim);
}

/** The value with axis `from` at the place `to`. */
function moveAxis(apply: Apply, value: Value, from: number, to: number): Value {
  if (from === to) return value;
  const axes = value.type.shape.map((_, axis) => axis);
  return apply('transpose', [value], { permutation: axes.toSpliced(from, 1).toSpliced(to, 0, from) });
}
