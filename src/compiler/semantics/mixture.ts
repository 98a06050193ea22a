/**
 * `mixture(x, gate, index, count) as path { t => body }`: every token is seen by the experts that `index` names, and
 * their results are weighted by `gate` (Shazeer et al. 2017, https://arxiv.org/abs/1701.06538). The body is elaborated
 * once for each expert. The graph runs every expert on all tokens and keeps what was asked for; the marker left on the
 * elaboration tells later stages where the sparse form applies.
 */
import type { Span } from '../base/source.ts';
import { constant, constantValue, floorDiv, multiply, print, type Dim } from '../dims/dim.ts';
import { sameShape } from '../dims/shape.ts';
import type { Attributes, DType, Value } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { MixtureExpr } from '../syntax/ast.ts';
import { evaluateArguments, type EvaluatedArgument } from './calls.ts';
import { evaluateExpression } from './expressions.ts';
import { innerFrame, joinPath, report, takeStep, type Frame } from './frame.ts';
import { describeRound, tensorsIn, type PartDescription } from './structure.ts';
import { describeKind, ERROR, numberOf, printValue, tensor, type StaticValue } from './values.ts';

const PARAMETERS = ['x', 'gate', 'index', 'count', 'capacity_factor'] as const;
type ParameterName = (typeof PARAMETERS)[number];

/** The arguments after they have been checked. */
interface Routing {
  readonly tokens: Value;
  readonly gate: Value;
  readonly index: Value;
  readonly count: number;
  readonly capacity: Dim | undefined;
}

export function evaluateMixture(frame: Frame, expr: MixtureExpr): StaticValue {
  const routing = bindRouting(frame, expr);
  if (!routing) return ERROR;
  const { tokens, gate, index, count, capacity } = routing;
  const name = expr.path?.map((part) => part.text).join('.') ?? freePath(frame);
  const path = joinPath(frame.path, name);
  const { structure } = frame.elaboration;
  const sum = structure.record(
    describeMixture(path, expr, routing),
    () => sumOfExperts(frame, expr, routing, name),
    (result) => (result ? [result] : []),
  );
  if (!sum) return ERROR;
  const limit = capacity ? { capacity } : {};
  frame.elaboration.mixtures.push({ path, tokens, gate, index, count, ...limit, result: sum });
  return tensor(sum);
}

/** Every expert in its turn, and what each adds; undefined after a report. */
function sumOfExperts(frame: Frame, expr: MixtureExpr, routing: Routing, name: string): Value | undefined {
  const { tokens, count } = routing;
  const { structure } = frame.elaboration;
  let sum: Value | undefined;
  for (let expert = 0; expert < count; expert++) {
    if (!takeStep(frame, expr.span)) return undefined;
    const inner = innerFrame(frame, joinPath(name, String(expert)));
    inner.scope.define({
      name: expr.variable.text,
      value: tensor(tokens),
      span: expr.variable.span,
      role: 'constant',
    });
    const result = structure.record(describeRound(inner, expr), () => evaluateExpression(inner, expr.body), tensorsIn);
    const value = checkResult(inner, result, tokens, expr.body.span);
    if (!value) return undefined;
    const share = shareOf(applierAt(inner, expr.span), routing, expert, value);
    sum = sum ? applierAt(frame, expr.span)('add', [sum, share]) : share;
  }
  return sum;
}

function describeMixture(
  path: string,
  { span }: MixtureExpr,
  { tokens, gate, index, count, capacity }: Routing,
): PartDescription {
  const settings = new Map([
    ['count', String(count)],
    ['k', print(gate.type.shape[1]!)],
    ...(capacity ? [['capacity', print(capacity)] as const] : []),
  ]);
  const inputs = [
    { name: 'x', value: tokens },
    { name: 'gate', value: gate },
    { name: 'index', value: index },
  ];
  return { kind: 'mixture', name: 'mixture', doc: '', path, hyperparameters: settings, span, inputs };
}

/** An unnamed mixture is numbered like an unnamed instance. */
function freePath(frame: Frame): string {
  const key = joinPath(frame.path, 'mixture');
  const count = (frame.counts.get(key) ?? 0) + 1;
  frame.counts.set(key, count);
  return count === 1 ? 'mixture' : `mixture_${count}`;
}

/** One row a token, all experts alike; undefined after a report. */
function checkResult(frame: Frame, result: StaticValue, tokens: Value, span: Span): Value | undefined {
  if (result.kind === 'error') return undefined;
  const type = result.kind === 'tensor' ? result.value.type : undefined;
  const fits = type?.dtype === 'f32' && type.shape.length === 2 && sameShape([type.shape[0]!], [tokens.type.shape[0]!]);
  if (result.kind === 'tensor' && fits) return result.value;
  const found = type ? printType(type) : describeKind(result);
  const rows = printType({ dtype: 'f32', shape: [tokens.type.shape[0]!] }).slice(0, -1);
  report(frame, 'HED2323', span, `an expert gives one row for each token, ${rows}, …], found ${found}`);
  return undefined;
}

