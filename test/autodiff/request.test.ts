import { describe, expect, test } from 'vitest';
import { gradientGraph } from '../../src/compiler/autodiff/request.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { runnerOf, TARGETS } from '../support/specs.ts';
import { STACKED, stackedModel, stackedTraining, stackedWeights, stored } from '../support/stacked.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

function request(patterns: readonly string[], cotangents?: readonly string[]): Graph {
  const sink = new DiagnosticSink();
  const elaborated = cotangents ? stackedModel() : stackedTraining();
  const graph = gradientGraph(elaborated, { patterns, cotangents: cotangents ?? [] }, ops, sink);
  expect(sink.items).toEqual([]);
  expect(verify(graph!, ops)).toEqual([]);
  return graph!;
}

const typesOf = ({ outputs }: Graph) => outputs.map(({ name, value }) => `${name}: ${printType(value.type)}`);

describe('the gradient of a stack', () => {
  test('is asked for, and given, by member', () => {
    expect(typesOf(request(['param.experts.*.bias', 'param.experts.1.weight']))).toEqual([
      'loss: f32[]',
      'out.y: f32[n, 2, 24]',
      'grad.param.experts.1.weight: f32[24, 36]',
      'grad.param.experts.0.bias: f32[24]',
      'grad.param.experts.1.bias: f32[24]',
    ]);
    expect(typesOf(request(['param.*', 'in.*'], ['y'])).slice(2)).toEqual([
      'grad.in.x: f32[n, 36]',
      'grad.param.experts.0.weight: f32[24, 36]',
      'grad.param.experts.1.weight: f32[24, 36]',
      'grad.param.experts.0.bias: f32[24]',
      'grad.param.experts.1.bias: f32[24]',
      'grad.param.scale: f32[24]',
    ]);
  });

  test('is not known by the name of the whole', () => {
    const sink = new DiagnosticSink();
    gradientGraph(stackedTraining(), { patterns: ['param.experts.{i}.bias'], cotangents: [] }, ops, sink);
    expect(sink.items.map(({ code, hint }) => [code, hint])).toEqual([
      ['HED4007', 'there are in.x, param.experts.0.weight, param.experts.1.weight, …'],
    ]);
  });

  test.each(TARGETS)('is the derivative of each member on %s', async (target) => {
    const weights = stackedWeights();
    const x = randomTensor('f32', [4, 36], randomNumbers(5));
    const run = await runnerOf(request(['param.*']), target, stored(weights));
    const found = await run({ x });
    const lossAt = (name: string, place: number, step: number): number => {
      const tensor = weights.get(name)!;
      const data = tensor.data.with(place, tensor.data[place]! + step);
      const parameters = new Map(weights).set(name, { ...tensor, data });
      const loss = { name: 'loss', value: STACKED.nodes.at(-1)!.results[0]! };
      return interpret({ ...STACKED, outputs: [loss] }, { inputs: new Map([['x', x]]), parameters }).get('loss')!
        .data[0]!;
    };
    for (const name of ['experts.0.weight', 'experts.1.weight', 'experts.0.bias', 'experts.1.bias'])
      for (const place of [0, 7, 23]) {
        const slope = (lossAt(name, place, 1e-5) - lossAt(name, place, -1e-5)) / 2e-5;
        const got = found.get(`grad.param.${name}`)!.data[place]!;
        expectClose([got], [slope], { absolute: 1e-5, relative: 1e-4 }, `${name}[${place}]`);
      }
  });
});
