/** Threefry-2x32 with 20 rounds as additions, rotations and exclusive ors of u32, which wrap around on every target. */
import { PARITY, ROTATIONS, ROUNDS } from '../../../program/threefry.ts';
import { binary, literal } from '../build.ts';
import type { Expr } from '../ir.ts';
import type { Bind } from './expansion.ts';

/** Both words that the operands, key and counter, give; all of them are cheap to repeat. */
export function expandThreefry(
  [key0, key1, counter0, counter1]: readonly [Expr, Expr, Expr, Expr],
  bind: Bind,
): readonly [Expr, Expr] {
  const parity = binary('xor', binary('xor', key0, key1), word(PARITY));
  const key = [key0, key1, bind(parity, 'parity')] as const;
  let x = bind(binary('add', counter0, key0), 'x');
  let y = bind(binary('add', counter1, key1), 'y');
  for (let round = 0; round < ROUNDS; round += 4) {
    for (const turn of ROTATIONS.slice(round & 4, (round & 4) + 4)) {
      x = bind(binary('add', x, y), 'x');
      const turned = binary('or', binary('shl', y, word(turn)), binary('shr', y, word(32 - turn)));
      y = bind(binary('xor', turned, x), 'y');
    }
    const number = round / 4 + 1;
    x = bind(binary('add', x, key[number % 3]!), 'x');
    const injected = binary('add', key[(number + 1) % 3]!, word(number));
    y = bind(binary('add', y, injected), 'y');
  }
  return [x, y];
}

function word(value: number): Expr {
  return literal(value, 'u32');
}
