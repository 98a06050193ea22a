/** Pictures with labels as a data set: cut to size, augmented on request, normalised. */
import { type Augmentation, Augmenter } from './augment.ts';
import type { Dataset, Field } from './dataset.ts';
import { Draws, keyOf } from './draws.ts';
import { DataError } from './files.ts';
import { centreCrop, picture } from './geometry.ts';
import { IMAGE_NAMES, LABEL_NAMES } from './names.ts';

/** Pictures of one size as they are stored. */
export interface Pictures {
  readonly title: string;
  readonly count: number;
  /** Of a picture: channels, height, width. */
  readonly shape: readonly [channels: number, height: number, width: number];
  /** [count, channels, height, width], 0 to 255. */
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

export interface PictureOptions {
  /** Height and width of what is given out; the size of the pictures unless told. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** Of pixels on the scale 0 to 1: one number, or one a channel. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly augmentation?: Augmentation | undefined;
  /** Of the augmentation. */
  readonly seed?: number;
}

/** `image: f32[channels, height, width]` as (pixel / 255 - mean) / std, and `label: i32[]`. Throws DataError. */
export function pictureDataset(source: Pictures, options: PictureOptions): Dataset {
  const [channels, height, width] = source.shape;
  const [outHeight, outWidth] = options.size ?? [height, width];
  const shape = [channels, outHeight, outWidth] as const;
  const augmenter = options.augmentation && new Augmenter(options.augmentation, source.shape, shape);
  if (!augmenter?.resizes && (outHeight > height || outWidth > width))
    throw new DataError(
      `the pictures of ${source.title} are ${height}×${width}, smaller than the ${outHeight}×${outWidth} to cut out`,
    );
  const mean = perChannel('mean', options.mean ?? [0], channels, source.title);
  const std = perChannel('std', options.std ?? [1], channels, source.title);
  const [whole, cut] = [picture(source.shape), picture(shape)];
  const [elements, plane] = [whole.values.length, outHeight * outWidth];
  const image: Field = { name: 'image', aliases: IMAGE_NAMES, dtype: 'f32', shape };
  const label: Field = { name: 'label', aliases: LABEL_NAMES, dtype: 'i32', shape: [] };
  return {
    title: source.title,
    size: source.count,
    fields: [image, label],
    classes: source.classes,
    write(index, epoch, slot, into) {
      const first = index * elements;
      for (let at = 0; at < elements; at++) whole.values[at] = source.pixels[first + at]! / 255;
      if (augmenter) augmenter.apply(whole, new Draws(keyOf(options.seed ?? 0, 'augmentation', epoch), index), cut);
      else centreCrop(whole, cut);
      const out = into[0]!.subarray(slot * cut.values.length);
      for (let channel = 0; channel < channels; channel++) {
        const [shift, scale] = [mean[channel]!, std[channel]!];
        for (let at = channel * plane; at < (channel + 1) * plane; at++) out[at] = (cut.values[at]! - shift) / scale;
      }
      into[1]![slot] = source.labels[index]!;
    },
  };
}

function perChannel(what: string, given: readonly number[], channels: number, title: string): readonly number[] {
  if (given.length === channels) return given;
  if (given.length === 1) return Array.from({ length: channels }, () => given[0]!);
  throw new DataError(
    `the ${what} has ${given.length} numbers, but the pictures of ${title} have ${channels} channels`,
  );
}
