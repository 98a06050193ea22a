import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { printGraph } from '../../src/compiler/ir/printer.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { largestDifference } from '../support/reference.ts';
import { randomGraph } from '../support/random-graphs.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { execute } from './execute.ts';

test.each([jsTarget, wasmTarget])(
  'kernels of random graphs for $name are well formed, stay in bounds and are right',
  (target) => {
    assert(
      property(integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const graph = randomGraph(seed, 10);
        const program = lowerGraph(runPasses(graph, passes, ops).graph, target);
        for (const { kernel } of program.calls) expect(kernelFaults(kernel)).toEqual([]);
        for (const n of [0, 1, 3, 5]) {
          const random = randomNumbers(seed + n);
          const draw = ({ name, value }: (typeof graph.inputs)[number]) =>
            [
              name,
              randomTensor(
                value.type.dtype,
                value.type.shape.map((dim) => constantValue(dim) ?? n),
                random,
              ),
            ] as const;
          const inputs = new Map(graph.inputs.map(draw));
          const parameters = new Map(graph.parameters.map(draw));
          const truth = interpret(graph, { inputs, parameters });
          const given = new Map([...inputs, ...parameters].map(([name, { data }]) => [name, data]));
          const outputs = execute(program, new Map([['n', n]]), given);
          for (const [name, { data }] of truth) {
            const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
            // Reductions of nothing may be infinite or NaN; both sides must agree where.
            const comparable = data.every(Number.isFinite);
            if (comparable)
              expect(
                largestDifference(outputs.get(name)!, data),
                `${name} at n = ${n}\n${printGraph(graph)}`,
              ).toBeLessThanOrEqual(2e-4 * scale);
          }
        }
      }),
      { numRuns: Number(process.env.RANDOM_GRAPHS ?? 60) },
    );
  },
);
