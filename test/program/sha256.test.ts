import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownSha256, sha256 } from '../../src/program/sha256.ts';

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

describe.each([
  ['our own', async (bytes: Uint8Array<ArrayBuffer>) => ownSha256(bytes)],
  ["the platform's", sha256],
])('%s SHA-256', (_, digest) => {
  test.each([
    // FIPS 180-4, examples of NIST.
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ])('of %j is as published', async (text, wanted) => {
    expect(await digest(encode(text))).toBe(wanted);
  });

  test('agrees with another implementation on any bytes, also on a part of a buffer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(5), async (given, from) => {
        const bytes = new Uint8Array(given).subarray(from);
        expect(await digest(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
      }),
    );
  });
});

test('our own is used where the platform has none', async () => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, 'crypto', { value: { subtle: undefined }, configurable: true });
  try {
    expect(await sha256(encode('abc'))).toBe(ownSha256(encode('abc')));
  } finally {
    Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true });
  }
});
