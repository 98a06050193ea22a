/**
 * Weights that are stored as bytes: a tensor `x` of I8 from -127 to 127 and, next to it, `x.absmax` of F32, the greatest
 * magnitude of each channel. Its shape is that of `x` with ones for the axes along which a channel lies. An element stands
 * for q · absmax / 127, so that the greatest of a channel is exact, and what is made bytes again gives the same ones.
 */

/** The tensor that a tensor of bytes needs; no parameter has such a name, since a tensor has no members. */
export function absmaxName(name: string): string {
  return `${name}.absmax`;
}

/** The byte that stands for the greatest magnitude. */
export const MOST = 127;

/** Consecutive elements of a tensor that are next to each other on its last axis and in `absmax`. */
interface Run {
  readonly start: number;
  readonly end: number;
  /** Where the magnitude of the first one is, and by how much its place moves from one element to the next. */
  readonly channel: number;
  readonly step: 0 | 1;
}

/** Elements `start` … `end - 1` of a tensor as runs. Both shapes have one rank; sizes of `channels` are 1 or the tensor's. */
export function* runsOf(
  shape: readonly number[],
  channels: readonly number[],
  start: number,
  end: number,
): Generator<Run> {
  const width = shape.at(-1) ?? 1;
  const step = (channels.at(-1) ?? 1) === 1 ? 0 : 1;
  for (let at = start; at < end;) {
    const row = Math.floor(at / width);
    const within = at - row * width;
    const next = Math.min(end, at + width - within);
    yield { start: at, end: next, channel: firstChannel(row, shape, channels) + step * within, step };
    at = next;
  }
}

/** The place in `channels` of the first element of a row. */
function firstChannel(row: number, shape: readonly number[], channels: readonly number[]): number {
  let [rest, place, stride] = [row, 0, channels.at(-1) ?? 1];
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    const at = rest % shape[axis]!;
    rest = (rest - at) / shape[axis]!;
    if (channels[axis] !== 1) place += at * stride;
    stride *= channels[axis]!;
  }
  return place;
}

/** Whether a tensor of `shape` may have channels of such a shape. */
export function areChannelsOf(channels: readonly number[], shape: readonly number[]): boolean {
  return channels.length === shape.length && channels.every((size, axis) => size === 1 || size === shape[axis]);
}
