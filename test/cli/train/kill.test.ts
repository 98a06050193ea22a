/** `heddle train` as a process that is killed: whatever the moment, a resumed run ends as one that was never stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLog } from '../../../src/cli/train/log.ts';
import { projectRoot } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-kill-'));
const installed = join(folder, 'heddle');
const command = join(installed, 'dist/main.js');

/** Pictures of 8 by 8 whose class is the half that is bright, in MNIST's format. */
function writePictures(count: number): void {
  const pixels = Uint8Array.from({ length: count * 64 }, (_, at) => {
    const [picture, row] = [Math.floor(at / 64), Math.floor((at % 64) / 8)];
    return ((at * 37) % 101) + (row < 4 === (picture % 2 === 0) ? 120 : 0);
  });
  const header = (...sizes: number[]): Uint8Array =>
    Uint8Array.from([0, 0, 8, sizes.length, ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255])]);
  mkdirSync(join(folder, 'data'));
  const write = (name: string, ...parts: Uint8Array[]): void =>
    writeFileSync(join(folder, 'data', name), Buffer.concat(parts));
  write('train-images-idx3-ubyte', header(count, 8, 8), pixels);
  write(
    'train-labels-idx1-ubyte',
    header(count),
    Uint8Array.from({ length: count }, (_, at) => at % 2),
  );
}

beforeAll(async () => {
  const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm' } as const;
  await build({ ...options, absWorkingDir: projectRoot, entryPoints: ['src/cli/main.ts'], outfile: command });
  copyFileSync(join(projectRoot, 'package.json'), join(installed, 'package.json'));
  for (const name of ['specs', 'node_modules']) symlinkSync(join(projectRoot, name), join(installed, name));
  writePictures(50);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [command, 'train', ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The steps that have checkpoints. */
function checkpoints(run: string): number[] {
  return readdirSync(join(folder, run, 'checkpoints')).flatMap((name) => Number(/^(\d+)\./.exec(name)?.[1] ?? []));
}

/** Kills the process as soon as there is a checkpoint of `step` or behind it, whatever it is about then. */
async function killAt(child: ChildProcess, run: string, step: number): Promise<void> {
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  const isThere = (): boolean => {
    try {
      return Math.max(...checkpoints(run)) >= step;
    } catch {
      return false;
    }
  };
  child.stderr!.resume();
  while (!isThere() && child.exitCode === null) await sleep(1);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
}

async function finish(child: ChildProcess): Promise<void> {
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect(code, said).toBe(0);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The log without its times. */
const timeless = (run: string): unknown[] =>
  readLog(join(folder, run, 'log.jsonl')).map((line) => ({ ...line, seconds: 0 }));

it('goes on with the same bits after it was killed, twice', async () => {
  const sizes = 'image=8 patch=4 classes=2 dim=8 depth=1 heads=2 dim_head=4 mlp_dim=16 dropout=0.2 steps=150';
  const options = [
    'specs/vit.model --entry TrainViT --data data --hold-out 0.2 --augment crop=1,flip --batch 6 --seed 3',
    '--steps 150 --eval-every 25 --checkpoint-every 5 --target js',
    ...sizes.split(' ').map((setting) => `--set ${setting}`),
  ]
    .join(' ')
    .replace('specs/', join(installed, 'specs/'))
    .split(' ');
  await finish(start(...options, '-o', 'whole'));
  await killAt(start(...options, '-o', 'killed'), 'killed', 20);
  await killAt(start('--resume', 'killed'), 'killed', 60);
  expect(Math.max(...checkpoints('killed'))).toBeLessThan(150);
  await finish(start('--resume', 'killed'));
  for (const name of ['00000150', 'best'])
    expect(readFileSync(join(folder, `killed/checkpoints/${name}.safetensors`))).toEqual(
      readFileSync(join(folder, `whole/checkpoints/${name}.safetensors`)),
    );
  expect(timeless('killed')).toEqual(timeless('whole'));
  const losses = readLog(join(folder, 'whole/log.jsonl')).flatMap((line) => ('loss' in line ? [line.loss] : []));
  expect(losses).toHaveLength(150);
  expect(sum(losses.slice(-30))).toBeLessThan(sum(losses.slice(0, 30)));
}, 120_000);
