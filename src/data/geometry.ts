/** Cutting, turning and resampling of pictures, on f32 values in the order [channel, row, column]. */

export interface Picture {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

export type PictureShape = readonly [channels: number, height: number, width: number];

/** A black picture. */
export function picture([channels, height, width]: PictureShape): Picture {
  return { channels, height, width, values: new Float32Array(channels * height * width) };
}

/** A part of a picture, in whole pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The middle of `from`; where the margins cannot be equal, the one below or to the right is wider. */
export function centreCrop(from: Picture, to: Picture): void {
  copyFrom(from, Math.floor((from.height - to.height) / 2), Math.floor((from.width - to.width) / 2), to);
}

/** The part of `from` that begins at a row and a column, which may be outside, where everything is 0. */
export function copyFrom(from: Picture, top: number, left: number, to: Picture): void {
  for (let channel = 0; channel < to.channels; channel++) {
    for (let y = 0; y < to.height; y++) {
      const [row, out] = [y + top, (channel * to.height + y) * to.width];
      const start = (channel * from.height + row) * from.width;
      for (let x = 0; x < to.width; x++) {
        const column = x + left;
        const isInside = row >= 0 && row < from.height && column >= 0 && column < from.width;
        to.values[out + x] = isInside ? from.values[start + column]! : 0;
      }
    }
  }
}

/**
 * The part of `from` in the box, brought to the size of `to` by bilinear interpolation between the centres of pixels,
 * without smoothing where it shrinks. Nothing outside of the box is read.
 */
export function resample(from: Picture, box: Box, to: Picture): void {
  const [rowStep, columnStep] = [box.height / to.height, box.width / to.width];
  for (let y = 0; y < to.height; y++) {
    const row = between((y + 0.5) * rowStep - 0.5, box.height);
    for (let x = 0; x < to.width; x++) {
      const column = between((x + 0.5) * columnStep - 0.5, box.width);
      const [y0, x0] = [Math.floor(row), Math.floor(column)];
      const [dy, dx] = [row - y0, column - x0];
      const down = y0 + 1 < box.height ? from.width : 0;
      const right = x0 + 1 < box.width ? 1 : 0;
      for (let channel = 0; channel < to.channels; channel++) {
        const at = (channel * from.height + box.top + y0) * from.width + box.left + x0;
        const [a, b] = [from.values[at]!, from.values[at + right]!];
        const [c, d] = [from.values[at + down]!, from.values[at + down + right]!];
        const value = (1 - dy) * ((1 - dx) * a + dx * b) + dy * ((1 - dx) * c + dx * d);
        to.values[(channel * to.height + y) * to.width + x] = value;
      }
    }
  }
}

function between(position: number, size: number): number {
  return Math.min(Math.max(position, 0), size - 1);
}

/** Left becomes right, in place. */
export function mirror({ width, values }: Picture): void {
  for (let at = 0; at < values.length; at += width) values.subarray(at, at + width).reverse();
}

/**
 * `from` turned about its centre, anticlockwise as it is looked at, by bilinear interpolation; what lies outside is 0.
 * Both pictures have one size.
 */
export function rotate(from: Picture, degrees: number, to: Picture): void {
  const { channels, height, width } = from;
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [dx, dy] = [x - middleX, y - middleY];
      // Rows count downwards, so this is where the point came from.
      const column = cos * dx - sin * dy + middleX;
      const row = sin * dx + cos * dy + middleY;
      for (let channel = 0; channel < channels; channel++)
        to.values[(channel * height + y) * width + x] = sample(from, channel, row, column);
    }
  }
}

function sample(from: Picture, channel: number, row: number, column: number): number {
  const [y0, x0] = [Math.floor(row), Math.floor(column)];
  const [dy, dx] = [row - y0, column - x0];
  return (
    (1 - dy) * ((1 - dx) * pixel(from, channel, y0, x0) + dx * pixel(from, channel, y0, x0 + 1)) +
    dy * ((1 - dx) * pixel(from, channel, y0 + 1, x0) + dx * pixel(from, channel, y0 + 1, x0 + 1))
  );
}

function pixel({ height, width, values }: Picture, channel: number, y: number, x: number): number {
  const isInside = y >= 0 && y < height && x >= 0 && x < width;
  return isInside ? values[(channel * height + y) * width + x]! : 0;
}
