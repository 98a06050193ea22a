/** The weights that a training begins with: those that are given, and drawn ones for the rest. */
import { storedType } from '../../program/convert.ts';
import type { WeightSpec } from '../../program/program.ts';
import { elementCount } from '../../program/safetensors.ts';
import type { Distribution } from '../../program/training.ts';
import type { WeightPiece, WeightStream } from '../weight-stream.ts';
import { drawInitial } from './initial.ts';

/** What begins this way is a state of the optimizer. */
export const OPTIMIZER = 'optimizer.';

/**
 * The given weights, without states of an optimizer: a training begins with its own. Then those that are not given and
 * can be drawn.
 */
export function withInitial(given: WeightStream, weights: readonly WeightSpec[], seed: number): WeightStream {
  const taken = new Map([...given.tensors].filter(([name]) => !name.startsWith(OPTIMIZER)));
  const drawn = weights.flatMap((weight) =>
    weight.initial && !weight.frozen && !taken.has(weight.name) ? [{ weight, distribution: weight.initial }] : [],
  );
  const types = drawn.map(({ weight: { name, dtype, shape } }) => [name, { dtype: storedType(dtype), shape }] as const);
  return {
    tensors: new Map([...taken, ...types]),
    async *pieces() {
      for await (const piece of given.pieces()) if (taken.has(piece.name)) yield piece;
      for (const { weight, distribution } of drawn) yield* drawnPieces(weight, distribution, seed);
    },
  };
}

/** Elements of a piece: few enough that a page stays alive meanwhile. */
const PIECE_ELEMENTS = 2 ** 16;

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

function* drawnPieces(
  { name, dtype, shape }: WeightSpec,
  distribution: Distribution,
  seed: number,
): Generator<WeightPiece> {
  const length = elementCount(shape);
  for (let at = 0; at === 0 || at < length; at += PIECE_ELEMENTS) {
    const values = new ARRAYS[dtype](Math.min(PIECE_ELEMENTS, length - at));
    drawInitial(distribution, seed, name, at, values);
    yield { name, dtype: storedType(dtype), at, bytes: new Uint8Array(values.buffer) };
  }
}
