/** Row kernels whose rows run side by side, at the edges of what one grid point takes. */
import { expect, test } from 'vitest';
import { graphOfText, runnerOf } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';

const graph = graphOfText(`model M() { dims n
  input x: f32[2, 5, n]
  output total = sum(x, axis: 1)
  output share = softmax(x, axis: 1)
  output spread = var(x, axis: 1)
}`);

test.each(['wasm', 'js'] as const)('on %s, columns are reduced whatever their number', async (target) => {
  const run = await runnerOf(graph, target);
  for (const n of [1, 15, 16, 17, 63, 64, 65, 130]) {
    const inputs = new Map([['x', randomTensor('f32', [2, 5, n], randomNumbers(n), [-3, 3])]]);
    const wanted = interpret(graph, { inputs, parameters: new Map(), symbols: new Map([['n', n]]) });
    const got = await run(Object.fromEntries(inputs), { n });
    expect([...got.keys()].sort()).toEqual(['share', 'spread', 'total']);
    for (const [name, { data }] of wanted)
      expectClose(got.get(name)!.data, data, { absolute: 1e-5, relative: 1e-5 }, `${name} of ${n} columns`);
  }
});
