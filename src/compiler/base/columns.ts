/** One line of source as a terminal shows it, and where each of its characters stands. */

export interface DisplayLine {
  /** One string a column cell or wider character; joined, the text to print. */
  readonly cells: readonly string[];
  /** For each UTF-16 offset in the line, and for its end, the display column. */
  readonly columnAt: readonly number[];
  readonly width: number;
}

const tabWidth = 4;

/** Tabs become spaces and invisible characters a sign, so that nothing in a source can disturb the terminal. */
export function displayLine(text: string): DisplayLine {
  const cells: string[] = [];
  const columnAt: number[] = [];
  let column = 0;
  for (const character of text) {
    for (let i = 0; i < character.length; i++) columnAt.push(column);
    const shown = character === '\t' ? ' '.repeat(tabWidth - (column % tabWidth)) : visible(character);
    const width = character === '\t' ? shown.length : widthOf(character);
    cells.push(shown);
    column += width;
  }
  columnAt.push(column);
  return { cells, columnAt, width: column };
}

/** The text between two display columns, as near as wide characters allow. */
export function sliceColumns(line: DisplayLine, from: number, to: number): string {
  let column = 0;
  let result = '';
  for (const cell of line.cells) {
    const width = cell.startsWith(' ') ? cell.length : widthOf(cell);
    if (column >= from && column + width <= to) result += cell;
    column += width;
  }
  return result;
}

/** Control characters and lone surrogates, which must not reach a terminal. */
const invisible = /[\p{Cc}\p{Cs}\u{200B}-\u{200F}\u{2028}-\u{202E}\u{2066}-\u{2069}\u{FEFF}]/u;

function visible(character: string): string {
  return invisible.test(character) ? '\uFFFD' : character;
}

/** Text for a message: line breaks stay, anything else that could disturb the terminal becomes a sign. */
export function printable(text: string): string {
  return Array.from(text, (character) => (character === '\n' ? character : visible(character))).join('');
}

const zeroWidth = /^\p{M}$/u;
const wide =
  /^[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97F}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]$/u;

function widthOf(character: string): number {
  if (character < '\u0300') return 1;
  return zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
}
