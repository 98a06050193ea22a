/** What `mixture` is given, checked. */
import type { Span } from '../../base/source.ts';
import { constantValue, multiply, type Dim } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import type { DType, Value } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import type { MixtureExpr } from '../../syntax/ast.ts';
import { evaluateArguments, type EvaluatedArgument } from '../calls.ts';
import { fractionOf, MAX_DECIMALS, shareOf } from '../decimal.ts';
import { report, type Frame } from '../frame.ts';
import { describeKind, numberOf, printValue } from '../values.ts';

const PARAMETERS = ['x', 'gate', 'index', 'count', 'capacity_factor'] as const;
type ParameterName = (typeof PARAMETERS)[number];

/** The arguments after they have been checked. */
export interface Routing {
  /** f32[n, c] */
  readonly tokens: Value;
  /** f32[n, k] */
  readonly gate: Value;
  /** i32[n, k] */
  readonly index: Value;
  readonly count: number;
  /** How many tokens each expert takes at most; undefined: as many as there are. */
  readonly capacity: Dim | undefined;
}

/** Undefined after a report. */
export function bindRouting(frame: Frame, expr: MixtureExpr): Routing | undefined {
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

/**
 * `floor(n k f / count)` tokens, with the factor taken as the decimal it is written as, so that the limit is the same
 * integer on every backend.
 */
function capacityOf(frame: Frame, factor: EvaluatedArgument, assignments: Dim, count: number): Dim | undefined {
  const value = numberOf(factor.value);
  const fraction = value === undefined ? undefined : fractionOf(value);
  if (fraction) return shareOf(assignments, fraction, count, frame.elaboration.bounds);
  const message = `\`capacity_factor\` is a number of at least 0 with at most ${MAX_DECIMALS} decimals`;
  report(frame, 'HED2323', factor.span, `${message}, found \`${printValue(factor.value)}\``);
  return undefined;
}
