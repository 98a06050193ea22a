/** The training guide: its commands run as they are written, on few steps and small data, and so do its programs. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkSpec } from '../../src/compiler/driver.ts';
import { formatSpec } from '../../src/compiler/syntax/format/format.ts';
import { safetensors, tensor, useWorkplace } from '../cli/support.ts';
import { projectRoot } from '../support/reference.ts';
import { renderAll, specHost } from '../support/specs.ts';

const guide = readFileSync(join(projectRoot, 'docs/training.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...guide.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, found, text]) => (found === language ? [text!] : []));
const [xor] = blocks('model');
/** Those of `heddle`; others install and build it. */
const commands = blocks('sh')
  .flatMap((block) => block.replaceAll('\\\n', ' ').trim().split('\n'))
  .flatMap((line) => /^npx heddle (.*)$/.exec(line)?.[1] ?? []);
/** Few steps of smaller models, on the target that compiles soonest; a run that goes on has a step left. */
const shortened = (command: string): string =>
  command
    .replace(/^(train .*)--batch \d+ --steps \d+/, '$1--batch 4 --steps 2 --target js')
    .replace('--entry TrainBertClassifier', '$& --set vocab=100 --set layers=1')
    .replace(/--entry (DistillTextCNNFromLogits|TextCNN --weights)/, '--set vocab=100 $&')
    .replace('--set depth=3 ', '--set depth=1 ')
    .replace('--target wasm', '--target js')
    .replace(/--set steps=\d+ /, '')
    .replaceAll("'", '')
    .replace(/--resume (\S+)/, '--resume $1 --steps 3');

const place = useWorkplace();

const bytesOf = (size: number): number[] => [0, 0, size >> 8, size & 255];
const header = (...sizes: number[]): number[] => [0, 0, 8, sizes.length, ...sizes.flatMap(bytesOf)];
const noise = (count: number): number[] => Array.from({ length: count }, (_, at) => (at * at * 31) % 256);

beforeAll(() => {
  for (const name of ['specs', 'docs', 'examples']) symlinkSync(join(projectRoot, name), place.path(name));
  for (const name of ['data', 'data/mnist', 'data/cifar10']) mkdirSync(place.path(name));
  for (const [part, count] of [
    ['train', 128],
    ['t10k', 3],
  ] as const) {
    const labels = Array.from({ length: count }, (_, at) => at % 10);
    const write = (kind: string, bytes: number[]): void =>
      place.write(`data/mnist/${part}-${kind}-ubyte`, Uint8Array.from(bytes));
    write('images-idx3', [...header(count, 28, 28), ...noise(count * 28 * 28)]);
    write('labels-idx1', [...header(count), ...labels]);
    const pictures = labels.flatMap((label) => [label, ...noise(3072)]);
    const name = part === 'train' ? 'data_batch_1' : 'test_batch';
    place.write(`data/cifar10/${name}.bin`, Uint8Array.from(pictures));
  }
  for (const [name, word] of [
    ['neg', 'dull'],
    ['pos', 'bright'],
  ])
    place.write(
      `data/rt-polarity.${name}`,
      Array.from({ length: 60 }, (_, at) => `a ${word} film , no ${at}\n`).join(''),
    );
  place.write('xor.model', xor!);
  const bits = { x: tensor('F32', [4, 2], [0, 0, 0, 1, 1, 0, 1, 1]), label: tensor('I32', [4], [0, 1, 1, 0]) };
  place.write('bits.safetensors', safetensors(bits));
});

it('shows an entry that is right and in its layout', () => {
  const path = place.path('xor.model');
  expect(renderAll(checkSpec(path, specHost({ [path]: xor! })))).toBe('');
  expect(formatSpec({ path, text: xor! })).toEqual({ text: xor });
});

describe('what it tells to do', () => {
  it.each(commands.map((command) => [command]))('heddle %s', async (command) => {
    const { code, stderr } = await place.run(shortened(command));
    expect(code, stderr).toBe(0);
  });

  async function printed(code: string): Promise<string> {
    place.write('example.mjs', code);
    const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: place.cwd });
    return stdout;
  }

  it('embeds what was trained, and trains in a program', async () => {
    const [embedding, training] = blocks('js');
    expect(await printed(embedding!)).toMatch(/^(errors|language|ops)\.md\n$/);
    const parameters = "[ 'first.weight', 'first.bias', 'second.weight', 'second.bias' ]";
    expect(await printed(training!)).toMatch(
      new RegExp(`^100 .*\n200 true\n300 true\n\\{ accuracy: 1 \\}\n${parameters.replace(/[[\]]/g, '\\$&')} \\d+\n$`),
    );
  });
});
