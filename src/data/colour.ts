/** Changes of a picture's colours, in place, on the scale 0 to 1. Pictures of one channel are grey. */
import type { Picture } from './geometry.ts';

/** How bright red, green and blue look (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/** All values times `factor`, at most 1. */
export function brighten({ values }: Picture, factor: number): void {
  for (let at = 0; at < values.length; at++) values[at] = clamp(values[at]! * factor);
}

/** Away from the picture's mean grey by `factor`: 0 leaves that alone, 1 changes nothing. */
export function contrast(picture: Picture, factor: number): void {
  const { values } = picture;
  const plane = picture.height * picture.width;
  let mean = 0;
  for (let at = 0; at < plane; at++) mean += grey(picture, at);
  mean /= plane;
  for (let at = 0; at < values.length; at++) values[at] = clamp(mean + factor * (values[at]! - mean));
}

/** Away from each pixel's grey by `factor`: 0 leaves no colour, 1 changes nothing. */
export function saturate(picture: Picture, factor: number): void {
  const { channels, values } = picture;
  const plane = picture.height * picture.width;
  if (channels === 1) return;
  for (let at = 0; at < plane; at++) {
    const base = grey(picture, at);
    for (let channel = 0; channel < channels; channel++) {
      const here = channel * plane + at;
      values[here] = clamp(base + factor * (values[here]! - base));
    }
  }
}

function grey({ channels, height, width, values }: Picture, at: number): number {
  if (channels !== 3) return values[at]!;
  const plane = height * width;
  return LUMA[0] * values[at]! + LUMA[1] * values[plane + at]! + LUMA[2] * values[2 * plane + at]!;
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
