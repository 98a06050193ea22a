/** The GPU buffers that bindings share. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferPool, bindingBytes } from '../../../src/runtime/devices/webgpu/buffers.ts';
import type { GpuBuffer, GpuDevice } from '../../../src/runtime/devices/webgpu/api.ts';

const LIMIT = 2 ** 20;

/** Gives buffers that know their sizes. */
function fakeDevice(): { readonly device: GpuDevice; readonly live: Map<GpuBuffer, number> } {
  const live = new Map<GpuBuffer, number>();
  const createBuffer = ({ size }: { readonly size: number }): GpuBuffer => {
    const buffer = { destroy: () => void live.delete(buffer) } as GpuBuffer;
    live.set(buffer, size);
    return buffer;
  };
  const limits = { maxBufferSize: LIMIT, maxStorageBufferBindingSize: LIMIT };
  return { device: { limits, createBuffer } as unknown as GpuDevice, live };
}

const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(LIMIT)), { maxLength: 6 });

describe('a pool of buffers', () => {
  test('has for each size one that holds it, none twice at a time, and nothing when all is given back', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ sizes, keeps: fc.boolean() }), { maxLength: 6 }), (rounds) => {
        const { device, live } = fakeDevice();
        const pool = new BufferPool(device);
        const kept = rounds.flatMap(({ sizes, keeps }) => {
          const lease = pool.take(sizes);
          expect(new Set(lease.buffers).size).toBe(sizes.length);
          lease.buffers.forEach((buffer, at) =>
            expect(live.get(buffer)).toBeGreaterThanOrEqual(bindingBytes(sizes[at]!)),
          );
          if (!keeps) lease.release();
          return keeps ? [lease] : [];
        });
        expect(pool.bytes).toBe([...live.values()].reduce((sum, size) => sum + size, 0));
        for (const lease of kept) lease.release();
        expect(live.size).toBe(0);
      }),
    );
  });

  test('gives whoever comes next what others have, and what grows a little what is there', () => {
    const { device, live } = fakeDevice();
    const pool = new BufferPool(device);
    const first = pool.take([1000, 64, 5000]);
    const second = pool.take([5100, 900]);
    expect(second.buffers).toEqual([first.buffers[2], first.buffers[0]]);
    expect(live.size).toBe(3);
    first.release();
    expect(live.size).toBe(2);
  });

  test('refuses what no buffer holds', () => {
    const { device, live } = fakeDevice();
    const pool = new BufferPool(device);
    expect(() => pool.take([5, LIMIT + 1])).toThrow(expect.objectContaining({ code: 'memory' }));
    expect(live.size).toBe(0);
  });
});
