/** `heddle compile --remat`: both figures of memory, and where it makes no sense. */
import { beforeAll, expect, it } from 'vitest';
import { AFFINE, useWorkplace } from './support.ts';

const place = useWorkplace();

const DEEP = `import { LayerNorm, Linear } from "std/nn"

train Fit() {
  dims n
  input x: f32[n, 8]
  y = x
  for i in 0..6 as layers {
    y = y + (y |> LayerNorm() as norm |> Linear(32) as up |> gelu |> Linear(8) as down)
  }
  loss mean(square(y))
  optimizer sgd(lr: 0.1)
}
`;

beforeAll(() => {
  place.write('deep.model', DEEP);
  place.write('affine.model', AFFINE);
});

it('tells what memory a step takes with and without', async () => {
  const { code, stdout, stderr } = await place.run(
    'compile deep.model --remat blocks --target js --dims n=200 -o deep',
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('without --remat');
  const [, again, kept] = /memory +js +([\d.]+) kB for n = 200, ([\d.]+) kB without --remat/.exec(stdout) ?? [];
  expect(Number(again)).toBeLessThan(0.6 * Number(kept));
  const plain = await place.run('compile deep.model --target js --dims n=200 -o plain');
  expect(plain.stdout).toContain(`${kept} kB for n = 200\n`);
});

it('is for training alone', async () => {
  const { code, stderr } = await place.run('compile affine.model --remat blocks -o affine');
  expect(code).toBe(2);
  expect(stderr).toContain('--remat is for train entries');
});
