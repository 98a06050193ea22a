/** Every kernel of a routine by itself, on the operands that the reference computes for it. */
import {
  bindArguments,
  compileLowered,
  type Emitted,
  type Graph,
  type Tensor,
  targetNamed,
} from '../../compiler/index.ts';
import { type Deviation, deviation } from '../../compiler/inspect/verify/compare.ts';
import { disturbed, evaluateKernel, exact, rounded } from '../../compiler/inspect/verify/evaluate.ts';
import { lowerSeparated, separate } from '../../compiler/inspect/verify/separate.ts';
import { kernelsOf, pathText, Places } from '../../compiler/inspect/explain/kernels.ts';
import { uniform } from '../../program/seeded.ts';
import { modelOf } from '../runnable.ts';
import { toInput, toWeights } from './draw.ts';
import type { Routine } from './subject.ts';
import type { Alter, Candidate } from './targets.ts';

/** A kernel of a routine, and how far each target is from the reference. */
export interface KernelRow {
  readonly routine: string;
  /** From 1 on, in the order of the routine. */
  readonly number: number;
  /** `specs/vit.model:40`, or the empty text of what no line made. */
  readonly place: string;
  /** Of the instance. */
  readonly path: string;
  readonly ops: readonly string[];
  /** Of its results. */
  readonly types: readonly string[];
  /** By the name of the candidate. */
  readonly found: ReadonlyMap<string, ResultDeviation>;
}

/** The worst of all results of a kernel. */
export interface ResultDeviation extends Deviation {
  /** The number of the result. */
  readonly result: number;
  readonly shape: readonly number[];
}

/** How many disturbed references are computed. */
export const DISTURBANCES = 2;

type GraphNode = Graph['nodes'][number];

/** What a kernel is given, and what it should make of it. */
interface Expected {
  readonly node: GraphNode;
  readonly wanted: readonly Tensor[];
  readonly disturbed: readonly (readonly Tensor[])[];
}

export interface VerifySettings {
  readonly seed: number;
  readonly alter?: Alter | undefined;
  readonly update: (text: string) => void;
}

export async function verifyKernels(
  routine: Routine,
  candidates: readonly Candidate[],
  { seed, alter = (emitted) => emitted, update }: VerifySettings,
): Promise<KernelRow[]> {
  const { fused, given, values } = routine;
  const separated = separate(fused);
  if (separated.results.length === 0) return [];
  update(`${routine.name}: computing the reference`);
  const { symbols } = bindArguments(fused, given);
  const operands = new Map(separated.operands.map(({ name, value }) => [name, rounded(values.get(value)!)]));
  const operandOf = new Map(separated.operands.map(({ name, value }) => [value, operands.get(name)!]));
  const random = uniform(`disturbance ${seed}`);
  const expected = fused.nodes.map((node): Expected => {
    const inputs = node.inputs.map((value) => operandOf.get(value) ?? rounded(values.get(value)!));
    const evaluate = (arithmetic: typeof exact): Tensor[] => evaluateKernel(node, inputs, symbols, arithmetic);
    const others = Array.from({ length: DISTURBANCES }, () => evaluate(disturbed(random)));
    return { node, wanted: evaluate(exact), disturbed: others };
  });
  const inputs = Object.fromEntries([...operands].map(([name, tensor]) => [name, toInput(tensor)]));
  const weights = toWeights(given.parameters);
  const found = new Map<string, readonly ResultDeviation[]>();
  for (const { name, target, engine } of candidates) {
    update(`${routine.name}: kernels on ${name}`);
    const emitted: Emitted = compileLowered(lowerSeparated(separated, targetNamed(target)), target);
    const model = await modelOf(alter(emitted, target), target, weights, engine);
    try {
      const outputs = await model.run(inputs, { dims: Object.fromEntries(symbols) });
      const dataOf = (value: GraphNode['results'][number]): ArrayLike<number> => outputs[`out.${value.id}`]!.data;
      found.set(
        name,
        expected.map((one) => worstOf(one, dataOf)),
      );
    } finally {
      model.dispose();
    }
  }
  return rowsOf(routine, expected, found);
}

function worstOf(
  { node, wanted, disturbed: others }: Expected,
  dataOf: (value: GraphNode['results'][number]) => ArrayLike<number>,
): ResultDeviation {
  const all = wanted.map((tensor, result) => {
    const spread = others.map((one) => one[result]!);
    return { ...deviation(dataOf(node.results[result]!), tensor, spread), result, shape: tensor.shape };
  });
  return all.reduce((worst, one) => (one.ratio > worst.ratio ? one : worst));
}

function rowsOf(
  { name: routine, fused }: Routine,
  expected: readonly Expected[],
  found: ReadonlyMap<string, readonly ResultDeviation[]>,
): KernelRow[] {
  const places = new Places();
  return kernelsOf(fused).map(({ number, node, region }, at) => ({
    routine,
    number,
    place: places.of(node.origin),
    path: pathText(node.origin),
    ops: [...new Set(region.nodes.map(({ op }) => op.name))],
    types: expected[at]!.wanted.map(({ dtype, shape }) => `${dtype}[${shape.join(', ')}]`),
    found: new Map([...found].map(([name, deviations]) => [name, deviations[at]!])),
  }));
}
