/** The nests of attention as lowering writes them for wasm, before kernels are prepared for a target. */
import { join } from 'node:path';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import type { Region } from '../../src/compiler/ir/graph.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { lowerAttention } from '../../src/compiler/lowering/attention/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOfText } from '../support/specs.ts';
import { goldenSuite } from './run.ts';

goldenSuite(join(projectRoot, 'test/golden/attention'), (text) => {
  const { nodes } = runPasses(graphOfText(text), passes, ops, { verify: true }).graph;
  return nodes
    .filter(({ attributes }) => attributes['kind'] === 'attention')
    .flatMap(({ attributes }) => lowerAttention(attributes['body'] as Region, 'attention', wasmTarget, new Map()))
    .map(({ kernel }) => printKernel(kernel))
    .join('\n');
});
