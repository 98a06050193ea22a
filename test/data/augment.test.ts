/** Augmentation: small cases by hand, and what holds for any draw. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Augmenter, parseAugmentation, randomBox } from '../../src/data/augment.ts';
import { brighten, contrast, saturate } from '../../src/data/colour.ts';
import { Draws, keyOf } from '../../src/data/draws.ts';
import {
  copyFrom,
  mirror,
  type Picture,
  picture,
  type PictureShape,
  resample,
  rotate,
} from '../../src/data/geometry.ts';
import { type Pictures, pictureDataset } from '../../src/data/pictures.ts';
import { example } from './support.ts';

function of(shape: PictureShape, values: readonly number[]): Picture {
  const made = picture(shape);
  made.values.set(values);
  return made;
}

function made(shape: PictureShape, fill: (to: Picture) => void): number[] {
  const to = picture(shape);
  fill(to);
  return Array.from(to.values);
}

const close = (values: readonly number[]): unknown => values.map((value) => expect.closeTo(value, 5));
const draws = (seed: number): Draws => new Draws(keyOf(seed, 'augmentation', 0), 0);
const NINE = of([1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

describe('geometry', () => {
  it('resamples between the centres of pixels, and clamps at the edges of the box', () => {
    const row = of([1, 1, 4], [9, 0, 4, 9]);
    const box = { top: 0, left: 1, height: 1, width: 2 };
    expect(made([1, 1, 4], (to) => resample(row, box, to))).toEqual([0, 1, 3, 4]);
    expect(made([1, 1, 2], (to) => resample(row, box, to))).toEqual([0, 4]);
    expect(made([1, 1, 1], (to) => resample(row, box, to))).toEqual([2]);
  });

  it('leaves a picture of the same size as it is', () => {
    expect(made([1, 3, 3], (to) => resample(NINE, { top: 0, left: 0, height: 3, width: 3 }, to))).toEqual([
      ...NINE.values,
    ]);
  });

  it('copies from outside as zeros', () => {
    expect(made([1, 2, 2], (to) => copyFrom(NINE, -1, 2, to))).toEqual([0, 0, 3, 0]);
    expect(made([1, 2, 2], (to) => copyFrom(NINE, 1, 1, to))).toEqual([5, 6, 8, 9]);
  });

  it('mirrors each row of each channel', () => {
    const two = of([2, 1, 3], [1, 2, 3, 4, 5, 6]);
    mirror(two);
    expect([...two.values]).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it('turns anticlockwise about the centre', () => {
    expect(made([1, 3, 3], (to) => rotate(NINE, 90, to))).toEqual(close([3, 6, 9, 2, 5, 8, 1, 4, 7]));
    expect(made([1, 3, 3], (to) => rotate(NINE, 180, to))).toEqual(close([9, 8, 7, 6, 5, 4, 3, 2, 1]));
    expect(made([1, 3, 3], (to) => rotate(NINE, 0, to))).toEqual([...NINE.values]);
    const turned = made([1, 3, 3], (to) => rotate(NINE, 45, to));
    expect(turned[4]).toBe(5);
    // The corners come from outside: at a distance of √2, half of the pixel above the middle one is black.
    expect(turned[0]).toBeLessThan(2);
  });
});

describe('colour', () => {
  it('brightens up to white', () => {
    const one = of([1, 1, 3], [0, 0.25, 0.75]);
    brighten(one, 2);
    expect([...one.values]).toEqual([0, 0.5, 1]);
  });

  it('moves values away from the mean grey', () => {
    const one = of([1, 1, 2], [0.2, 0.6]);
    contrast(one, 0.5);
    expect([...one.values]).toEqual(close([0.3, 0.5]));
    const colours = of([3, 1, 1], [1, 0, 0]);
    contrast(colours, 0);
    expect([...colours.values]).toEqual(close([0.299, 0.299, 0.299]));
  });

  it('takes colour away, and none from what is grey', () => {
    const red = of([3, 1, 1], [1, 0, 0]);
    saturate(red, 0.5);
    expect([...red.values]).toEqual(close([0.6495, 0.1495, 0.1495]));
    const grey = of([1, 1, 1], [0.5]);
    saturate(grey, 0);
    expect([...grey.values]).toEqual([0.5]);
  });
});

describe('a recipe', () => {
  it('is read from text', () => {
    expect(parseAugmentation('crop=4, flip')).toEqual({
      cut: { kind: 'padded', padding: 4 },
      flip: 0.5,
      rotation: 0,
      jitter: { brightness: 0, contrast: 0, saturation: 0 },
    });
    expect(parseAugmentation('resized-crop=0.2:1,flip=0.1,rotate=15,jitter=0.1:0.2:0.3')).toEqual({
      cut: { kind: 'resized', scale: [0.2, 1], ratio: [3 / 4, 4 / 3] },
      flip: 0.1,
      rotation: 15,
      jitter: { brightness: 0.1, contrast: 0.2, saturation: 0.3 },
    });
  });

  it.each([
    '',
    'blur',
    'crop',
    'crop=1.5',
    'flip=2',
    'rotate=x',
    'resized-crop=1',
    'resized-crop=0.5:0.2',
    'jitter=-1',
  ])('is refused: %s', (text) => {
    expect(() => parseAugmentation(text)).toThrow('is no augmentation; there are crop, resized-crop');
  });

  it('draws boxes within the picture, of the shares and ratios it names', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 40 }), fc.integer({ min: 8, max: 40 }), fc.nat(), (height, width, seed) => {
        const box = randomBox({ height, width }, [0.3, 0.9], [0.75, 1.25], draws(seed));
        expect(Math.min(box.top, box.left, box.height - 1, box.width - 1)).toBeGreaterThanOrEqual(0);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        const [w, h] = [box.width, box.height];
        // Sides are rounded to whole pixels.
        expect((w + 0.5) / (h - 0.5)).toBeGreaterThanOrEqual(0.75);
        expect((w - 0.5) / (h + 0.5)).toBeLessThanOrEqual(1.25);
      }),
    );
  });

  it('takes the middle where no box fits', () => {
    expect(randomBox({ height: 2, width: 40 }, [1, 1], [1, 1], draws(0))).toEqual({
      top: 0,
      left: 19,
      height: 2,
      width: 2,
    });
  });

  it('pads and cuts like the picture moved by whole pixels', () => {
    const augmenter = new Augmenter(parseAugmentation('crop=1'), [1, 3, 3], [1, 3, 3]);
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const got = made([1, 3, 3], (to) => augmenter.apply(NINE, draws(seed), to));
      seen.add(got.join());
    }
    const shifts = [-1, 0, 1].flatMap((top) =>
      [-1, 0, 1].map((left) => made([1, 3, 3], (to) => copyFrom(NINE, top, left, to)).join()),
    );
    expect([...seen].sort()).toEqual(shifts.sort());
  });

  it('keeps values on their scale, whatever it does', () => {
    const augmenter = new Augmenter(parseAugmentation('resized-crop,flip,rotate=30,jitter=0.9'), [3, 9, 7], [3, 5, 6]);
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 189, maxLength: 189 }),
        fc.nat(),
        (values, seed) => {
          const got = made([3, 5, 6], (to) => augmenter.apply(of([3, 9, 7], values), draws(seed), to));
          expect(got.every((value) => value >= 0 && value <= 1)).toBe(true);
        },
      ),
    );
  });

  it('gives an example the same picture in the same epoch, and others in others', () => {
    const source: Pictures = {
      title: 'noise',
      count: 2,
      shape: [1, 8, 8],
      pixels: Uint8Array.from({ length: 128 }, (_, at) => (at * 89) % 256),
      labels: Int32Array.of(0, 1),
      classes: ['0', '1'],
    };
    const options = { augmentation: parseAugmentation('resized-crop,flip,rotate=15,jitter=0.4'), seed: 3 };
    const once = pictureDataset(source, options);
    const again = pictureDataset(source, options);
    const wanted = [example(once, 1, 4), example(once, 0, 4), example(once, 1, 5)];
    expect([example(again, 1, 4), example(again, 0, 4), example(again, 1, 5)].toReversed()).toEqual(
      wanted.toReversed(),
    );
    expect(example(again, 1, 4)).toEqual(wanted[0]);
    expect(wanted[0]).not.toEqual(wanted[2]);
    expect(example(pictureDataset(source, { ...options, seed: 4 }), 1, 4)).not.toEqual(wanted[0]);
  });
});
