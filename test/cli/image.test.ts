/** `heddle run --image`: pictures to tensors, and classes with probabilities. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { readImages } from '../../src/cli/images.ts';
import { projectRoot, useWorkplace } from './support.ts';

const place = useWorkplace();

/** The means of the channels are the logits, so that every step before them can be read off. */
const COLOURS = `model Colours(channels: int = 3, height: int = 4, width: int = 4) {
  dims batch
  input img: f32[batch, channels, height, width]
  output colour: f32[batch, channels] = mean(img, axis: [2, 3])
}
`;

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** A picture whose pixels all have one colour, unless `pixels` says otherwise. */
async function picture(
  name: string,
  size: Pixels,
  colour: readonly number[],
  pixels?: readonly number[],
): Promise<void> {
  const { width, height, channels } = size;
  const data = pixels ?? Array.from({ length: width * height }, () => colour).flat();
  const image = sharp(Uint8Array.from(data), { raw: { width, height, channels } });
  const gray = channels === 1 ? image.toColourspace('b-w') : image;
  place.write(name, await gray.toFormat(name.endsWith('.jpg') ? 'jpeg' : 'png', { quality: 100 }).toBuffer());
}

async function decoded(name: string, channels: 1 | 3, height: number, width: number): Promise<number[]> {
  const [mean, std] = [Array.from({ length: channels }, () => 0), Array.from({ length: channels }, () => 1)];
  const values = await readImages([name], { channels, height, width, mean, std }, place.io().io);
  return Array.from(values, (value) => Math.round(value * 255));
}

beforeAll(async () => {
  place.write('colours.model', COLOURS);
  place.write('labels.txt', 'red\ngreen\r\nblue\n');
  await picture('red.png', { width: 4, height: 4, channels: 3 }, [255, 0, 0]);
  await picture('blue.png', { width: 9, height: 6, channels: 3 }, [0, 0, 255]);
});

describe('a picture', () => {
  it('of the right size keeps every pixel, channel by channel', async () => {
    const pixels = Array.from({ length: 12 }, (_, at) => 20 * at);
    await picture('exact.png', { width: 2, height: 2, channels: 3 }, [], pixels);
    expect(await decoded('exact.png', 3, 2, 2)).toEqual([0, 60, 120, 180, 20, 80, 140, 200, 40, 100, 160, 220]);
    await picture('gray.png', { width: 2, height: 2, channels: 1 }, [], [0, 77, 200, 255]);
    expect(await decoded('gray.png', 1, 2, 2)).toEqual([0, 77, 200, 255]);
  });

  it('is converted between grayscale and RGB', async () => {
    await picture('gray.png', { width: 1, height: 1, channels: 1 }, [90]);
    expect(await decoded('gray.png', 3, 1, 1)).toEqual([90, 90, 90]);
    await picture('white.png', { width: 1, height: 1, channels: 3 }, [255, 255, 255]);
    expect(await decoded('white.png', 1, 1, 1)).toEqual([255]);
  });

  it('is set on black where it is transparent', async () => {
    await picture('clear.png', { width: 2, height: 1, channels: 4 }, [], [200, 100, 50, 0, 200, 100, 50, 255]);
    expect(await decoded('clear.png', 3, 1, 2)).toEqual([0, 200, 0, 100, 0, 50]);
  });

  it('is cropped around its centre', async () => {
    // Columns of 0, 100 and 200, each as wide as the picture is high.
    const row = [0, 100, 200].flatMap((value) => Array.from({ length: 8 }, () => value));
    await picture('wide.png', { width: 24, height: 8, channels: 1 }, [], Array.from({ length: 8 }, () => row).flat());
    expect(await decoded('wide.png', 1, 8, 8)).toEqual(Array.from({ length: 64 }, () => 100));
  });

  it('may have 16 bits, a palette, or the orientation of a camera', async () => {
    const deep = sharp(Uint8Array.from([40, 40, 40]), { raw: { width: 1, height: 1, channels: 3 } });
    place.write('deep.png', await deep.toColourspace('rgb16').png().toBuffer());
    expect(await decoded('deep.png', 3, 1, 1)).toEqual([40, 40, 40]);
    const turned = sharp(Uint8Array.from([10, 250]), { raw: { width: 2, height: 1, channels: 1 } });
    place.write('turned.png', await turned.toColourspace('b-w').withMetadata({ orientation: 6 }).png().toBuffer());
    expect(await decoded('turned.png', 1, 2, 1)).toEqual([10, 250]);
    const few = Array.from({ length: 16 }, (_, at) => (at % 2) * 255);
    const palette = sharp(Uint8Array.from(few), { raw: { width: 4, height: 4, channels: 1 } }).png({ palette: true });
    place.write('palette.png', await palette.toBuffer());
    expect(await decoded('palette.png', 1, 4, 4)).toEqual(few);
  });
});

