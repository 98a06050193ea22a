/**
 * Finds elements that one invocation of a workgroup writes while another one touches them, with no barrier between the
 * two: what either sees would depend on the device. It must not know how kernels are run.
 */

/** Who touched an element since the last barrier; undefined for nobody, -1 for several invocations. */
interface Cell {
  writer: number | undefined;
  reader: number | undefined;
  value: number;
}

const SEVERAL = -1;

export class Races {
  readonly #cells = new Map<string, Map<number, Cell>>();

  /** A barrier, or the start of the next workgroup. */
  clear(): void {
    this.#cells.clear();
  }

  /** Whether what `invocation` reads is its own or older than the last barrier. */
  read(buffer: string, index: number, invocation: number): boolean {
    const cell = this.#cell(buffer, index);
    cell.reader = cell.reader === undefined || cell.reader === invocation ? invocation : SEVERAL;
    return cell.writer === undefined || cell.writer === invocation;
  }

  /** Whether nobody else reads the element, nor writes anything else to it. */
  write(buffer: string, index: number, invocation: number, value: number): boolean {
    const cell = this.#cell(buffer, index);
    const isFirst = cell.writer === undefined || cell.writer === invocation;
    const isSafe = cell.reader === undefined || cell.reader === invocation;
    const isSame = isFirst || Object.is(cell.value, value);
    cell.writer = isFirst ? invocation : SEVERAL;
    cell.value = value;
    return isSafe && isSame;
  }

  #cell(buffer: string, index: number): Cell {
    const cells = this.#cells.get(buffer) ?? new Map<number, Cell>();
    this.#cells.set(buffer, cells);
    const cell = cells.get(index) ?? { writer: undefined, reader: undefined, value: 0 };
    cells.set(index, cell);
    return cell;
  }
}
