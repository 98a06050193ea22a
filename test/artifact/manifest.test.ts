import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { WINDOW_BYTES, windowBytes, type Manifest } from '../../src/program/manifest.ts';
import { PROGRAM_VERSION, type Program } from '../../src/program/program.ts';
import { sampleProgram } from '../runtime/sample.ts';
import { sampleArtifact, sampleParts, textOf } from './support.ts';

async function manifestOf(changes: Parameters<typeof sampleArtifact>[0] = {}): Promise<Manifest> {
  return JSON.parse(textOf(await sampleArtifact(changes), 'manifest.json')) as Manifest;
}

test('the manifest says what the artifact is', async () => {
  const { files: _, ...manifest } = await manifestOf();
  // Two tensors of 300 000 elements are alive at once; the limit and the weights take 64 bytes each.
  const bytes = 2 * 1_200_000 + 64 + 64;
  expect(manifest).toEqual({
    version: PROGRAM_VERSION,
    name: 'Sample',
    compiler: 'heddle 0.0.0',
    sources: { 'sample.model': '00' },
    inputs: [
      { name: 'x', dtype: 'f32', shape: ['batch', 3] },
      { name: 'limit', dtype: 'f32', shape: [] },
    ],
    outputs: [
      { name: 'scaled', dtype: 'f32', shape: ['batch', 3] },
      { name: 'large', dtype: 'bool', shape: ['batch', 3] },
    ],
    dims: [{ name: 'batch', max: 100_000 }],
    parameters: { tensors: 1, elements: 3 },
    example: { batch: 100_000 },
    multiplyAdds: { expression: '3*batch', example: 300_000 },
    peakMemory: {
      wasm: { expression: '24*batch + 16', example: bytes },
      js: { expression: '24*batch + 16', example: bytes },
    },
  });
});

test('it holds size and SHA-256 of every file but the loader, which holds its own', async () => {
  const files = await sampleArtifact();
  const manifest = JSON.parse(textOf(files, 'manifest.json')) as Manifest;
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const others = files.filter(({ name }) => name !== 'index.js' && name !== 'manifest.json');
  const facts = others.map(({ name, bytes }) => {
    // The weights are shorter than a window.
    const windows = name === 'weights.safetensors' && { windows: { bytes: WINDOW_BYTES, sha256: [digest(bytes)] } };
    return [name, { bytes: bytes.length, sha256: digest(bytes), ...windows }];
  });
  expect(manifest.files).toEqual(Object.fromEntries(facts));
  const own = files.find(({ name }) => name === 'manifest.json')!.bytes;
  expect(textOf(files, 'index.js')).toContain(`digest: '${digest(own)}'`);
});

test('large weights have larger windows rather than more', () => {
  for (const bytes of [0, 1, 2 ** 21, 2 ** 27, 2 ** 27 + 1, 3e9]) {
    const size = windowBytes(bytes);
    expect(bytes / size).toBeLessThanOrEqual(64);
    expect(size === WINDOW_BYTES || bytes / size > 32).toBe(true);
  }
});

test('examples are of dimensions that the program takes, or left out', async () => {
  const dims = [{ name: 'batch' }];
  const condition = (size: number): { size: ['+', string, number]; message: string } => ({
    size: ['+', 'batch', -size],
    message: '',
  });
  const withConditions = (conditions: ReturnType<typeof condition>[]): Program => {
    const [js, wasm] = [sampleProgram.targets.js!, sampleProgram.targets.wasm!].map((target) => ({
      ...target,
      routines: [{ ...target.routines[0]!, conditions }],
    }));
    return { ...sampleProgram, dims, targets: { wasm: wasm!, js: js! } };
  };
  const plain = await manifestOf({ program: { ...sampleProgram, dims } });
  expect(plain.example).toEqual({ batch: 1 });
  const five = await manifestOf({ program: withConditions([condition(5)]) });
  expect(five).toMatchObject({ example: { batch: 8 }, multiplyAdds: { expression: '3*batch', example: 24 } });
  const many = await manifestOf({ program: withConditions([condition(5000)]) });
  expect(many.example).toBeUndefined();
  expect(many.multiplyAdds).toEqual({ expression: '3*batch' });
  const facts = { ...(await sampleParts()).facts, multiplyAdds: undefined };
  expect(await manifestOf({ facts })).not.toHaveProperty('multiplyAdds');
});