describe('run --image', () => {
  it('prints an aligned line for each picture, most probable class first', async () => {
    const { code, stdout, stderr } = await place.run(
      'run colours.model --image red.png blue.png --labels labels.txt --top 2',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // e / (e + 2) and 1 / (e + 2)
    expect(stdout).toBe(
      ['red.png   red   57.61 %  green  21.19 %', 'blue.png  blue  57.61 %  red    21.19 %', ''].join('\n'),
    );
  });

  it.each(['wasm', 'js', 'reference'])('normalises each channel, on %s', async (target) => {
    const line = 'run colours.model --image red.png --mean 0.5,0.25,0 --std 0.5,0.25,1 --json --target';
    const { stdout } = await place.run(`${line} ${target}`);
    const [{ file, top }] = JSON.parse(stdout) as [{ file: string; top: { class: number; probability: number }[] }];
    const logits = [(1 - 0.5) / 0.5, (0 - 0.25) / 0.25, 0];
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    expect(file).toBe('red.png');
    expect(top.map((guess) => guess.class)).toEqual([0, 2, 1]);
    for (const guess of top) expect(guess.probability).toBeCloseTo(Math.exp(logits[guess.class]!) / sum, 6);
  });

  it('takes more pictures than go into one run', async () => {
    const files = Array.from({ length: 131 }, (_, at) => (at % 3 === 0 ? 'red.png' : 'blue.png'));
    const { code, stdout } = await place.run(['run', 'colours.model', '--image', ...files, '--json', '--top', '1']);
    expect(code).toBe(0);
    const results = JSON.parse(stdout) as { top: { class: number }[] }[];
    expect(results.map(({ top }) => top[0]!.class)).toEqual(files.map((file) => (file === 'red.png' ? 0 : 2)));
  });

  it('respects the limit of the batch', async () => {
    place.write('few.model', COLOURS.replace('dims batch', 'dims batch <= 2'));
    const { code, stdout } = await place.run('run few.model --image red.png red.png blue.png --top 1');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(3);
  });

  it('fills a fixed batch, or says that it cannot', async () => {
    place.write('pairs.model', COLOURS.replace('dims batch', '').replaceAll('[batch,', '[2,'));
    const four = await place.run('run pairs.model --image red.png red.png blue.png blue.png --top 1');
    expect(four.code, four.stderr).toBe(0);
    const three = await place.run('run pairs.model --image red.png red.png blue.png');
    expect(three).toMatchObject({ code: 1, stdout: '' });
    expect(three.stderr).toContain('the input img takes 2 pictures at once, but 3 were given');
  });

  it('runs artifacts too', async () => {
    const compiled = await place.run('compile colours.model --target wasm -o colours');
    expect(compiled.code, compiled.stderr).toBe(0);
    const folder = await place.run('run colours --image red.png --labels labels.txt');
    expect(folder).toEqual(await place.run('run colours.model --image red.png --labels labels.txt'));
  });

  it('names every file that is no picture', async () => {
    place.write('text.png', 'no picture');
    place.write('empty.png', '');
    place.write('cut.png', readFileSync(place.path('red.png')).subarray(0, 60));
    const line = 'run colours.model --image red.png text.png empty.png cut.png nowhere.png colours.model';
    const { code, stdout, stderr } = await place.run(line);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    for (const name of ['text.png', 'empty.png', 'cut.png', 'colours.model'])
      expect(stderr).toContain(`${name} is no picture that can be read`);
    expect(stderr).toContain('nowhere.png cannot be read: there is no such file');
    expect(stderr).not.toContain('red.png');
  });

  const failures: [line: string, code: number, message: RegExp][] = [
    ['run colours.model --image red.png --labels two.txt', 1, /two\.txt has 2 lines, but colour has 3 classes/],
    ['run colours.model --image red.png --labels nowhere.txt', 1, /nowhere\.txt cannot be read/],
    ['run colours.model --image red.png --mean 1,2', 2, /--mean has 2 numbers, but the pictures have 3 channels/],
    ['run colours.model --image red.png --set channels=2', 1, /img has 2 channels; pictures have 1/],
    ['run flat.model --image red.png', 1, /Flat does not take pictures.*\n.*its inputs are x: f32\[batch, 4\]/],
    [
      'run features.model --image red.png',
      1,
      /Features is no classifier.*\n.*its outputs are y: f32\[batch, 3, 4, 4\]/,
    ],
  ];
  it.each(failures)('%s', async (line, code, message) => {
    place.write('two.txt', 'red\ngreen\n');
    place.write('flat.model', 'model Flat() {\n dims batch\n input x: f32[batch, 4]\n output y = x\n}');
    place.write('features.model', 'model Features() {\n dims batch\n input x: f32[batch, 3, 4, 4]\n output y = x\n}');
    const result = await place.run(line);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
  });
});

describe('the bundled digits', () => {
  it('get the probabilities that PyTorch computed', async () => {
    const digits = join(projectRoot, 'examples/digits');
    const expected = JSON.parse(readFileSync(join(digits, 'expected.json'), 'utf8')) as {
      [file: string]: { label: number; probabilities: number[] };
    };
    const names = Object.keys(expected);
    const settings = 'image=28 patch=4 channels=1 classes=10 dim=64 depth=4 heads=4 dim_head=16 mlp_dim=128';
    const argv = ['run', join(projectRoot, 'specs/vit.model'), '--entry', 'ViT'];
    for (const setting of settings.split(' ')) argv.push('--set', setting);
    argv.push('--weights', join(digits, 'digits.safetensors'), '--labels', join(digits, 'labels.txt'));
    argv.push('--mean', '0.1307', '--std', '0.3081', '--top', '10', '--json');
    argv.push('--image', ...names.map((name) => join(digits, 'images', name)));
    const { code, stdout, stderr } = await place.run(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const results = JSON.parse(stdout) as { top: { class: number; label: string; probability: number }[] }[];
    results.forEach(({ top }, at) => {
      const { label, probabilities } = expected[names[at]!]!;
      expect(top[0]!.label).toBe(String(label));
      for (const guess of top) expect(guess.probability).toBeCloseTo(probabilities[guess.class]!, 5);
    });
  });
});
