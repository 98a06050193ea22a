/**
 * How wide a text is at most in the fonts that a drawing may meet: which one it is, only the viewer knows. Widths are
 * those of Helvetica's characters with an allowance for wider faces.
 */

/** Characters by width, in thousandths of the font size. */
const WIDTHS: readonly (readonly [string, number])[] = [
  ["ijl|'", 285],
  ['ftrI.,:;!()[]{}/\\ ·`-', 375],
  ['Jcksvxyz"*', 510],
  ['abdeghnopqu0123456789_#$?L', 580],
  ['FTZEABKPSVXY=+<>~^÷−→', 690],
  ['CDHNRUwG&OQ×', 785],
  ['mMW%@…', 980],
];

const widthOf: ReadonlyMap<string, number> = new Map(
  WIDTHS.flatMap(([characters, width]) => [...characters].map((character) => [character, width] as const)),
);

const ALLOWANCE = 1.1;
const BOLD = 1.1;
/** Every character of a monospaced face. */
const MONOSPACED = 0.625;

export interface Font {
  /** Pixels. */
  readonly size: number;
  readonly bold?: boolean;
  readonly mono?: boolean;
}

/** Pixels. */
export function textWidth(text: string, { size, bold, mono }: Font): number {
  const characters = [...text];
  if (mono) return characters.length * size * MONOSPACED;
  const units = characters.reduce((sum, character) => sum + (widthOf.get(character) ?? 1000), 0);
  return (units / 1000) * size * ALLOWANCE * (bold ? BOLD : 1);
}
