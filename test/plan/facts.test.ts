import { expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import { graphOfText } from '../support/specs.ts';

test('the facts of a model count its parameters, and the work that its outputs need', () => {
  const graph = graphOfText(`model M {
    dims n
    input x: f32[n, 3]
    param w: f32[3, 5] = zeros()
    param b: f32[5] = zeros()
    unused = matmul(x, transpose(x, [1, 0]))
    output y = matmul(x, w) + b
  }`);
  const { facts } = compileGraph(graph, { targets: ['js'] });
  expect(facts).toMatchObject({ parameters: { tensors: 2, elements: 20 }, multiplyAdds: ['*', 15, 'n'] });
  expect(Object.keys(facts.peakMemory)).toEqual(['js']);
});
