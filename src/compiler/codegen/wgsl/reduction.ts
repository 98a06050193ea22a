/**
 * Functions that combine a value of every invocation of a workgroup. It must not know kernels.
 *
 * In memory, that takes two rounds: of a workgroup of size = groups · width, the first `groups` invocations combine `width`
 * values each, halves with halves; then every invocation combines those results. With subgroups it takes one: each brings
 * its result to the place of the invocation that stands for it, the others an identity, and each then combines all places.
 * How many invocations a subgroup has, and which, is known to the device alone. In both ways no two reductions in a row use
 * the same memory, so that none waits for the readers of the last.
 */
import { reductionIdentity, type ReductionOp } from '../../kernel/arithmetic.ts';
import type { Lanes, ScalarType } from '../../kernel/ir.ts';
import { literalText } from './literal.ts';
import { bit, combineText, splatText, typeText, type Ask } from './operators.ts';
import { call, comparison, integer, primary, type Text } from './text.ts';

export interface Reduction {
  readonly op: ReductionOp;
  readonly type: ScalarType;
  readonly lanes: Lanes;
}

/** What an invocation has to tell about itself. */
export const MEMORY_ARGUMENTS = 'invocation';
export const SUBGROUP_ARGUMENTS = 'invocation, rank, count';

/** The lines that begin a kernel whose reductions use subgroups: the number of the invocation in its subgroup, and of how many. */
export const SUBGROUP_LINES: readonly string[] = [
  'let rank = subgroupExclusiveAdd(1u);',
  'let count = subgroupAdd(1u);',
];

function suffix({ type, lanes }: Reduction): string {
  return lanes === 1 ? type : `${type}x${lanes}`;
}

export function functionName(reduction: Reduction): string {
  return `workgroup_${reduction.op}_${suffix(reduction)}`;
}

/** The declarations and functions for `reductions`, of workgroups of `size`. */
export function reductionParts(
  reductions: readonly Reduction[],
  size: number,
  ask: Ask,
  subgroups: boolean,
): readonly string[] {
  const groups = 2 ** Math.ceil(Math.log2(size) / 2);
  const declarations = new Map(
    reductions.map((reduction) => {
      const [name, type] = [suffix(reduction), typeText(reduction.type, reduction.lanes)];
      const lines = subgroups
        ? [`var<workgroup> exchange_${name}: array<${type}, ${2 * size}>;`, `var<private> turn_${name} = 0u;`]
        : [
            `var<workgroup> wide_${name}: array<${type}, ${size}>;`,
            `var<workgroup> narrow_${name}: array<${type}, ${groups}>;`,
          ];
      return [name, lines.join('\n')];
    }),
  );
  const functions = reductions.map((reduction) =>
    subgroups ? subgroupFunction(reduction, size, ask) : memoryFunction(reduction, size, groups, ask),
  );
  return [...declarations.values(), ...functions];
}

function memoryFunction(reduction: Reduction, size: number, groups: number, ask: Ask): string {
  const { op, type, lanes } = reduction;
  const [name, valueType] = [suffix(reduction), typeText(type, lanes)];
  const combine = (a: Text, b: Text): Text => combineText(ask, op, type, lanes, a, b);
  const wide = Array.from({ length: size / groups }, (_, part) =>
    primary(`wide_${name}[invocation${part === 0 ? '' : ` + ${part * groups}u`}]`),
  );
  const narrow = Array.from({ length: groups }, (_, part) => primary(`narrow_${name}[${part}]`));
  return `fn ${functionName(reduction)}(value: ${valueType}, invocation: u32) -> ${valueType} {
  wide_${name}[invocation] = value;
  workgroupBarrier();
  if (invocation < ${groups}u) { narrow_${name}[invocation] = ${inHalves(combine, wide).code}; }
  workgroupBarrier();
  return ${inHalves(combine, narrow).code};
}`;
}

function inHalves(combine: (a: Text, b: Text) => Text, parts: readonly Text[]): Text {
  if (parts.length === 1) return parts[0]!;
  const half = parts.length / 2;
  return inHalves(
    combine,
    parts.slice(0, half).map((part, index) => combine(part, parts[index + half]!)),
  );
}

function subgroupFunction(reduction: Reduction, size: number, ask: Ask): string {
  const { op, type, lanes } = reduction;
  const [name, valueType] = [suffix(reduction), typeText(type, lanes)];
  const identity = splatText(literalText(ask, type, reductionIdentity(op, type)), type, lanes).code;
  const total = combineText(ask, op, type, lanes, primary('total'), primary(`exchange_${name}[turn_${name} + i]`));
  const own = (value: string): string => subgroupText(reduction, value, ask).code;
  return `fn ${functionName(reduction)}(value: ${valueType}, invocation: u32, rank: u32, count: u32) -> ${valueType} {
  let own = ${own('value')};
  turn_${name} = ${size}u - turn_${name};
  exchange_${name}[turn_${name} + invocation] = select(${identity}, own, rank == 0u);
  workgroupBarrier();
  var total = exchange_${name}[turn_${name} + rank];
  for (var i = rank + count; i < ${size}u; i += count) { total = ${total.code}; }
  return ${own('total')};
}`;
}

const SUBGROUP_FUNCTIONS: Readonly<Record<ReductionOp, string>> = {
  add: 'subgroupAdd',
  mul: 'subgroupMul',
  min: 'subgroupMin',
  max: 'subgroupMax',
  and: 'subgroupAnd',
  or: 'subgroupOr',
};

/** The combination of a variable in a subgroup. Devices may drop NaN from extrema, and combine no bools. */
function subgroupText({ op, type, lanes }: Reduction, variable: string, ask: Ask): Text {
  const value = primary(variable);
  const zero = splatText(integer(0, 'u32'), 'u32', lanes);
  if (type === 'bool') return comparison(call(SUBGROUP_FUNCTIONS[op], bit(value, 'u32', lanes)), '!=', zero);
  const combined = call(SUBGROUP_FUNCTIONS[op], value);
  if (type !== 'f32' || (op !== 'min' && op !== 'max')) return combined;
  const isNan = call(ask(lanes === 1 ? 'is_nan' : 'are_nan'), value);
  const anyNan = comparison(call('subgroupOr', bit(isNan, 'u32', lanes)), '!=', zero);
  return call('select', combined, splatText(literalText(ask, 'f32', NaN), 'f32', lanes), anyNan);
}
