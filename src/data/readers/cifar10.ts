/** CIFAR-10 in its binary form (https://www.cs.toronto.edu/~kriz/cifar.html): a label byte and 3×32×32 bytes a record. */
import { DataError, type DataFiles, filesIn, malformed } from '../files.ts';
import type { Pictures } from '../pictures.ts';
import type { Part } from './part.ts';

const PIXELS = 3 * 32 * 32;
export const CIFAR10_RECORD = 1 + PIXELS;

const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'] as const;
const NAMES: Readonly<Record<Part, RegExp>> = { train: /^data_batch.*\.bin$/, evaluation: /^test_batch.*\.bin$/ };

/** From a folder with `data_batch_*.bin` and `test_batch.bin`, or from files one after the other. Rejects with DataError. */
export async function readCifar10(paths: readonly string[], part: Part, files: DataFiles): Promise<Pictures> {
  const chosen = paths.flatMap((path) => (files.isFolder(path) ? inFolder(path, part, files) : [path]));
  const all = await Promise.all(chosen.map((path) => files.unpacked(path)));
  const counts = all.map((bytes, at) => recordsOf(chosen[at]!, bytes));
  const count = counts.reduce((sum, own) => sum + own, 0);
  const [pixels, labels] = [new Uint8Array(count * PIXELS), new Int32Array(count)];
  let index = 0;
  for (const [at, bytes] of all.entries()) {
    for (let record = 0; record < counts[at]!; record++, index++) {
      const start = record * CIFAR10_RECORD;
      if (bytes[start]! >= CLASSES.length)
        throw malformed(chosen[at]!, start, 'a label from 0 to 9', String(bytes[start]));
      labels[index] = bytes[start]!;
      pixels.set(bytes.subarray(start + 1, start + CIFAR10_RECORD), index * PIXELS);
    }
  }
  return { title: paths.join(', '), count, shape: [3, 32, 32], pixels, labels, classes: CLASSES };
}

function recordsOf(path: string, bytes: Uint8Array): number {
  const rest = bytes.length % CIFAR10_RECORD;
  if (bytes.length > 0 && rest === 0) return bytes.length / CIFAR10_RECORD;
  throw malformed(
    path,
    bytes.length - rest,
    `whole records of ${CIFAR10_RECORD} bytes`,
    `${rest} bytes before the end`,
  );
}

function inFolder(folder: string, part: Part, files: DataFiles): readonly string[] {
  const found = filesIn(files, folder, NAMES[part]);
  if (found.length > 0) return found;
  throw new DataError(`${folder} has no file ${part === 'train' ? 'data_batch_*.bin' : 'test_batch.bin'}`);
}
