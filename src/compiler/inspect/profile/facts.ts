/** What `heddle profile` tells of the steps of planned programs: read off the fused nodes that their kernels compute. */
import { add, exactly, scale, ZERO, type Bounds, type Dim } from '../../dims/dim.ts';
import { fusionOf } from '../../ir/fusion.ts';
import type { Graph, Node, Region } from '../../ir/graph.ts';
import type { OpTable } from '../../ir/op.ts';
import { boundsOf } from '../../ir/types.ts';
import { elementsRead, multiplyAdds, operations } from '../../ir/work.ts';
import { loadTimeCalls } from '../../plan/hoist.ts';
import { writesOf, type BufferId, type KernelCall, type LoweredProgram } from '../../plan/lowered.ts';
import { ELEMENT_BYTES } from '../../plan/memory.ts';
import { toSizeExpr } from '../../plan/size-expr.ts';
import { PROFILE_VERSION, type ProfileFacts, type StepFacts } from '../../../program/profile.ts';
import type { TargetName } from '../../../program/program.ts';
import type { SizeExpr } from '../../../program/size.ts';
import { Places } from '../explain/kernels.ts';
import { indexLimits } from './limits.ts';

/** `lowered` is what each target made of `graph`. */
export function profileFacts(
  graph: Pick<Graph, 'dims'>,
  ops: OpTable,
  lowered: { readonly [target in TargetName]?: LoweredProgram },
): ProfileFacts {
  const places = new Places();
  const bounds = boundsOf(graph);
  const targets = Object.entries(lowered).map(([name, program]) => [name, stepFacts(program, ops, bounds, places)]);
  const [first] = Object.values(lowered);
  const limits = first ? [...indexLimits(first, bounds)].map(([name, size]) => [name, toSizeExpr(size)]) : [];
  return {
    version: PROFILE_VERSION,
    limits: Object.fromEntries(limits) as ProfileFacts['limits'],
    targets: Object.fromEntries(targets) as ProfileFacts['targets'],
  };
}

/** For each step of a run: the calls that are left when those of the load are taken out, as planning does. */
function stepFacts(lowered: LoweredProgram, ops: OpTable, bounds: Bounds, places: Places): StepFacts[] {
  const atLoad = loadTimeCalls(lowered);
  const leading = leadingCalls(lowered);
  return lowered.calls
    .filter((_, at) => !atLoad.has(at))
    .map((call) => {
      const region = call.node && leading.has(call) ? fusionOf(call.node)?.body : undefined;
      const nodes = region?.nodes ?? [];
      return {
        place: places.of(call.origin),
        ops: [...new Set(nodes.map(({ op }) => op.name))],
        ...sizes({
          multiplyAdds: multiplyAdds(nodes, ops, bounds),
          operations: operations(nodes, ops, bounds),
          byteOperations: exactly(() => scale(multiplyAdds(nodes.filter(multipliesBytes), ops, bounds) ?? ZERO, 2)),
          bytes: exactly(() => bytesOf(call, lowered, region, bounds)),
        }),
      };
    });
}

/** Of the kernels of a node the last that writes a result of it does its arithmetic; those before pack operands. */
export function leadingCalls(lowered: LoweredProgram): ReadonlySet<KernelCall> {
  const leading = new Map<Node, KernelCall>();
  for (const call of lowered.calls) {
    // A buffer between the kernels of a node holds no value of the graph; a result may be in the buffer of a parameter.
    const isResult = (buffer: BufferId): boolean => lowered.buffers[buffer]!.value !== undefined;
    if (call.node && writesOf(call).some(isResult)) leading.set(call.node, call);
  }
  return new Set(leading.values());
}

function multipliesBytes({ op: { body } }: Node): boolean {
  return body.kind === 'contraction' && body.arithmetic.numbers > 1;
}

/** Without those that are zero or not known exactly. */
function sizes<K extends string>(all: { readonly [key in K]: Dim | undefined }): { [key in K]?: SizeExpr } {
  const entries = Object.entries<Dim | undefined>(all);
  const known = entries.flatMap(([key, size]) => (size && size.key !== ZERO.key ? [[key, toSizeExpr(size)]] : []));
  return Object.fromEntries(known) as { [key in K]?: SizeExpr };
}

/** Elements of each of the call's buffers, once. */
function bytesOf(call: KernelCall, lowered: LoweredProgram, region: Region | undefined, bounds: Bounds): Dim {
  const elements = [...new Set(call.buffers)].map((buffer) => {
    const { size, value } = lowered.buffers[buffer]!;
    const operand = value && region && call.node ? call.node.inputs.indexOf(value) : -1;
    return operand < 0 ? size : elementsRead(region!, region!.parameters[operand]!, bounds);
  });
  return scale(add(ZERO, ...elements), ELEMENT_BYTES);
}
