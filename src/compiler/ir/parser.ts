/**
 * Reads the text form that `printer.ts` writes: `parseGraph(printGraph(g))` prints identically. It checks what the
 * text itself needs (known ops, values made before their use); all else is the verifier's.
 */
import type { Distribution } from '../../program/training.ts';
import type { Dim } from '../dims/dim.ts';
import { parseDim } from '../dims/parse.ts';
import type {
  Attribute,
  Attributes,
  Condition,
  DimDeclaration,
  DType,
  Graph,
  GraphInput,
  GraphOutput,
  GraphParameter,
  KeptTensor,
  Node,
  Origin,
  Region,
  TensorType,
  Value,
} from './graph.ts';
import type { OpTable } from './op.ts';
import { GraphSyntaxError, Scanner } from './scanner.ts';
import { DTYPES } from './types.ts';

export type ParsedGraph = { readonly graph: Graph } | { readonly error: string; readonly line: number };

export function parseGraph(text: string, ops: OpTable): ParsedGraph {
  try {
    return { graph: new Parser(text, ops).graph() };
  } catch (error) {
    if (error instanceof GraphSyntaxError) return { error: error.message, line: error.line };
    throw error;
  }
}

/** One of each kind. */
const DISTRIBUTIONS: readonly Distribution[] = [
  { kind: 'constant', value: 0 },
  { kind: 'normal', mean: 0, std: 1 },
  { kind: 'uniform', low: 0, high: 1 },
  { kind: 'truncated_normal', mean: 0, std: 1, low: -2, high: 2 },
];

/** The values a body has made so far, by id. */
type Scope = Map<number, Value>;

class Parser {
  readonly #scan: Scanner;
  readonly #ops: OpTable;

  constructor(text: string, ops: OpTable) {
    this.#scan = new Scanner(text);
    this.#ops = ops;
  }

