import { expect, test } from 'vitest';
import { threefry, type Words } from '../../src/program/threefry.ts';

// Known answers that the authors publish with Random123: kat_vectors, threefry2x32 with 20 rounds.
const ONES = 0xffffffff;
test.each<[key: Words, counter: Words, answer: Words]>([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [ONES, ONES],
    [ONES, ONES],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344],
    [0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
])('key %j and counter %j give the published words', (key, counter, answer) => {
  expect(threefry(key, counter)).toEqual(answer);
});
