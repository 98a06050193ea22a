/** Words and their products have the same bits on all engines, whatever the row. */
import { beforeAll, describe, expect, test } from 'vitest';
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { ENGINES, quantizedModel } from '../support/quantized.ts';
import { avoidWrongDotProducts } from '../support/relaxed.ts';
import { runOf } from '../support/specs.ts';
import { randomNumbers, tensorOf } from '../support/tensors.ts';

const CHANNELS = 11;

/** Everything that a quantised product of rows with `size` elements computes in bytes. */
function graphOf(size: number): Graph {
  const builder = new Builder(ops, new Map());
  const x = builder.value({ dtype: 'f32', shape: [symbol('n'), constant(size)] });
  const w = builder.value({ dtype: 'f32', shape: [constant(CHANNELS), constant(size)] });
  const rows = builder.apply('quantize_rows', [x]);
  const channels = builder.apply('quantize_channels', [w]);
  const sums = builder.one('contract_words', [rows[0]!, channels[0]!], {
    left: ['i', 'k'],
    right: ['j', 'k'],
    result: ['i', 'j'],
  });
  const names = ['bytes', 'scale', 'offset', 'weights', 'weight_scale', 'weight_sum', 'sums'];
  const values = [...rows, ...channels, sums];
  return {
    name: 'words',
    dims: [{ name: 'n' }],
    inputs: [
      { name: 'x', value: x },
      { name: 'w', value: w },
    ],
    parameters: [],
    nodes: builder.nodes,
    outputs: values.map((value, at) => ({ name: names[at]!, value })),
  };
}

/** Numbers of many magnitudes, on and near the ties of rounding. */
function drawn(count: number, seed: number): number[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const kind = random();
    if (kind < 0.1) return 0;
    if (kind < 0.4) return Math.fround((Math.round(random() * 254 - 127) + 0.5) / 127);
    return Math.fround((random() - 0.5) * 2);
  });
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 64, 70, 256];

describe('quantised products', () => {
  beforeAll(avoidWrongDotProducts);

  describe.each(ENGINES)('on %s', (engine) => {
    test.each(SIZES)('rows of %i are the same bytes, and their sums the same integers', async (size) => {
      const graph = graphOf(size);
      const n = 9;
      const x = drawn(n * size, size);
      // Rows with a range far from 0, a constant one, and one of the smallest numbers.
      for (let k = 0; k < size; k++) {
        x[size + k] = Math.fround(1000 + x[size + k]!);
        x[2 * size + k] = Math.fround(0.3);
        x[3 * size + k] = k * 2 ** -140;
      }
      const inputs = {
        x: tensorOf('f32', [n, size], x),
        w: tensorOf('f32', [CHANNELS, size], drawn(CHANNELS * size, 77)),
      };
      const given = { inputs: new Map(Object.entries(inputs)), parameters: new Map(), symbols: new Map([['n', n]]) };
      const wanted = interpret(graph, given);
      const got = await runOf(graph, await quantizedModel(graph, engine))(inputs);
      for (const [name, { data }] of wanted) expect([...got.get(name)!.data], name).toEqual([...data]);
    });

    test('a row or channel that is not finite is bytes of 0 and NaN, and leaves the others alone', async () => {
      const graph = graphOf(41);
      const n = 7;
      const x = drawn(n * 41, 3);
      // The last elements are in words that are made one by one.
      [x[7], x[41 + 7], x[82 + 7], x[123 + 40], x[164 + 3], x[164 + 4]] = [
        NaN,
        Infinity,
        -Infinity,
        -Infinity,
        Infinity,
        -Infinity,
      ];
      // Finite, and farther apart than f32 can tell.
      [x[205 + 1], x[205 + 2]] = [Math.fround(3e38), Math.fround(-3e38)];
      const w = drawn(CHANNELS * 41, 4);
      [w[3], w[41 + 40], w[82 + 5]] = [NaN, Infinity, -Infinity];
      const inputs = { x: tensorOf('f32', [n, 41], x), w: tensorOf('f32', [CHANNELS, 41], w) };
      const given = { inputs: new Map(Object.entries(inputs)), parameters: new Map(), symbols: new Map([['n', n]]) };
      const wanted = interpret(graph, given);
      const got = await runOf(graph, await quantizedModel(graph, engine))(inputs);
      for (const [name, { data }] of wanted) expect([...got.get(name)!.data], name).toEqual([...data]);
      const none = Array.from({ length: 6 }, () => NaN);
      for (const name of ['scale', 'offset']) {
        const found = [...got.get(name)!.data];
        expect(found.slice(0, 6), name).toEqual(none);
        expect(found[6], name).not.toBeNaN();
      }
      for (const name of ['weight_scale', 'weight_sum'])
        expect([...got.get(name)!.data].map(Number.isNaN), name).toEqual(
          Array.from({ length: CHANNELS }, (_, at) => at < 3),
        );
      expect([...got.get('bytes')!.data].slice(0, 66).every((word) => word === 0)).toBe(true);
    });

    test('a row that f32 can tell the width of keeps its bytes, however large', async () => {
      const graph = graphOf(40);
      const x = [
        ...drawn(40, 3).map((value) => value * 1e37),
        ...Array.from({ length: 80 }, (_, at) => (at < 40 ? -1e37 : 0)),
      ];
      const inputs = {
        x: tensorOf('f32', [3, 40], x.map(Math.fround)),
        w: tensorOf('f32', [CHANNELS, 40], drawn(CHANNELS * 40, 4)),
      };
      const got = await runOf(graph, await quantizedModel(graph, engine))(inputs);
      const [scale, offset] = [got.get('scale')!.data, got.get('offset')!.data];
      expect([...offset]).toEqual([Math.fround(Math.min(...x.slice(0, 40))), Math.fround(-1e37), 0]);
      expect(scale[0]! * 127).toBeCloseTo(Math.max(...x.slice(0, 40)) - offset[0]!, -32);
      expect([...scale].slice(1)).toEqual([0, 0]);
    });
  });
});
