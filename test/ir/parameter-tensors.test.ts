import { describe, expect, test } from 'vitest';
import { interpret, InterpreterError } from '../../src/compiler/ir/interpret.ts';
import {
  assembleParameter,
  parameterTensors,
  splitParameter,
  tensorNames,
} from '../../src/compiler/ir/parameter-tensors.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { STACKED, stackedWeights } from '../support/stacked.ts';
import { randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';

const [weight, bias, scale] = STACKED.parameters;

describe('the tensors of a graph', () => {
  test('are the members of its stacks, and all other parameters', () => {
    const listed = parameterTensors(STACKED.parameters).map(({ name, type, parameter, member }) => [
      name,
      printType(type),
      parameter.name,
      member,
    ]);
    expect(listed).toEqual([
      ['experts.0.weight', 'f32[24, 36]', 'experts.{i}.weight', 0],
      ['experts.1.weight', 'f32[24, 36]', 'experts.{i}.weight', 1],
      ['experts.0.bias', 'f32[24]', 'experts.{i}.bias', 0],
      ['experts.1.bias', 'f32[24]', 'experts.{i}.bias', 1],
      ['scale', 'f32[24]', 'scale', undefined],
    ]);
    expect(STACKED.parameters.flatMap(tensorNames)).toEqual(listed.map(([name]) => name));
  });

  test('make the value of a parameter, and are what it is split into', () => {
    const weights = stackedWeights();
    const whole = assembleParameter(weight!, (name) => weights.get(name)!);
    expect(whole.shape).toEqual([2, 24, 36]);
    expect(whole.data.slice(24 * 36)).toEqual(weights.get('experts.1.weight')!.data);
    for (const [name, tensor] of splitParameter(weight!, whole)) expect(tensor).toEqual(weights.get(name));
    expect([
      ...splitParameter(
        bias!,
        assembleParameter(bias!, (name) => weights.get(name)!),
      ).keys(),
    ]).toEqual(bias!.members);
    const own = weights.get('scale')!;
    expect(
      splitParameter(
        scale!,
        assembleParameter(scale!, () => own),
      ),
    ).toEqual(new Map([['scale', own]]));
  });

  test('are what the interpreter is given', () => {
    const x = randomTensor('f32', [3, 36], randomNumbers(2));
    const parameters = new Map(stackedWeights());
    const { data } = interpret(STACKED, { inputs: new Map([['x', x]]), parameters }).get('y')!;
    const [w, b, s] = ['experts.1.weight', 'experts.1.bias', 'scale'].map((name) => parameters.get(name)!.data);
    let sum = b![5]!;
    for (let d = 0; d < 36; d++) sum += x.data[36 + d]! * w![36 * 5 + d]!;
    expect(data[48 + 24 + 5]).toBeCloseTo(Math.max(0, sum) * s![5]!, 12);
    parameters.set('experts.1.bias', tensorOf('f32', [23], new Float64Array(23)));
    const run = () => interpret(STACKED, { inputs: new Map([['x', x]]), parameters });
    expect(run).toThrow(InterpreterError);
    expect(run).toThrow('experts.1.bias is f32[23], not f32[24]');
    parameters.delete('experts.1.bias');
    expect(run).toThrow('parameter experts.1.bias was not given');
  });
});