function bindRouting(frame: Frame, expr: MixtureExpr): Routing | undefined {
  const given = matchArguments(frame, evaluateArguments(frame, expr.arguments), expr.span);
  if (!given || [...given.values()].some((argument) => argument.value.kind === 'error')) return undefined;
  const tokens = tensorArgument(frame, given, 'x', 'f32');
  const gate = tensorArgument(frame, given, 'gate', 'f32');
  const index = tensorArgument(frame, given, 'index', 'i32');
  const count = countArgument(frame, given.get('count')!);
  if (!tokens || !gate || !index || count === undefined) return undefined;
  const rows = { ...tokens.type, shape: [tokens.type.shape[0]!, gate.type.shape[1]!] };
  for (const [name, value] of [
    ['gate', gate],
    ['index', index],
  ] as const) {
    if (sameShape(value.type.shape, rows.shape)) continue;
    const wanted = printType({ dtype: value.type.dtype, shape: rows.shape });
    const message = `\`${name}\` of \`mixture\` has one row for each token, ${wanted}, found ${printType(value.type)}`;
    report(frame, 'HED2323', given.get(name)!.span, message, {
      secondary: [{ span: given.get('x')!.span, text: printType(tokens.type) }],
    });
    return undefined;
  }
  const factor = given.get('capacity_factor');
  if (!factor || factor.value.kind === 'none') return { tokens, gate, index, count, capacity: undefined };
  const capacity = capacityOf(frame, factor, multiply(...rows.shape), count);
  return capacity && { tokens, gate, index, count, capacity };
}

type Given = ReadonlyMap<ParameterName, EvaluatedArgument>;

function matchArguments(frame: Frame, list: readonly EvaluatedArgument[], span: Span): Given | undefined {
  const given = new Map<ParameterName, EvaluatedArgument>();
  let position = 0;
  for (const argument of list) {
    const name = argument.name
      ? PARAMETERS.find((one) => one === argument.name?.text)
      : PARAMETERS.slice(0, 4)[position++];
    if (name && !given.has(name)) {
      given.set(name, argument);
      continue;
    }
    const at = argument.name?.span ?? argument.span;
    report(frame, 'HED2323', at, `\`mixture\` takes ${PARAMETERS.join(', ')}, each once`);
    return undefined;
  }
  const missing = PARAMETERS.slice(0, 4).find((name) => !given.has(name));
  if (!missing) return given;
  report(frame, 'HED2323', span, `\`mixture\` needs \`${missing}\``);
  return undefined;
}

function tensorArgument(frame: Frame, given: Given, name: ParameterName, dtype: DType): Value | undefined {
  const { value, span } = given.get(name)!;
  if (value.kind === 'tensor' && value.value.type.dtype === dtype && value.value.type.shape.length === 2)
    return value.value;
  const found = value.kind === 'tensor' ? printType(value.value.type) : describeKind(value);
  const wrongRank = value.kind === 'tensor' && value.value.type.shape.length !== 2;
  const hint = wrongRank ? 'tokens are rows: `rearrange(x, "b t c -> (b t) c")`' : undefined;
  report(frame, 'HED2323', span, `\`${name}\` of \`mixture\` is ${dtype} with two axes, found ${found}`, { hint });
  return undefined;
}

function countArgument(frame: Frame, { value, span }: EvaluatedArgument): number | undefined {
  const count = value.kind === 'integer' ? constantValue(value.value) : undefined;
  if (count !== undefined && count >= 1) return count;
  const message = `\`count\` of \`mixture\` is an int of at least 1, found \`${printValue(value)}\``;
  report(frame, 'HED2323', span, message);
  return undefined;
}

/** Decimals of a capacity factor that are taken exactly. */
const MAX_DECIMALS = 6;

/**
 * `floor(n k f / count)` tokens, with the factor taken as the decimal it is written as, so that the limit is the same
 * integer on every backend.
 */
function capacityOf(frame: Frame, factor: EvaluatedArgument, assignments: Dim, count: number): Dim | undefined {
  const value = numberOf(factor.value);
  const scale = 10 ** MAX_DECIMALS;
  const scaled = value === undefined ? NaN : Math.round(value * scale);
  if (value === undefined || !(value >= 0) || Math.abs(scaled / scale - value) > Number.EPSILON * value) {
    const message = `\`capacity_factor\` is a number of at least 0 with at most ${MAX_DECIMALS} decimals`;
    report(frame, 'HED2323', factor.span, `${message}, found \`${printValue(factor.value)}\``);
    return undefined;
  }
  const common = greatestCommonDivisor(scaled, scale);
  const wanted = multiply(assignments, constant(scaled / common));
  return floorDiv(wanted, constant((count * scale) / common), frame.elaboration.bounds);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Adds ops to the graph, all from the same place of the spec. */
type Apply = (name: string, inputs: readonly Value[], attributes?: Attributes) => Value;

function applierAt(frame: Frame, span: Span): Apply {
  const { builder } = frame.elaboration;
  return (name, inputs, attributes = {}) => {
    builder.origin = { path: frame.path, span };
    return builder.one(name, inputs, attributes);
  };
}

/** What one expert adds to the result: zero for tokens that go elsewhere, whatever the expert makes of them. */
function shareOf(apply: Apply, { gate, index, capacity }: Routing, expert: number, value: Value): Value {
  const filled = (dtype: DType, data: number, { type }: Value): Value =>
    apply('expand', [apply('constant', [], { dtype, shape: [], data: [data] })], { shape: type.shape });
  const chosen = apply('equal', [index, filled('i32', expert, index)]);
  const weights = apply('where', [chosen, gate, filled('f32', 0, gate)]);
  const weight = apply('sum', [weights], { axis: 1, keepdim: true });
  let seen = apply('any', [chosen], { axis: 1, keepdim: true });
  if (capacity) {
    const places = apply('cumsum', [apply('cast', [seen], { dtype: 'i32' })], { axis: 0 });
    const most = apply('size', [], { size: capacity, dtype: 'i32' });
    const inTime = apply('less_equal', [places, apply('expand', [most], { shape: places.type.shape })]);
    seen = apply('and', [seen, inTime]);
  }
  const { shape } = value.type;
  const weighted = apply('mul', [apply('expand', [weight], { shape }), value]);
  return apply('where', [apply('expand', [seen], { shape }), weighted, filled('f32', 0, value)]);
}
