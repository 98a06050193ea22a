/**
 * Operands that are stored before the product: those of which an element takes a dear function, as workgroups would compute
 * it again for each tile, and those that are pieced together of many tensors, such as the weights of products that were
 * joined, as each of a tile's loads would choose among all of them. All others are read where they lie.
 */
import { constantValue, multiply, ZERO, type Bounds } from '../../../dims/dim.ts';
import { elementCount, linearize } from '../../../dims/shape.ts';
import type { Target } from '../../../kernel/target.ts';
import { KernelContext } from '../../kernel-context.ts';
import type { LoweredKernel, Scratch } from '../../lowered-kernel.ts';
import { openScope } from '../../reader.ts';
import { sizesOf, type Contraction } from '../axes.ts';
import { operationsOf, REWRITTEN } from '../cost.ts';
import { operandReader } from '../pack.ts';
import { SideOperand, type Side } from './operand.ts';

export interface CopiedOperand {
  readonly scratch: Scratch;
  readonly lowered: LoweredKernel;
}

/** The most tensors that a product chooses among when it loads an element of one operand. */
const MOST_TENSORS = 4;

/** Whether an element of an operand is better computed once, where `across` elements of the other side are a tile. */
export function isDear(contraction: Contraction, side: Side, across: number, target: Target, bounds: Bounds): boolean {
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(contraction.region, contraction[side], context);
  if (uses.length > MOST_TENSORS) return true;
  const operand = new SideOperand(contraction, side, context, { reader });
  const { rows, columns } = contraction.axes;
  const other = constantValue(elementCount(sizesOf(side === 'left' ? columns : rows)));
  if (other !== undefined && other <= across) return false;
  const scope = openScope();
  const value = operand.read({ batch: ZERO, side: ZERO, k: ZERO }, scope);
  return operationsOf([...scope.statements, { kind: 'let', name: '$value', value }], target) >= REWRITTEN;
}

/** The operand as `[batch][side][summed]`. */
export function copyOperand(contraction: Contraction, side: Side, name: string, bounds: Bounds): CopiedOperand {
  const { region, arithmetic } = contraction;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, contraction[side], context);
  const output = context.buffer(arithmetic.operand, 'write');
  const operand = new SideOperand(contraction, side, context, { reader });
  const sizes = [operand.batches, operand.size, operand.depth];
  const [batch, own, k] = sizes.map((size) => context.counter('g', size));
  const scope = openScope();
  const value = operand.read({ batch: batch!.at, side: own!.at, k: k!.at }, scope);
  const index = linearize([batch!.at, own!.at, k!.at], sizes);
  scope.statements.push({ kind: 'store', buffer: output.name, index, value });
  const grid = [batch!, own!, k!].map((counter, at) => ({ variable: counter.name, extent: sizes[at]! }));
  const scratch = { type: arithmetic.operand, size: multiply(...sizes) };
  const kernel = context.finish(name, grid, scope.statements);
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}
