/** Products over groups of rows on several threads. */
import { expect, test } from 'vitest';
import { constant } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { modelOf } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';
import { useThreads } from '../support/threads.ts';

const threads = useThreads();

const [ROWS, GROUPS, N, K] = [70, 4, 40, 12];

/** y = x Wᵀ by groups, and the gradient of W. */
function graphOf(): Graph {
  const builder = new Builder(ops, new Map());
  const input = (name: string, dtype: 'f32' | 'i32', ...shape: readonly number[]) => ({
    name,
    value: builder.value({ dtype, shape: shape.map(constant) }),
  });
  const [x, w, dy] = [input('x', 'f32', ROWS, K), input('w', 'f32', GROUPS, N, K), input('dy', 'f32', ROWS, N)];
  const offsets = input('offsets', 'i32', GROUPS + 1);
  const product = (a: typeof x, b: typeof x, labels: { left: string[]; right: string[]; result: string[] }) =>
    builder.one('ragged_contract', [a.value, b.value, offsets.value], { ...labels, ragged: 'r', group: 'e' });
  const y = product(x, w, { left: ['r', 'k'], right: ['e', 'n', 'k'], result: ['r', 'n'] });
  const dw = product(dy, x, { left: ['r', 'n'], right: ['r', 'k'], result: ['e', 'n', 'k'] });
  const outputs = [
    { name: 'y', value: y },
    { name: 'dw', value: dw },
  ];
  return { name: 'P', dims: [], inputs: [x, w, dy, offsets], parameters: [], nodes: builder.nodes, outputs };
}

test('give the same bits on any number of threads, however unequal the groups are', async () => {
  const graph = graphOf();
  const random = randomNumbers(3);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => random() - 0.5);
  const given = { x: draw(ROWS * K), w: draw(GROUPS * N * K), dy: draw(ROWS * N) };
  const models = await Promise.all(
    [1, 2, 3].map((count) => modelOf(graph, 'wasm', undefined, count > 1 ? threads(count) : undefined)),
  );
  for (const offsets of [
    [0, 0, 61, 61, 70],
    [0, 17, 18, 30, 66],
    [0, 0, 0, 0, 0],
  ]) {
    const [one, ...others] = models.map((model) => {
      const { y, dw } = model.runSync({ ...given, offsets: Int32Array.from(offsets) });
      return { y: [...y!.data], dw: [...dw!.data] };
    });
    for (const other of others) expect(other).toEqual(one);
  }
  models.forEach((model) => model.dispose());
});
