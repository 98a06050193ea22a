/** IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist): images in one file, labels in another. */
import { DataError, type DataFiles, filesIn, malformed } from '../files.ts';
import type { Pictures } from '../pictures.ts';
import type { Part } from './part.ts';

interface IdxArray {
  readonly path: string;
  readonly shape: readonly number[];
  readonly elements: Uint8Array;
}

/** The type of unsigned bytes, the third byte of a file. */
const UNSIGNED_BYTES = 0x08;

/** Throws DataError. */
function parseIdx(path: string, bytes: Uint8Array): IdxArray {
  if (bytes.length < 4) throw malformed(path, 0, 'an IDX header of 4 bytes or more', `${bytes.length} bytes`);
  if (bytes[0] !== 0 || bytes[1] !== 0)
    throw malformed(path, 0, 'the two zeros that begin an IDX file', hex(bytes.subarray(0, 2)));
  if (bytes[2] !== UNSIGNED_BYTES) throw malformed(path, 2, 'the type 08, unsigned bytes', hex(bytes.subarray(2, 3)));
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw malformed(path, 4, `${rank} sizes of 4 bytes`, `a file that ends at byte ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - start !== count)
    throw malformed(path, start, `${count} bytes for ${shape.join('×')} elements`, `${bytes.length - start}`);
  return { path, shape, elements: bytes.subarray(start) };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const PREFIXES: Readonly<Record<Part, string>> = { train: 'train', evaluation: '(?:t10k|test)' };

/**
 * Images and labels from a folder with files named as those of MNIST (`train-images-idx3-ubyte`, `t10k-…`; `.gz` or
 * not), or from the two files in either order. Rejects with DataError.
 */
export async function readIdx(paths: readonly string[], part: Part, files: DataFiles): Promise<Pictures> {
  const [only] = paths;
  const chosen = paths.length === 1 && files.isFolder(only!) ? inFolder(only!, part, files) : paths;
  if (chosen.length !== 2)
    throw new DataError(
      `IDX data are a file of images and one of labels, not ${chosen.length === 1 ? chosen[0] : `${chosen.length} files`}`,
    );
  const arrays = await Promise.all(chosen.map(async (path) => parseIdx(path, await files.unpacked(path))));
  const labels = arrays.find(({ shape }) => shape.length === 1);
  const images = arrays.find(({ shape }) => shape.length === 3 || shape.length === 4);
  if (!labels || !images)
    throw new DataError(
      `expected images [count, height, width] and labels [count], found ${arrays.map(describe).join(' and ')}`,
    );
  if (labels.shape[0] !== images.shape[0])
    throw new DataError(
      `${images.path} has ${images.shape[0]} images, but ${labels.path} has ${labels.shape[0]} labels`,
    );
  const [count, ...rest] = images.shape as [number, ...number[]];
  const [height, width] = rest.slice(-2) as [number, number];
  const largest = labels.elements.reduce((a, b) => Math.max(a, b), 0);
  return {
    title: only === images.path ? images.path : (only ?? images.path),
    count,
    shape: [rest.length === 3 ? rest[0]! : 1, height, width],
    pixels: images.elements,
    labels: Int32Array.from(labels.elements),
    classes: Array.from({ length: largest + 1 }, (_, label) => String(label)),
  };
}

function describe({ path, shape }: IdxArray): string {
  return `${path} [${shape.join(', ')}]`;
}

function inFolder(folder: string, part: Part, files: DataFiles): readonly string[] {
  return ['images', 'labels'].map((what) => {
    const found = filesIn(files, folder, new RegExp(`^${PREFIXES[part]}.*${what}.*idx\\d.*?(?:\\.gz)?$`));
    // The same file with and without .gz is one.
    const [first, ...others] = found.filter(
      (path) => !found.includes(path.replace(/\.gz$/, '')) || !path.endsWith('.gz'),
    );
    if (first !== undefined && others.length === 0) return first;
    const wanted = `${part === 'train' ? 'train' : 't10k'}-${what}-idx${what === 'images' ? 3 : 1}-ubyte`;
    throw new DataError(
      first === undefined
        ? `${folder} has no file ${wanted}`
        : `${folder} has several files for ${wanted}: ${found.join(', ')}`,
      'name the file of images and that of labels',
    );
  });
}
