import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Inputs, Model, RunOptions } from '../../src/runtime/model.ts';
import { loadSample } from './sample.ts';

/** Floats that look like an array of the right kind but are none. */
const impostor = Object.create(Float32Array.prototype) as Float32Array;

const values = (length: number, start: number): Float32Array => Float32Array.from({ length }, (_, i) => start + i);

/** What may be given as `x: f32[batch, 3]`, sound and unsound. */
const x = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ rows: fc.nat(2), start: fc.nat(9) }).map(({ rows, start }) => values(3 * rows, start)),
  },
  fc
    .record({ rows: fc.nat(2), start: fc.nat(9) })
    .map(({ rows, start }) => ({ data: values(3 * rows, start), shape: [rows, 3] })),
  fc.constantFrom<unknown>(
    { data: values(6, 0), shape: [3, 2] },
    { data: values(6, 0), shape: [2, 3, 1] },
    { data: values(6, 0), shape: '23' },
    { data: values(6, 0) },
    { data: values(6, 0), shape: null },
    { shape: [2, 3] },
    values(4, 0),
    Float64Array.of(1, 2, 3),
    Int32Array.of(1, 2, 3),
    [1, 2, 3],
    7,
    'text',
    null,
    undefined,
    impostor,
  ),
);
const limit = fc.oneof(
  { weight: 6, arbitrary: fc.nat(20).map((value) => Float32Array.of(value)) },
  fc.constantFrom<unknown>({ data: Float32Array.of(3), shape: [] }, 3, Float32Array.of(1, 2), Int32Array.of(1)),
);
const shaped = fc.record({ x, limit });
const inputs = fc.oneof(
  { weight: 8, arbitrary: shaped },
  shaped.map((given) => ({ ...given, other: 1 })),
  shaped.map(({ x: only }) => ({ x: only })),
  shaped.map((given) => Object.create(given) as object),
  fc.constantFrom<unknown>(null, undefined, 5, []),
);
const options = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  fc.constantFrom<unknown>(
    {},
    { dims: { batch: 1 } },
    { dims: { batch: 2 } },
    { outputs: { scaled: values(3, 0) } },
    null,
  ),
);

/** What a run answers or throws, as plain data. */
function outcomeOf(model: Model, given: unknown, chosen: unknown): unknown {
  try {
    const outputs = model.runSync(given as Inputs, chosen as RunOptions | undefined);
    return Object.entries(outputs).map(([name, { data, shape }]) => [name, [...data], shape]);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

test('a run after others answers and refuses what a first run does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(inputs, options), { minLength: 2, maxLength: 8 }), async (runs) => {
      const model = await loadSample('js');
      for (const [given, chosen] of runs) {
        // Twice, so that a run like the one before is among them.
        for (let i = 0; i < 2; i++) {
          const wanted = outcomeOf(await loadSample('js'), given, chosen);
          expect(outcomeOf(model, given, chosen)).toEqual(wanted);
        }
      }
    }),
  );
});

test('an array that the caller changes, takes from an output or gives away is read as it is', async () => {
  const model = await loadSample('wasm');
  const given = { x: Float32Array.of(1, 2, 3), limit: Float32Array.of(0) };
  const scaled = (): number[] => [...model.runSync(given)['scaled']!.data];
  expect(scaled()).toEqual([3, 9, 19]);
  expect(scaled()).toEqual([3, 9, 19]);
  given.x[0] = 10;
  expect(scaled()).toEqual([21, 9, 19]);
  given.x = model.runSync(given)['scaled']!.data as Float32Array<ArrayBuffer>;
  expect(scaled()).toEqual([43, 37, 115]);
  given.x = Float32Array.of(1, 2, 3);
  expect(scaled()).toEqual([3, 9, 19]);
  structuredClone(given.x, { transfer: [given.x.buffer] });
  expect(scaled).toThrow('the input x is an array whose memory was transferred elsewhere');
});
