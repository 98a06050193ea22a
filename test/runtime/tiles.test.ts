import { describe, expect, test } from 'vitest';
import type { ProgramTiles } from '../../src/program/program.ts';
import type { Device } from '../../src/runtime/devices/device.ts';
import { tryTiles } from '../../src/runtime/devices/tiles.ts';
import { graphOfText, modelOf } from '../support/specs.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import { createModel, type ModelParts } from '../../src/runtime/model.ts';

const TILES: ProgramTiles = {
  candidates: [
    { rows: 4, columns: 8, kernel: 0, multiplyAdds: 1000 },
    { rows: 6, columns: 8, kernel: 1, multiplyAdds: 1500 },
  ],
  buffers: [8, 8],
  order: { strict: [0], relaxed: [1, 0] },
};

/** A device whose kernels take some microseconds; calls are counted by kernel. */
function deviceOf(micros: readonly number[]): { device: Device; calls: number[] } {
  const calls = micros.map(() => 0);
  const call = (kernel: number): void => {
    calls[kernel]!++;
    for (const end = performance.now() + micros[kernel]! / 1000; performance.now() < end;);
  };
  return { device: { base: 64, reserve() {}, call } as unknown as Device, calls };
}

describe('a trial of tiles', () => {
  test('takes the one with the most multiply-adds in a second', () => {
    expect(tryTiles(deviceOf([200, 100]).device, TILES, 'relaxed').tile).toBe(1);
    expect(tryTiles(deviceOf([50, 300]).device, TILES, 'relaxed').tile).toBe(0);
  });

  test('is not made where there is nothing to choose', () => {
    const { device, calls } = deviceOf([1, 1]);
    expect(tryTiles(device, TILES, 'strict')).toEqual({ tile: 0, tried: [] });
    expect(calls).toEqual([0, 0]);
  });
});

const product = graphOfText('model M { dims n\n input x: f32[n, 9]\n output y = einsum("a k, b k -> a b", x, x) }');

function load(parts: Partial<ModelParts>): ReturnType<typeof createModel> {
  const { program, wasm } = compileGraph(product, { targets: ['wasm'] });
  const { simd = 'relaxed' } = parts;
  return createModel({ program, target: 'wasm', simd, kernels: wasm![simd], weights: () => undefined, ...parts });
}

describe('a model', () => {
  test('tells its tile, remembers what a trial found, and takes the one it is told', async () => {
    const found: ModelParts['tilesFound'] = new Map();
    const { tile } = await load({ tilesFound: found });
    expect(['4x8', '6x8']).toContain(tile);
    expect([...found.keys()]).toEqual(['relaxed']);
    for (const [at, name] of ['4x8', '6x8'].entries())
      expect((await load({ tilesFound: new Map([['relaxed', at]]) })).tile).toBe(name);
    for (const name of ['4x8', '6x8']) expect((await load({ tile: name })).tile).toBe(name);
  });

  test('refuses a tile that its module does not have', async () => {
    const refused = { code: 'option', message: 'the option tile is 6x8; it can be 4x8' };
    await expect(load({ simd: 'strict', tile: '6x8' })).rejects.toMatchObject(refused);
    await expect(load({ tile: '5x5' })).rejects.toMatchObject({
      message: 'the option tile is 5x5; it can be 6x8 or 4x8',
    });
  });

  test('has the same bits whatever the tile', async () => {
    const x = { data: Float32Array.from({ length: 27 * 9 }, (_, at) => Math.sin(at)), shape: [27, 9] };
    const results = await Promise.all(
      (['relaxed', 'relaxed 4x8'] as const).map(async (target) => {
        const { y } = await (await modelOf(product, target)).run({ x });
        return [...new Int32Array(y!.data.slice().buffer as ArrayBuffer)];
      }),
    );
    expect(results[0]).toEqual(results[1]);
  });
});
