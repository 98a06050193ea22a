import { test } from 'vitest';
import { graphOfText, runnerOf, TARGETS } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

/** More buffers than a product has names of its own before them. */
const COUNT = 40;
const names = Array.from({ length: COUNT }, (_, at) => `t${at}`);

const graph = graphOfText(`
  model M { dims n
    input a: f32[n, 3]
    input b: f32[3, 8]
    ${names.map((name) => `input ${name}: f32[n, 8]`).join('\n')}
    output y = a @ b ${names.map((name) => `+ ${name}`).join(' ')} }`);

test.each(TARGETS)('a product takes many tensors into its kernel on %s', async (target) => {
  const random = randomNumbers(1);
  const draw = (...shape: number[]) => randomTensor('f32', shape, random);
  const [a, b] = [draw(5, 3), draw(3, 8)];
  const more = names.map((name) => [name, draw(5, 8)] as const);
  const y = (await (await runnerOf(graph, target))({ a, b, ...Object.fromEntries(more) })).get('y')!;
  const wanted = Array.from({ length: 40 }, (_, at) => {
    const [row, column] = [Math.floor(at / 8), at % 8];
    const product = [0, 1, 2].reduce((sum, k) => sum + a.data[row * 3 + k]! * b.data[k * 8 + column]!, 0);
    return more.reduce((sum, [, tensor]) => sum + tensor.data[at]!, product);
  });
  expectClose(y.data, wanted, { absolute: 1e-4, relative: 1e-5 });
});
