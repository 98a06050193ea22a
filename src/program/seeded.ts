/** Tame numbers that a name decides, the same in every engine: for tests of what was compiled. */
import type { ElementType } from './program.ts';

/** Numbers from 0 to 1 that `name` decides: the linear congruential generator of Numerical Recipes (Press et al.). */
export function uniform(name: string): () => number {
  let state = 0;
  for (const character of name) state = (Math.imul(state, 31) + character.codePointAt(0)!) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * A draw for the elements of an input: f32 from -1 to 1, integers from 0 up to but not including `limit`, and bool that is
 * mostly true, since masks that keep nothing make no sense.
 */
export function seededElement(name: string, dtype: ElementType, limit: number): () => number {
  const next = uniform(name);
  switch (dtype) {
    case 'f32':
      return () => 2 * next() - 1;
    case 'i32':
    case 'u32':
      return () => Math.floor(limit * next());
    case 'bool':
      return () => (next() < 0.9 ? 1 : 0);
  }
}
