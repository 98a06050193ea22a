/** New values of kept tensors: which are written where the old ones are, and that readers see the right ones. */
import { describe, expect, test } from 'vitest';
import { stagesOf } from '../../src/compiler/driver.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { forEachStatement, someExpr, valueOf } from '../../src/compiler/kernel/rewrite.ts';
import type { KernelCall } from '../../src/compiler/plan/lowered.ts';
import { routineGraph } from '../support/routines.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { execute } from './execute.ts';

const INPUTS = `
  dim batch
  kept cache %0: f32[batch, 2, 6, 4]
  input rows %1: f32[batch, 2, 1, 4]
  input at %2: i32[batch]`;

interface Lowered {
  /** Names of the kernels. */
  readonly kernels: readonly string[];
  /** Names of the kernels that write what is kept, without reading it. */
  readonly writers: readonly string[];
}

/** Runs what the text is lowered to in the kernel interpreter; outputs and what is kept have to be as interpreted. */
function check(text: string): Lowered {
  const { graph } = routineGraph('step', text);
  const { lowered } = stagesOf(graph, 'wasm', { verify: true });
  const symbols = new Map([['batch', 3]]);
  const random = randomNumbers(7);
  const drawn = (items: typeof graph.inputs): Map<string, Tensor> =>
    new Map(
      items.map(({ name, value: { type } }) => [
        name,
        randomTensor(type.dtype, concreteShape(type.shape, symbols), random, type.dtype === 'i32' ? [0, 5] : undefined),
      ]),
    );
  const [inputs, kept] = [drawn(graph.inputs), drawn(graph.kept ?? [])];
  const wanted = interpret(graph, { inputs, parameters: new Map(), kept, symbols });
  const given = new Map([...inputs, ...kept].map(([name, { data }]) => [name, data] as const));
  const got = execute(lowered, symbols, given);
  for (const { name, into } of graph.outputs)
    expectClose(got.get(into ?? name)!, wanted.get(name)!.data, { absolute: 1e-5, relative: 1e-5 }, name);
  const places = new Set(lowered.kept!.map(({ buffer }) => buffer));
  const isWriter = ({ kernel, buffers }: KernelCall): boolean =>
    kernel.buffers.some(
      ({ name, access }, at) => places.has(buffers[at]!) && access !== 'read' && !isRead(kernel, name),
    );
  return {
    kernels: lowered.calls.map(({ kernel }) => kernel.name),
    writers: lowered.calls.filter(isWriter).map(({ kernel }) => kernel.name),
  };
}

function isRead({ body }: Kernel, buffer: string): boolean {
  let isFound = false;
  forEachStatement(body, (statement) => {
    const value = valueOf(statement);
    isFound ||= value !== undefined && someExpr(value, (part) => part.kind === 'load' && part.buffer === buffer);
  });
  return isFound;
}

describe('rows that are put into a kept tensor', () => {
  test('are all that is written, and who reads the new value reads it there', () => {
    const { kernels, writers } = check(`${INPUTS}
      input q %3: f32[batch, 4, 1, 4]
      %4: f32[batch, 2, 6, 4] = put_rows(%0, %1, %2)
      %5: f32[batch, 4, 1, 4] = decode_attention(%3, %4, %4, %2) {scale: null}
      output y %5
      output next.cache %4 into cache`);
    expect(kernels).toEqual(['put_rows', 'decode_attention']);
    expect(writers).toEqual(['put_rows']);
  });

  test('are written behind those who read the old value', () => {
    const { kernels, writers } = check(`${INPUTS}
      %4: f32[batch, 2, 6, 4] = put_rows(%0, %1, %2)
      %5: f32[batch, 2, 6, 4] = cumsum(%0) {axis: 2}
      output y %5
      output next.cache %4 into cache`);
    expect(kernels).toEqual(['cumsum', 'put_rows']);
    expect(writers).toEqual(['put_rows']);
  });

  test('are computed on the way, but not from what is kept', () => {
    const own = check(`${INPUTS}
      %4: f32[batch, 2, 1, 4] = tanh(%1)
      %5: f32[batch, 2, 6, 4] = put_rows(%0, %4, %2)
      output next.cache %5 into cache`);
    expect(own).toEqual({ kernels: ['put_rows'], writers: ['put_rows'] });
    const other = check(`${INPUTS}
      %4: f32[batch, 2, 6, 4] = flip(%0) {axis: 2}
      %5: f32[batch, 2, 6, 4] = put_rows(%0, %4, %2)
      output next.cache %5 into cache`);
    expect(other.kernels).toEqual(['put_rows', 'copy']);
  });

  test('leave the old value where another reader needs it later', () => {
    const { kernels } = check(`${INPUTS}
      %4: f32[batch, 2, 6, 4] = put_rows(%0, %1, %2)
      %5: f32[batch, 2, 6, 4] = cumsum(%4) {axis: 2}
      %6: f32[batch, 2, 6, 4] = cumsum(%5) {axis: 2}
      %7: f32[batch, 2, 6, 4] = mul(%6, %0)
      %8: f32[batch, 2, 6, 4] = cumsum(%7) {axis: 2}
      output y %8
      output next.cache %4 into cache`);
    expect(kernels.at(-1)).toBe('copy');
  });
});

test('elements are scattered in place', () => {
  const { kernels, writers } = check(`
    dim batch
    kept seen %0: f32[batch, 9]
    input tokens %1: i32[batch, 1]
    %2: f32[batch, 1] = ones() {shape: [<batch>, <1>], dtype: "f32"}
    %3: f32[batch, 9] = scatter(%0, %1, %2) {axis: 1}
    output next.seen %3 into seen`);
  expect(kernels).toEqual(['scatter']);
  expect(writers).toEqual(['scatter']);
});

test('what does not look at the old value is written there', () => {
  const { kernels } = check(`${INPUTS}
    input given %3: f32[batch, 2, 6, 4]
    %4: f32[batch, 2, 6, 4] = put_rows(%3, %1, %2)
    output next.cache %4 into cache`);
  expect(kernels).toEqual(['put_rows']);
});

test('kept tensors of symbolic size change places', () => {
  const { kernels } = check(`
    dim batch
    kept a %0: f32[batch, 5]
    kept b %1: f32[batch, 5]
    %2: f32[batch, 5] = cumsum(%0) {axis: 0}
    %3: f32[batch, 5] = cumsum(%1) {axis: 1}
    output next.a %3 into a
    output next.b %2 into b`);
  expect(kernels).toEqual(['cumsum', 'cumsum', 'copy']);
});
