/**
 * Random changes of pictures for training, as in the recipe of DeiT (Touvron et al. 2021,
 * https://arxiv.org/abs/2012.12877): a random part, resized; mirroring; rotation; brightness, contrast and saturation.
 */
import { brighten, contrast, saturate } from './colour.ts';
import type { Draws } from './draws.ts';
import { DataError } from './files.ts';
import { type Box, copyFrom, mirror, type Picture, picture, type PictureShape, resample, rotate } from './geometry.ts';

export interface Augmentation {
  readonly cut: Cut;
  /** Probability of mirroring. */
  readonly flip: number;
  /** The most that a picture is turned either way, in degrees. */
  readonly rotation: number;
  /** Each factor is drawn from [1 - amount, 1 + amount], at least 0; they are applied in random order. */
  readonly jitter: { readonly brightness: number; readonly contrast: number; readonly saturation: number };
}

/** Which part of a picture is taken. */
export type Cut =
  | { readonly kind: 'centre' }
  /** Anywhere within the picture in a frame of `padding` zeros. */
  | { readonly kind: 'padded'; readonly padding: number }
  /** Of a share of the area and a ratio of width to height within limits, resized to the size of the result. */
  | { readonly kind: 'resized'; readonly scale: Range; readonly ratio: Range };

export type Range = readonly [low: number, high: number];

const GREY = { brightness: 0, contrast: 0, saturation: 0 } as const;
const NAMES = 'crop, resized-crop, flip, rotate, jitter';

/**
 * Reads `crop=4,flip`: `crop=PADDING`, `resized-crop=LOW:HIGH[:RATIO-LOW:RATIO-HIGH]`, `flip[=PROBABILITY]`, `rotate=DEGREES`,
 * `jitter=AMOUNT` or `jitter=BRIGHTNESS:CONTRAST:SATURATION`. Throws DataError.
 */
export function parseAugmentation(text: string): Augmentation {
  let result: Augmentation = { cut: { kind: 'centre' }, flip: 0, rotation: 0, jitter: GREY };
  for (const item of text.split(',')) {
    const [name = '', values = ''] = item.trim().split('=');
    const numbers = values === '' ? [] : values.split(':').map(Number);
    if (numbers.some((value) => !(value >= 0 && value < Infinity))) throw unknownStep(item);
    result = { ...result, ...step(name, numbers, item) };
  }
  return result;
}

function step(name: string, numbers: readonly number[], item: string): Partial<Augmentation> {
  const [a, b, c, d] = numbers;
  const length = numbers.length;
  switch (name) {
    case 'crop':
      if (length === 1 && Number.isInteger(a)) return { cut: { kind: 'padded', padding: a! } };
      break;
    case 'resized-crop':
      if (
        (length === 0 || length === 2 || length === 4) &&
        isRange(a ?? 0.08, b ?? 1) &&
        (b ?? 1) <= 1 &&
        isRange(c ?? 1, d ?? 1)
      )
        return { cut: { kind: 'resized', scale: [a ?? 0.08, b ?? 1], ratio: [c ?? 3 / 4, d ?? 4 / 3] } };
      break;
    case 'flip':
      if (length === 0 || (length === 1 && a! <= 1)) return { flip: a ?? 0.5 };
      break;
    case 'rotate':
      if (length === 1) return { rotation: a! };
      break;
    case 'jitter':
      if (length === 1) return { jitter: { brightness: a!, contrast: a!, saturation: a! } };
      if (length === 3) return { jitter: { brightness: a!, contrast: b!, saturation: c! } };
      break;
  }
  throw unknownStep(item);
}

function isRange(low: number, high: number): boolean {
  return low > 0 && low <= high;
}

function unknownStep(item: string): DataError {
  return new DataError(
    `\`${item.trim()}\` is no augmentation; there are ${NAMES}`,
    'as in --augment crop=4,flip or --augment resized-crop=0.08:1,flip,rotate=15,jitter=0.4',
  );
}

/** Applies an augmentation to pictures of one shape; keeps the memory that it works in. */
export class Augmenter {
  /** The result may be larger than the picture. */
  readonly resizes: boolean;
  readonly #recipe: Augmentation;
  readonly #scratch: Picture;

  /** Throws DataError where the cut finds no room. */
  constructor(recipe: Augmentation, from: PictureShape, to: PictureShape) {
    this.#recipe = recipe;
    this.#scratch = picture(to);
    this.resizes = recipe.cut.kind === 'resized';
    const { cut } = recipe;
    if (cut.kind === 'padded' && (to[1] > from[1] + 2 * cut.padding || to[2] > from[2] + 2 * cut.padding))
      throw new DataError(
        `pictures of ${from[1]}×${from[2]} with a frame of ${cut.padding} hold no part of ${to[1]}×${to[2]}`,
      );
    if (cut.kind === 'padded') this.resizes = true;
  }

  /** Values of both pictures are on the scale 0 to 1. The draws decide everything. */
  apply(from: Picture, draws: Draws, to: Picture): void {
    const { flip, rotation } = this.#recipe;
    const turns = rotation > 0;
    const cut = turns ? this.#scratch : to;
    this.#cut(from, draws, cut);
    if (flip > 0 && draws.unit() < flip) mirror(cut);
    if (turns) rotate(cut, draws.uniform(-rotation, rotation), to);
    this.#jitter(to, draws);
  }

  #cut(from: Picture, draws: Draws, to: Picture): void {
    const { cut } = this.#recipe;
    switch (cut.kind) {
      case 'centre':
        copyFrom(from, Math.floor((from.height - to.height) / 2), Math.floor((from.width - to.width) / 2), to);
        return;
      case 'padded': {
        const top = draws.whole(from.height + 2 * cut.padding - to.height + 1) - cut.padding;
        const left = draws.whole(from.width + 2 * cut.padding - to.width + 1) - cut.padding;
        copyFrom(from, top, left, to);
        return;
      }
      case 'resized':
        resample(from, randomBox(from, cut.scale, cut.ratio, draws), to);
        return;
    }
  }

  #jitter(to: Picture, draws: Draws): void {
    const { jitter } = this.#recipe;
    const changes = [
      { amount: jitter.brightness, change: brighten },
      { amount: jitter.contrast, change: contrast },
      { amount: jitter.saturation, change: saturate },
    ].filter(({ amount }) => amount > 0);
    while (changes.length > 0) {
      const [{ amount, change }] = changes.splice(draws.whole(changes.length), 1) as [(typeof changes)[number]];
      change(to, draws.uniform(Math.max(0, 1 - amount), 1 + amount));
    }
  }
}

/** How often a box is drawn before the largest one in the middle is taken. */
const ATTEMPTS = 10;

/** A box with a share of the area in `scale` and a ratio of width to height in `ratio`, as torchvision draws it. */
export function randomBox(
  { height, width }: Pick<Picture, 'height' | 'width'>,
  scale: Range,
  ratio: Range,
  draws: Draws,
): Box {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = height * width * draws.uniform(...scale);
    const aspect = Math.exp(draws.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const [w, h] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (w > 0 && w <= width && h > 0 && h <= height)
      return { top: draws.whole(height - h + 1), left: draws.whole(width - w + 1), height: h, width: w };
  }
  const aspect = Math.min(Math.max(width / height, ratio[0]), ratio[1]);
  const w = Math.max(1, Math.min(width, Math.round(height * aspect)));
  const h = Math.max(1, Math.min(height, Math.round(width / aspect)));
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}
