import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import { ERROR_CODES } from '../../src/program/error-codes.ts';
import { safetensors, useWorkplace } from '../cli/support.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOf, specFile, storedTensor } from '../support/specs.ts';

const guide = join(projectRoot, 'docs/artifact.md');
const codeIn = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);

describe('the examples', () => {
  const place = useWorkplace();

  beforeAll(async () => {
    const weights = graphOf(specFile('mlp.model'), { entry: 'MLP' }).parameters.map(({ name, value }) => {
      const shape = value.type.shape.map((dim) => constantValue(dim)!);
      return [name, storedTensor(shape, new Float32Array(shape.reduce((a, b) => a * b)))] as const;
    });
    place.write('mlp.safetensors', safetensors(Object.fromEntries(weights)));
    const spec = specFile('mlp.model');
    const { code, stderr } = await place.run([
      'compile',
      spec,
      '-e',
      'MLP',
      '-w',
      'mlp.safetensors',
      '-o',
      'build/mlp',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const train = await place.run(['compile', spec, '-e', 'TrainSigmoidMLP', '-o', 'build/train']);
    expect({ code: train.code, stderr: train.stderr }).toEqual({ code: 0, stderr: '' });
  });

  async function printed(code: string): Promise<string> {
    place.write('example.mjs', code);
    const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: place.cwd });
    return stdout;
  }

  test('in the README runs and prints what it says', async () => {
    const [embedding] = codeIn(join(projectRoot, 'README.md'));
    expect(await printed(embedding!)).toContain('[ 3, 10 ] Float32Array(30)');
  });

  test('in the guide run', async () => {
    // What generates has a test of its own.
    const code = codeIn(guide).filter((one) => !one.includes('generate'));
    const [loading, choosing, running, threads, training, resuming] = code;
    const progress = await printed(loading!);
    for (const phase of ['program', 'kernels', 'weights', 'prepare'])
      expect(progress).toMatch(new RegExp(`^${phase} (\\d+) of \\1$`, 'm'));
    expect(progress).toContain(`MLP wasm [ 'batch', 64 ]`);
    // The artifact was not compiled for webgpu, so there is nothing to choose.
    expect(await printed(choosing!)).toBe('wasm undefined\n');
    expect(await printed(running!)).toBe('[ 3, 10 ] 30\n');
    expect(await printed(threads!)).toBe('2 true\n');
    expect(await printed(training!)).toBe('2001 true [ 0.1 ]\n2 [ 2, 2 ]\n');
    expect(await printed(resuming!)).toBe('2001 1\n');
  });
});

test('the guide lists every error code with its meaning', () => {
  const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `|${cells.map((cell, column) => ` ${cell.padEnd(widths[column]!, fill)} `).join('|')}|`;
  const table = [line(['code', 'meaning']), line(['', ''], '-'), ...rows.map((row) => line(row))].join('\n');
  const text = readFileSync(guide, 'utf8');
  const updated = text.replace(
    /(<!-- generated: .* -->\n)[\s\S]*(<!-- end -->)/,
    (_, start: string, end: string) => `${start}\n${table}\n\n${end}`,
  );
  if (process.env['UPDATE_GOLDEN']) writeFileSync(guide, updated);
  expect(readFileSync(guide, 'utf8'), 'stale: run with UPDATE_GOLDEN=1').toBe(updated);
});

test('every error code is thrown somewhere', () => {
  const runtime = join(projectRoot, 'src/runtime');
  const text = readdirSync(runtime, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(runtime, name), 'utf8'))
    .join();
  expect(Object.keys(ERROR_CODES).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});
