/** Specs of the tests as trees of blocks, and their drawings. */
import { join } from 'node:path';
import { elaborateWhole, stagesOf, type Stages } from '../../src/compiler/driver.ts';
import { buildBlocks, type Block } from '../../src/compiler/inspect/blocks.ts';
import { foldBlocks } from '../../src/compiler/inspect/fold.ts';
import { layoutEntry, type Drawing } from '../../src/compiler/inspect/graph/layout.ts';
import { exampleDims, reportMemory } from '../../src/compiler/inspect/memory.ts';
import { summarize, type Summary, type TableRow } from '../../src/compiler/inspect/table.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { boundsOf } from '../../src/compiler/ir/types.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { renderAll, specFile, specHost } from '../support/specs.ts';

export interface Inspected {
  readonly graph: Graph;
  readonly stages: Stages;
  /** As it was unrolled. */
  readonly tree: Block;
  /** With equal rounds folded. */
  readonly root: Block;
  readonly summary: Summary;
}

export function inspected(
  path: string,
  options: EntryOptions = {},
  texts: { readonly [path: string]: string } = {},
): Inspected {
  const { result, diagnostics } = elaborateWhole(path, options, specHost(texts));
  if (!result) throw new Error(renderAll(diagnostics));
  const { graph } = result;
  const stages = stagesOf(graph, 'wasm');
  const tree = buildBlocks(result, stages.ops, stages.lowered);
  const root = foldBlocks(tree);
  const memory = reportMemory(stages.plan, boundsOf(graph), exampleDims(graph.dims, new Map()));
  return { graph, stages, tree, root, summary: summarize(graph, root, memory) };
}

export function inspectedText(text: string, options: EntryOptions = {}): Inspected {
  return inspected('test.model', options, { 'test.model': text });
}

/** The row of a path; fails where there is none. */
export function rowAt({ rows }: Summary, path: string): TableRow {
  const found = rows.find((row) => row.path === path);
  if (!found) throw new Error(`no row ${path}; there are ${rows.map((row) => row.path).join(', ')}`);
  return found;
}

export async function drawn({ root, graph }: Inspected): Promise<Drawing> {
  return layoutEntry(root, graph, new Map());
}

/** The first Inception module of GoogLeNet. */
const INCEPTION = `import { Inception } from "std/vision"
model Net() {
  dims batch, height, width
  input x: f32[batch, 192, floordiv(height + 1, 8), floordiv(width + 1, 8)]
  output y = x |> Inception(64, 96, 128, 16, 32, 32) as inception3a
}
`;

/** The beginning of ResNet-18: two equal blocks with a skip, and one whose skip has a convolution. */
const RESIDUAL = `import { BatchNorm2d, Conv2d } from "std/conv"
import { BasicBlock } from "std/vision"
model Net() {
  dims batch, height, width
  input x: f32[batch, 3, height, width]
  stage = [for i in 0..2 as layer1 => BasicBlock(64)]
  u = x |> Conv2d(64, 7, stride: 2, padding: 3, bias: false) as conv1 |> BatchNorm2d() as bn1 |> relu
  for layer in stage {
    u = layer(u)
  }
  output y = u |> BasicBlock(128, stride: 2) as layer2.0
}
`;

/** A model that is a block of another, some of whose results nobody reads. */
const NESTED = `import { Linear } from "std/nn"
model Teacher() {
  dims batch
  input x: f32[batch, 4]
  output hidden = x |> Linear(8) as hidden |> relu
  output logits = hidden |> Linear(2) as head
}
train Distill() {
  dims batch
  input x: f32[batch, 4]
  teacher = frozen Teacher()
  loss mean((teacher(x).logits - (x |> Linear(2) as student)) ** 2)
  optimizer sgd(lr: 0.1)
}
`;

/** Specs with what drawings have to cope with: residuals, experts, branches, skips, models in models. */
export const DRAWN: readonly (readonly [name: string, load: () => Inspected])[] = [
  ['ViT', () => inspected(specFile('vit.model'), { entry: 'ViT' })],
  ['MoE', () => inspected(join(import.meta.dirname, 'specs/moe.model'))],
  ['Branches', () => inspected(join(import.meta.dirname, 'specs/branches.model'))],
  ['Skips', () => inspected(join(import.meta.dirname, 'specs/skips.model'))],
  ['MultiBranchTrunk', () => inspected(specFile('multi_branch.model'), { entry: 'MultiBranchTrunk' })],
  ['Inception', () => inspectedText(INCEPTION)],
  ['ResNet', () => inspectedText(RESIDUAL)],
  ['Distillation', () => inspectedText(NESTED, { entry: 'Distill' })],
];
