/** All ops in one table. A new folder is added here; a new op is not: it is an entry of its folder's list. */
import type { Op, OpTable } from '../ir/op.ts';
import { attentions } from './attention/attention.ts';
import { convolutions } from './conv/conv.ts';
import { transposedConvolutions } from './conv/transposed.ts';
import { contract } from './contract/contract.ts';
import { einsum } from './contract/einsum.ts';
import { matmul } from './contract/matmul.ts';
import { raggedContract } from './contract/ragged.ts';
import { decodings } from './decoding/decoding.ts';
import { fusion } from './fusion.ts';
import { generators } from './generate/generators.ts';
import { tri } from './generate/tri.ts';
import { gatherRows } from './grouping/gather-rows.ts';
import { groupRows } from './grouping/group-rows.ts';
import { segments } from './grouping/segments.ts';
import { takeRowsOp } from './grouping/take-rows.ts';
import { gathers } from './indexed/gather.ts';
import { oneHot } from './indexed/one-hot.ts';
import { scatters } from './indexed/scatter.ts';
import { extrema } from './ordering/extremum.ts';
import { orderings } from './ordering/sort.ts';
import { bceWithLogits } from './losses/binary.ts';
import { likelihoods } from './losses/cross-entropy.ts';
import { klDiv } from './losses/divergence.ts';
import { elementwiseLosses } from './losses/elementwise.ts';
import { focal } from './losses/focal.ts';
import { surprisal } from './losses/surprisal.ts';
import { movements } from './movement/movements.ts';
import { activations } from './pointwise/activations.ts';
import { arithmetic } from './pointwise/arithmetic.ts';
import { choice } from './pointwise/choice.ts';
import { comparison } from './pointwise/comparison.ts';
import { logical } from './pointwise/logical.ts';
import { math } from './pointwise/math.ts';
import { quantized } from './quantize/quantized.ts';
import { patterns } from './rearrange/rearrange.ts';
import { draws } from './random/draws.ts';
import { dropouts } from './random/dropout.ts';
import { norm } from './reduce/norm.ts';
import { primitives } from './reduce/primitive.ts';
import { reductions } from './reduce/reductions.ts';
import { cumsum } from './scan.ts';
import { softmaxes } from './softmax.ts';
import { stopGradient } from './stop-gradient.ts';
import { adaptivePools } from './window/adaptive.ts';
import { interpolate } from './window/interpolate.ts';
import { firstMaximum } from './window/maximum.ts';
import { neighbourSums } from './window/neighbour-sums.ts';
import { neighbourRemainder, neighbours } from './window/neighbours.ts';
import { pools } from './window/pool.ts';
import { unfold } from './window/unfold.ts';
import { windowSums } from './window/window-sums.ts';
import { windows } from './window/windows.ts';

/** Throws Error when two records have one name. */
export function tableOf(...lists: readonly (readonly Op[])[]): OpTable {
  const table = new Map<string, Op>();
  for (const op of lists.flat()) {
    if (table.has(op.name)) throw new Error(`internal: two ops are called ${op.name}`);
    table.set(op.name, op);
  }
  return table;
}

/** By what they are for, as the reference of the ops lists them. */
export const opGroups: readonly { readonly title: string; readonly ops: readonly Op[] }[] = [
  { title: 'Arithmetic', ops: arithmetic },
  { title: 'Comparison', ops: comparison },
  { title: 'Logic', ops: logical },
  { title: 'Element by element', ops: math },
  { title: 'Activations', ops: activations },
  { title: 'Choice and conversion', ops: choice },
  { title: 'Tensors from nothing', ops: [...generators, tri] },
  { title: 'Random numbers', ops: [...draws, ...dropouts] },
  { title: 'Shapes and places', ops: movements },
  { title: 'Reductions', ops: [...primitives, ...reductions, norm] },
  { title: 'Along an axis', ops: [...softmaxes, cumsum, ...orderings, ...extrema] },
  { title: 'Reading and writing by index', ops: [...gathers, ...scatters, oneHot] },
  { title: 'Groups of rows', ops: [groupRows, gatherRows, ...segments, takeRowsOp] },
  { title: 'Products and patterns', ops: [contract, raggedContract, einsum, matmul, ...patterns] },
  { title: 'Attention', ops: attentions },
  { title: 'Convolution', ops: [...convolutions, ...transposedConvolutions, windows, windowSums, unfold] },
  { title: 'Pooling', ops: [...pools, ...adaptivePools, firstMaximum] },
  { title: 'Resizing', ops: [interpolate, neighbours, neighbourRemainder, neighbourSums] },
  { title: 'Losses', ops: [...elementwiseLosses, ...likelihoods, bceWithLogits, klDiv, focal, surprisal] },
  { title: 'Gradients', ops: [stopGradient] },
  { title: 'Made by passes', ops: [fusion, ...quantized, ...decodings] },
];

export const ops: OpTable = tableOf(...opGroups.map((group) => group.ops));
