/** The learning curve: marks, smoothing, and a picture that is whole whatever the log holds. */
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { marks, printMark } from '../../../src/cli/train/axis.ts';
import { drawCurve, smoothed } from '../../../src/cli/train/curve.ts';
import type { LogLine } from '../../../src/cli/train/log.ts';

const step = (at: number, loss: number, metrics: { [name: string]: number } = {}): LogLine => ({
  step: at,
  loss,
  metrics,
  lr: [0.1],
  seconds: at,
});
const evaluation = (at: number, loss: number): LogLine => ({
  step: at,
  evaluation: { loss, metrics: {}, examples: 1 },
  seconds: at,
});

describe('the marks of an axis', () => {
  it.each([
    [0, 10, 5, ['0', '2', '4', '6', '8', '10']],
    [0.31, 0.52, 4, ['0.4', '0.5']],
    [0, 5000, 8, ['0', '1000', '2000', '3000', '4000', '5000']],
    [0, 100_000, 5, ['0', '20k', '40k', '60k', '80k', '100k']],
    [-0.02, 0.021, 4, ['-0.02', '0', '0.02']],
    [1e-5, 3e-5, 2, ['0.00001', '0.00002', '0.00003']],
    [3, 3, 5, ['3']],
    [0, 3e-12, 3, ['0', '1e-12', '2e-12', '3e-12']],
    [1e30, 1.1e30, 2, ['1.00e30', '1.05e30', '1.10e30']],
  ])('from %d to %d are round', (low, high, wanted, shown) => {
    const all = marks(low, high, wanted);
    expect(all.map((value) => printMark(value, all))).toEqual(shown);
  });

  it('are few, within the range, and apart by one step', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (low, size) => {
          const all = marks(low, low + size, 5);
          expect(all.length).toBeLessThanOrEqual(6);
          for (const value of all) {
            expect(value).toBeGreaterThanOrEqual(low - size * 1e-6);
            expect(value).toBeLessThanOrEqual(low + size * (1 + 1e-6));
          }
        },
      ),
    );
  });
});

describe('the curve', () => {
  it('is smoothed by a mean of what is around', () => {
    const points = Array.from({ length: 160 }, (_, at) => [at, at % 2] as const);
    const smooth = smoothed(points);
    expect(smooth.map(([at]) => at)).toEqual(points.map(([at]) => at));
    expect(smooth[80]![1]).toBeCloseTo(0.4, 12);
    expect(smooth[0]![1]).toBeCloseTo(1 / 3, 12);
    expect(smoothed(points.slice(0, 79))).toEqual(points.slice(0, 79));
  });

  it('puts losses where they belong', () => {
    const picture = drawCurve([step(1, 1), step(2, 0.5), evaluation(2, 0)], 'run');
    // From zero to a twentieth above the largest value, over 250 units.
    const y = (value: number): number => Math.round((302 - (value / 1.05) * 250) * 10) / 10;
    expect(picture).toContain(`<path class="train" d="M381 ${y(1)}L700 ${y(0.5)}"/>`);
    expect(picture).toContain('<circle class="evaluation-dot" cx="700" cy="302" r="2.5"/>');
    expect(picture).not.toContain('class="raw"');
    expect(picture).toMatch(/>training<.*>validation</s);
  });

  it('has a plot for each metric, and names all of them', async () => {
    const lines = Array.from({ length: 500 }, (_, at) => step(at + 1, 1 / (at + 1), { accuracy: at / 500, 'a<b': 1 }));
    const picture = drawCurve(lines, '<run> & co');
    expect(picture.match(/class="axis"/g)).toHaveLength(3);
    expect(picture).toContain('&#60;run&#62; &#38; co');
    expect(picture).toContain('a&#60;b');
    expect(picture).toContain('prefers-color-scheme:dark');
    expect(picture).not.toContain('<script');
    expect(await sharp(Buffer.from(picture)).metadata()).toMatchObject({ format: 'svg', width: 720 });
  });

  it('is a picture whatever the values are', async () => {
    const logs: LogLine[][] = [
      [],
      [step(1, 2)],
      [step(1, NaN), step(2, Infinity)],
      [step(5, 3), step(6, 3)],
      [evaluation(10, 1)],
      [step(1, -1e30), step(2, 1e30)],
    ];
    for (const lines of logs) {
      const picture = drawCurve(lines, 'run');
      expect(picture).not.toMatch(/NaN|Infinity|undefined/);
      expect((await sharp(Buffer.from(picture)).metadata()).width).toBe(720);
    }
  });

  it('stays small for long runs', () => {
    const lines = Array.from({ length: 50_000 }, (_, at) => step(at + 1, Math.sin(at)));
    expect(drawCurve(lines, 'long').length).toBeLessThan(60_000);
    const longer = Array.from({ length: 300_000 }, (_, at) => step(at + 1, Math.sin(at)));
    expect(drawCurve(longer, 'longer').length).toBeLessThan(60_000);
  });

  it('leaves room for the marks, and shows no mountains in the last bits', () => {
    const wide = drawCurve([step(1, 123.4561), step(2, 123.4569)], 'wide');
    const [, x, mark] = /class="mark row" x="([\d.]+)" y="[\d.]+">([\d.]+)</.exec(wide)!;
    expect(mark).toHaveLength(8);
    expect(Number(x)).toBeGreaterThan(24 + 6 * 8);
    expect(drawCurve([step(1, 1000), step(2, 1000.0001)], 'flat')).toContain('>1050<');
  });
});
