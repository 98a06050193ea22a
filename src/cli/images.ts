/** Pictures as the input of a model: decoded, cropped to its size, scaled and normalised. */
import { Failure } from './errors.ts';
import { readBytes } from './files.ts';
import type { Io } from './io.ts';

export interface ImageFormat {
  /** 1 is grayscale, 3 is RGB. */
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** Of each channel, on the scale 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Values of all pictures in the order [picture, channel, row, column]. Throws Failure with every unusable file. */
export async function readImages(files: readonly string[], format: ImageFormat, io: Io): Promise<Float32Array> {
  const size = format.channels * format.height * format.width;
  const values = new Float32Array(files.length * size);
  const failures: Failure[] = [];
  for (const [at, file] of files.entries()) {
    try {
      const pixels = await decode(file, await readBytes(file, io), format);
      normalize(pixels, format, values.subarray(at * size, (at + 1) * size));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (first) throw new Failure(first.message, { notes: others.map(({ message }) => message) });
  return values;
}

/** Bytes in the order [row, column, channel], on black where the picture is transparent. */
async function decode(file: string, bytes: Uint8Array, format: ImageFormat): Promise<Uint8Array> {
  // Loaded on demand: it is a native library, which the other commands can do without.
  const { default: sharp } = await import('sharp');
  const { channels, height, width } = format;
  try {
    const { autoOrient } = await sharp(bytes).metadata();
    let image = sharp(bytes).autoOrient().flatten({ background: '#000' });
    if (autoOrient.width !== width || autoOrient.height !== height)
      image = image.resize(width, height, { fit: 'cover', position: 'centre' });
    const converted = image.toColourspace(channels === 1 ? 'b-w' : 'srgb');
    const { data, info } = await converted.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== channels || data.length !== channels * height * width)
      throw new Error(`it decodes to ${info.width}×${info.height} with ${info.channels} channels`);
    return data;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Failure(`${file} is no picture that can be read: ${reason}`);
  }
}

function normalize(pixels: Uint8Array, { channels, mean, std }: ImageFormat, to: Float32Array): void {
  const plane = to.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    for (let at = 0; at < plane; at++) {
      to[channel * plane + at] = (pixels[at * channels + channel]! / 255 - mean[channel]!) / std[channel]!;
    }
  }
}
