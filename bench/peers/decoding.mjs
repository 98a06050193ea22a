/** What the peers that decode have in common: how long, and the angles of rotary positions. */

/** The name under which the tokens are compared. */
export const TOKENS = 'tokens';

/** The token that a story begins with. */
export const BEGIN = 1;

/** Cosines and sines by position, [positions, size / 2] (Su et al. 2021), of pairs (2i, 2i + 1) of a head. */
export function rotaryTables(positions, size, theta) {
  const half = size / 2;
  const angle = (at) => Math.floor(at / half) * theta ** ((-2 * (at % half)) / size);
  const table = (of) => Float32Array.from({ length: positions * half }, (_, at) => of(angle(at)));
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
