/** Pictures from IDX, CIFAR-10 and folders: what an example is, and what is said of files that are not right. */
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DataFiles } from '../../src/data/files.ts';
import { openData } from '../../src/data/open.ts';
import { describeReference, referenceRoot } from '../support/reference.ts';
import { dataFolder, example, idx } from './support.ts';

const folder = dataFolder();
folder.write('mnist/train-images-idx3-ubyte', idx([3, 2, 2], [0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8]));
folder.write('mnist/train-labels-idx1-ubyte.gz', gzipSync(Uint8Array.from(idx([3], [2, 0, 1]))));
folder.write('mnist/t10k-part-images-idx3-ubyte', idx([1, 2, 2], [255, 0, 0, 255]));
folder.write('mnist/t10k-part-labels-idx1-ubyte', idx([1], [1]));

describe('IDX', () => {
  it('finds the training and test parts of a folder, packed or not', async () => {
    const { train, evaluation } = await folder.examples({ paths: ['mnist'], evaluation: ['mnist'] });
    expect([train.size, evaluation!.size]).toEqual([3, 1]);
    expect(train.fields.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['image', 'f32', [1, 2, 2]],
      ['label', 'i32', []],
    ]);
    expect(train.classes).toEqual(['0', '1', '2']);
    const [image, label] = example(train, 0);
    expect(image).toEqual([0, 0.2, 0.4, 1].map(Math.fround));
    expect(label).toEqual([2]);
    expect(example(evaluation!, 0)).toEqual([[1, 0, 0, 1], [1]]);
  });

  it('normalises pixels and cuts out the middle', async () => {
    folder.write('img', idx([1, 3, 4], [0, 0, 0, 0, 0, 51, 102, 0, 0, 0, 0, 0]));
    folder.write('lab', idx([1], [0]));
    const { train } = await folder.examples({
      paths: ['lab', 'img'],
      format: 'idx',
      size: [1, 2],
      mean: [0.2],
      std: [0.5],
    });
    expect(example(train, 0)[0]).toEqual([0, 0.4].map((value) => expect.closeTo(value, 6)));
  });

  const wrong: [what: string, images: readonly number[], message: string][] = [
    ['a header that ends', [0, 0], 'images, byte 0: expected an IDX header of 4 bytes or more, found 2 bytes'],
    ['another beginning', [9, 0, 8, 3], 'images, byte 0: expected the two zeros that begin an IDX file, found 09 00'],
    ['another type', [0, 0, 13, 3], 'images, byte 2: expected the type 08, unsigned bytes, found 0d'],
    [
      'sizes that end',
      [0, 0, 8, 3, 0],
      'images, byte 4: expected 3 sizes of 4 bytes, found a file that ends at byte 5',
    ],
    ['missing pixels', idx([1, 2, 2], [1, 2, 3]), 'images, byte 16: expected 4 bytes for 1×2×2 elements, found 3'],
    [
      'no images',
      idx([4], [1, 2, 3, 4]),
      'expected images [count, height, width] and labels [count], found images [4] and labels [3]',
    ],
    ['another number', idx([1, 2, 2], [1, 2, 3, 4]), 'images has 1 images, but labels has 3 labels'],
  ];
  it.each(wrong)('says where and what is wrong: %s', async (_, images, message) => {
    folder.write('images', images);
    folder.write('labels', idx([3], [0, 1, 2]));
    await expect(folder.open({ paths: ['images', 'labels'], format: 'idx' })).rejects.toThrow(message);
  });

  it('says which file of a folder is missing', async () => {
    folder.write('half/train-images-idx3-ubyte', idx([1, 1, 1], [0]));
    await expect(folder.open({ paths: ['half'] })).rejects.toThrow('half has no file train-labels-idx1-ubyte');
    await expect(folder.open({ paths: ['none'] })).rejects.toThrow(
      'none cannot be read: there is no such file or folder',
    );
  });

  it('says that a packed file is damaged', async () => {
    folder.write('broken.gz', [0x1f, 0x8b, 1, 2, 3]);
    await expect(folder.open({ paths: ['broken.gz', 'lab'], format: 'idx' })).rejects.toThrow(
      'broken.gz is gzipped, but damaged',
    );
  });
});