  graph(): Graph {
    const scan: Scanner = this.#scan;
    scan.expect('graph');
    const name = this.#name('the name of the graph');
    scan.expect('{');
    const dims: DimDeclaration[] = [];
    const conditions: Condition[] = [];
    const inputs: GraphInput[] = [];
    const parameters: GraphParameter[] = [];
    const kept: KeptTensor[] = [];
    const nodes: Node[] = [];
    const outputs: GraphOutput[] = [];
    const scope: Scope = new Map();
    while (!scan.accept('}')) {
      if (scan.accept('dim')) dims.push(this.#dimDeclaration());
      else if (scan.accept('require')) conditions.push(this.#condition());
      else if (scan.accept('input')) inputs.push({ name: this.#name('an input'), value: this.#declare(scope) });
      else if (['param', 'state', 'frozen'].includes(scan.next.text)) parameters.push(this.#parameter(scope));
      else if (scan.accept('kept')) kept.push({ name: this.#name('a kept tensor'), value: this.#declare(scope) });
      else if (scan.accept('output')) outputs.push(this.#output(scope));
      else nodes.push(this.#node(scope));
    }
    if (scan.next.kind !== 'end') scan.fail('expected nothing after the graph');
    return {
      name,
      dims,
      ...(conditions.length > 0 && { conditions }),
      inputs,
      parameters,
      ...(kept.length > 0 && { kept }),
      nodes,
      outputs,
    };
  }

  /** `logits %3`, `next.w %4 into w` */
  #output(scope: Scope): GraphOutput {
    const output = { name: this.#name('an output'), value: this.#refer(scope) };
    return this.#scan.accept('into') ? { ...output, into: this.#name('a parameter or a kept tensor') } : output;
  }

  #dimDeclaration(): DimDeclaration {
    const name = this.#name('the name of a dim');
    return this.#scan.accept('<=') ? { name, max: this.#number() } : { name };
  }

  /** `<n - 4> "message"`, `require` already taken. */
  #condition(): Condition {
    const scan: Scanner = this.#scan;
    scan.expect('<');
    const atLeastZero = this.#dim();
    scan.expect('>');
    if (scan.next.kind !== 'string') scan.fail('expected the message of a condition');
    return { atLeastZero, message: this.#string(), origin: this.#origin() };
  }

  /** `param p %1: f32[4] = zeros()`, `state …`, either behind `frozen`; a stack has `of [a, b]` before the `=`. */
  #parameter(scope: Scope): GraphParameter {
    const scan: Scanner = this.#scan;
    const frozen = scan.accept('frozen') && ({ frozen: true } as const);
    const state = scan.accept('state') && ({ state: true } as const);
    if (!state) scan.expect('param');
    const name = this.#name('the name of a parameter');
    const value = this.#declare(scope);
    const members = this.#members();
    const parameter = { name, value, ...(members && { members }), ...state, ...frozen };
    if (!scan.accept('=')) return { ...parameter, origin: this.#origin() };
    return { ...parameter, initial: this.#distribution(), origin: this.#origin() };
  }

  /** `of [a, b]` of a stack. */
  #members(): string[] | undefined {
    const scan: Scanner = this.#scan;
    if (!scan.accept('of')) return undefined;
    scan.expect('[');
    return scan.list(']', () => this.#name('the name of a member'));
  }

  /** `normal(mean: 0, std: 0.02)` */
  #distribution(): Distribution {
    const scan: Scanner = this.#scan;
    const kind = this.#name('a distribution');
    const numbers = new Map<string, number>();
    scan.expect('(');
    scan.list(')', () => {
      const name = this.#name('the name of a number');
      scan.expect(':');
      numbers.set(name, this.#number());
    });
    const known = DISTRIBUTIONS.find((one) => one.kind === kind);
    if (!known) scan.fail(`expected a distribution instead of ${kind}`);
    const names = Object.keys(known).slice(1);
    if (names.length !== numbers.size || !names.every((name) => numbers.has(name)))
      scan.fail(`expected ${names.join(', ')} of ${kind}`);
    return { ...known, ...Object.fromEntries(numbers) };
  }

  #node(scope: Scope): Node {
    const scan: Scanner = this.#scan;
    const made: Scope = new Map();
    const results: Value[] = [];
    do results.push(this.#declare(made, scope));
    while (scan.accept(','));
    scan.expect('=');
    const op = this.#ops.get(scan.next.text);
    if (!op) scan.fail('expected the name of an op');
    scan.take();
    scan.expect('(');
    const inputs = scan.list(')', () => this.#refer(scope));
    const attributes = scan.accept('{') ? this.#entries('}') : {};
    for (const [id, value] of made) scope.set(id, value);
    return { op, inputs, attributes, results, origin: this.#origin() };
  }

  #origin(): Origin {
    return { path: this.#scan.accept('@') ? this.#name('the path of an instance') : '' };
  }

  /** `%3: f32[n]`; the id may be in use neither in `scope` nor in `outer`. */
  #declare(scope: Scope, outer: Scope = scope): Value {
    const id = Number(this.#scan.of('value', 'a value such as `%0`'));
    if (scope.has(id) || outer.has(id)) this.#scan.fail(`%${id} is made twice`);
    this.#scan.expect(':');
    const value: Value = { id, type: this.#type() };
    scope.set(id, value);
    return value;
  }

  #refer(scope: Scope): Value {
    const { next } = this.#scan;
    const value = next.kind === 'value' ? scope.get(Number(next.text)) : undefined;
    if (!value) this.#scan.fail('expected a value that is made before');
    this.#scan.take();
    return value;
  }

  #type(): TensorType {
    const dtype = DTYPES.find((candidate) => candidate === this.#scan.next.text);
    if (!dtype) this.#scan.fail('expected a dtype');
    this.#scan.take();
    this.#scan.expect('[');
    return { dtype: dtype satisfies DType, shape: this.#scan.list(']', () => this.#dim()) };
  }

  #entries(close: string): Attributes {
    return Object.fromEntries(
      this.#scan.list(close, () => {
        const name = this.#name('the name of an attribute');
        this.#scan.expect(':');
        return [name, this.#attribute()] as const;
      }),
    );
  }

  #attribute(): Attribute {
    const scan: Scanner = this.#scan;
    return scan.nested((): Attribute => {
      if (scan.next.kind === 'string') return this.#string();
      if (scan.accept('null')) return null;
      if (scan.accept('true')) return true;
      if (scan.accept('false')) return false;
      if (scan.accept('region')) return this.#region();
      if (scan.accept('[')) return scan.list(']', () => this.#attribute());
      if (scan.accept('{')) return this.#entries('}');
      if (!scan.accept('<')) return this.#number();
      const dim = this.#dim();
      scan.expect('>');
      return dim;
    });
  }

  #region(): Region {
    const scan: Scanner = this.#scan;
    const scope: Scope = new Map();
    scan.expect('(');
    const parameters = scan.list(')', () => this.#declare(scope));
    scan.expect('{');
    const nodes: Node[] = [];
    while (!scan.accept('return')) nodes.push(this.#node(scope));
    const results = scan.list('}', () => this.#refer(scope));
    return { parameters, nodes, results };
  }

  #number(): number {
    const sign = this.#scan.accept('-') ? -1 : 1;
    if (this.#scan.accept('inf')) return sign * Infinity;
    if (this.#scan.accept('nan')) return NaN;
    return sign * Number(this.#scan.of('number', 'a value'));
  }

  #name(what: string): string {
    return this.#scan.next.kind === 'string' ? this.#string() : this.#scan.of('name', what);
  }

  #string(): string {
    const { text, line } = this.#scan.take();
    try {
      return String(JSON.parse(text));
    } catch {
      throw new GraphSyntaxError(`${text} is not a string of JSON`, line);
    }
  }

  /** A dimension: all up to the comma or bracket that ends it. */
  #dim(): Dim {
    const scan: Scanner = this.#scan;
    const { line } = scan.next;
    let text = '';
    for (let open = 0; scan.next.kind !== 'end' && (open > 0 || ![',', ']', '>'].includes(scan.next.text));) {
      if (scan.next.text === '(') open++;
      if (scan.next.text === ')') open--;
      const { kind, text: part } = scan.take();
      text += kind === 'value' ? `%${part} ` : `${part} `;
    }
    const dim = parseDim(text);
    if (!dim) throw new GraphSyntaxError(`\`${text.trim().slice(0, 60)}\` is no dimension`, line);
    return dim;
  }
}
