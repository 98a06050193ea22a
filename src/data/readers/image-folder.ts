/** A folder with a folder of pictures for each class. All are decoded at once, to one size. */
import { join } from 'node:path';
import { DataError, type DataFiles } from '../files.ts';
import type { Pictures } from '../pictures.ts';

const PICTURE = /\.(?:png|jpe?g|webp|gif|tiff?|avif)$/i;

export interface FolderOptions {
  /** Height and width to which pictures are scaled and, around their centre, cut. */
  readonly size: readonly [height: number, width: number];
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
  /** The classes that labels shall count; otherwise the names of the folders, sorted. */
  readonly classes?: readonly string[] | undefined;
}

/** Rejects with DataError. */
export async function readImageFolder(folder: string, options: FolderOptions, files: DataFiles): Promise<Pictures> {
  const names = files.names(folder).filter((name) => files.isFolder(join(folder, name)));
  const classes = options.classes ?? names;
  const foreign = names.find((name) => !classes.includes(name));
  if (foreign !== undefined)
    throw new DataError(
      `${folder} has the class ${foreign}, which the training data do not have: ${classes.join(', ')}`,
    );
  const found = names.flatMap((name) =>
    files
      .names(join(folder, name))
      .filter((file) => PICTURE.test(file))
      .map((file) => ({ path: join(folder, name, file), label: classes.indexOf(name) })),
  );
  if (found.length === 0)
    throw new DataError(`${folder} has no pictures in folders of its own`, 'each class is a folder: data/cat/1.png');
  const { size, channels } = options;
  const elements = channels * size[0] * size[1];
  const pixels = new Uint8Array(found.length * elements);
  for (const [at, { path }] of found.entries()) {
    const out = pixels.subarray(at * elements, (at + 1) * elements);
    planes(await decode(path, await files.bytes(path), options), channels, out);
    files.forget();
  }
  return {
    title: folder,
    count: found.length,
    shape: [channels, ...size],
    pixels,
    labels: Int32Array.from(found, ({ label }) => label),
    classes,
  };
}

/** Bytes in the order [row, column, channel], on black where the picture is transparent. */
async function decode(path: string, bytes: Uint8Array, { size, channels }: FolderOptions): Promise<Uint8Array> {
  // Loaded on demand: it is a native library, which other data can do without.
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(bytes)
      .autoOrient()
      .flatten({ background: '#000' })
      .resize(size[1], size[0], { fit: 'cover', position: 'centre' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`it decodes to ${info.channels} channels instead of ${channels}`);
    return data;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new DataError(`${path} is no picture that can be read: ${reason}`);
  }
}

function planes(pixels: Uint8Array, channels: number, out: Uint8Array): void {
  const plane = out.length / channels;
  for (let channel = 0; channel < channels; channel++)
    for (let at = 0; at < plane; at++) out[channel * plane + at] = pixels[at * channels + channel]!;
}
