/** Compiled mixtures, whose bodies are of all kinds: outputs and gradients against those in doubles. */
import { expect, test } from 'vitest';
import { gradientGraph } from '../../src/compiler/autodiff/request.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { parametersOf, type Tensors } from '../semantics/support.ts';
import { BODIES, inputsFor, model } from '../support/mixture-bodies.ts';
import { elaboratedOfText, runnerOf, storedTensor } from '../support/specs.ts';

/** All bodies in one model, as compiling takes long. */
const STATEMENTS = BODIES.map(
  ([, body], at) => `y${at} = mixture(x, gate, index, count) as body${at} { t => ${body} }\n  output out${at} = y${at}`,
).join('\n  ');

const names = BODIES.map((_, at) => `out${at}`);

test.each(['js', 'relaxed'] as const)('mixtures of all kinds are computed on %s', async (target) => {
  const elaborated = elaboratedOfText(model('free', `${STATEMENTS}\n  y = y0`));
  const request = { patterns: ['in.*', 'param.*'], cotangents: names };
  const graph = gradientGraph(elaborated, request, ops, new DiagnosticSink())!;
  const parameters = parametersOf(graph);
  const weights = new Map([...parameters].map(([name, { shape, data }]) => [name, storedTensor(shape, data)]));
  const run = await runnerOf(graph, target, weights);
  for (const tokens of [1, 37]) {
    const given = inputsFor(tokens);
    const inputs: Tensors = Object.fromEntries(
      graph.inputs.map(({ name }) => [name, name.startsWith('cot.') ? given['cot.y']! : given[name]!]),
    );
    const wanted = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters });
    const found = await run(inputs);
    for (const [name, { data }] of wanted) {
      const scale = Math.max(1, ...data.map(Math.abs));
      const off = Math.max(0, ...data.map((value, at) => Math.abs(value - found.get(name)!.data[at]!)));
      expect(off / scale, `${name} of ${tokens} tokens`).toBeLessThan(1e-4);
    }
  }
});