describe('CIFAR-10', () => {
  const record = (label: number, value: number): number[] => [label, ...Array.from({ length: 3072 }, () => value)];
  folder.write('cifar/data_batch_1.bin', record(3, 51));
  folder.write('cifar/data_batch_2.bin', [...record(9, 255), ...record(0, 0)]);
  folder.write('cifar/test_batch.bin', record(1, 102));

  it('reads the batches of a folder one after the other', async () => {
    const { train, evaluation } = await folder.examples({ paths: ['cifar'], evaluation: ['cifar'] });
    expect([train.size, evaluation!.size]).toEqual([3, 1]);
    expect(train.fields[0]!.shape).toEqual([3, 32, 32]);
    expect([0, 1, 2].map((index) => example(train, index)[1]![0])).toEqual([3, 9, 0]);
    expect(example(train, 1)[0]).toEqual(Array.from({ length: 3072 }, () => 1));
    expect(train.classes![example(evaluation!, 0)[1]![0]!]).toBe('automobile');
  });

  it('says where a record is cut or labelled wrongly', async () => {
    folder.write('short.bin', [...record(0, 1), 5, 5]);
    folder.write('label.bin', [...record(0, 1), ...record(10, 1)]);
    const open = (path: string): Promise<unknown> => folder.open({ paths: [path], format: 'cifar10' });
    await expect(open('short.bin')).rejects.toThrow(
      'short.bin, byte 3073: expected whole records of 3073 bytes, found 2 bytes before the end',
    );
    await expect(open('label.bin')).rejects.toThrow('label.bin, byte 3073: expected a label from 0 to 9, found 10');
  });
});

describe('a folder of pictures', () => {
  const png = (r: number, g: number, b: number, width = 4, height = 4): Promise<Buffer> =>
    sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
      .png()
      .toBuffer();

  it('takes a class from each folder, and brings pictures to one size', async () => {
    folder.write('pets/cat/a.png', await png(255, 0, 51));
    folder.write('pets/dog/b.png', await png(0, 255, 0, 10, 6));
    folder.write('pets/dog/notes.txt', 'no picture');
    const { train } = await folder.examples({ paths: ['pets'], size: [2, 2] });
    expect([train.size, train.classes]).toEqual([2, ['cat', 'dog']]);
    expect(example(train, 0)).toEqual([[1, 1, 1, 1, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2].map(Math.fround), [0]]);
    expect(example(train, 1)).toEqual([[0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0], [1]]);
  });

  it('needs a size, and the classes of the training data', async () => {
    await expect(folder.open({ paths: ['pets'] })).rejects.toThrow('have sizes of their own');
    folder.write('others/bird/a.png', await png(1, 1, 1));
    const opened = folder.open({ paths: ['pets'], evaluation: ['others'], size: [2, 2] });
    await expect(opened).rejects.toThrow('others has the class bird, which the training data do not have: cat, dog');
  });

  it('names a picture that cannot be read', async () => {
    folder.write('bad/x/a.png', 'nothing');
    await expect(folder.open({ paths: ['bad'], size: [2, 2] })).rejects.toThrow('bad/x/a.png is no picture');
  });
});

describeReference('the data of the models', 'data', () => {
  it('reads MNIST and the CIFAR-10 subset', async () => {
    const files = new DataFiles(`${referenceRoot}/data`);
    const mnist = await openData({ paths: ['mnist'], evaluation: ['mnist'], seed: 0 }, files);
    const cifar = await openData({ paths: ['cifar10-subset'], evaluation: ['cifar10-subset'], seed: 0 }, files);
    if (mnist.kind !== 'examples' || cifar.kind !== 'examples') throw new Error('these are examples');
    expect([mnist.train.size, mnist.evaluation!.size]).toEqual([60000, 3000]);
    // The first digit is a five, and the first of the test images a seven.
    expect([example(mnist.train, 0)[1], example(mnist.evaluation!, 0)[1]]).toEqual([[5], [7]]);
    expect([cifar.train.size, cifar.evaluation!.size, cifar.train.fields[0]!.shape]).toEqual([4000, 1000, [3, 32, 32]]);
  });
});
