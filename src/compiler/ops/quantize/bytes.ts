/** What evaluations of quantised ops share: the range of a byte, and bytes as words. */

/** The greatest magnitude of a byte: seven bits, which one operand of a dot product may have on all machines. */
export const MOST = 127;

/** What is not above this has no exact factor to 0 … 127 in f32, and counts as nothing. */
export const SMALLEST = 2 ** -100;

/** Writes the words of a row of integers from `first` on: byte j of word w of W words is element j · W + w, or 0. */
export function packRow(row: ArrayLike<number>, words: Float64Array, first: number): void {
  const count = Math.ceil(row.length / 4);
  for (let word = 0; word < count; word++) {
    const byte = (at: number): number => ((row[at * count + word] ?? 0) & 255) << (8 * at);
    words[first + word] = byte(0) | byte(1) | byte(2) | byte(3);
  }
}

/** The bytes of a word as signed numbers, lowest first. */
export function bytesOf(word: number): readonly number[] {
  return [24, 16, 8, 0].map((shift) => (word << shift) >> 24);
}
