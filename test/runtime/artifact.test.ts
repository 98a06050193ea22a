import { expect, test } from 'vitest';
import { loadArtifact, type LoadOptions } from '../../src/runtime/artifact.ts';
import { HeddleError } from '../../src/runtime/errors.ts';

test.each<[what: string, options: unknown]>([
  ['null', null],
  ['a string', 'wasm'],
  ['a number', 4],
  ['a function', () => {}],
  ['a list', []],
])('options that are %s are refused with a code', async (what, options) => {
  const nowhere = new URL('file:///nowhere');
  const files = { manifest: nowhere, digest: '', program: nowhere };
  const error: unknown = await loadArtifact(files, options as LoadOptions).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeddleError);
  expect(error).toMatchObject({ code: 'option', message: `load takes its options as an object, not ${what}` });
});

test('an option of an unknown name is refused with the names there are', async () => {
  const nowhere = new URL('file:///nowhere');
  const loading = loadArtifact({ manifest: nowhere, digest: '', program: nowhere }, { thread: 2 } as LoadOptions);
  await expect(loading).rejects.toMatchObject({
    code: 'option',
    message: expect.stringMatching(/^load has no option thread; it has target, device, .*, simd, tile, threads, /),
  });
});
