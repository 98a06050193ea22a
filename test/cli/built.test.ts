/** The command as it is installed: built into a package of its own, run as a process in another folder. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { AFFINE, AFFINE_WEIGHTS, AFFINE_X, projectRoot, type Ran, safetensors } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-built-'));
const installed = join(folder, 'heddle');
const command = join(installed, 'dist/src/cli/main.js');

beforeAll(async () => {
  // The compiler is told where to write, so that a build of the checkout that others use stays as it is.
  const compiler = join(projectRoot, 'node_modules/.bin/tsc');
  const built = spawnSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect(built.stdout + built.stderr).toBe('');
  await bundleRuntime({ outfile: join(installed, 'dist/runtime.js') });
  await bundleWorker({ outfile: join(installed, 'dist/worker.js') });
  copyFileSync(join(projectRoot, 'package.json'), join(installed, 'package.json'));
  for (const name of ['specs', 'node_modules']) symlinkSync(join(projectRoot, name), join(installed, name));
  writeFileSync(join(folder, 'affine.model'), AFFINE);
  writeFileSync(join(folder, 'affine.safetensors'), safetensors(AFFINE_WEIGHTS));
  writeFileSync(join(folder, 'x.safetensors'), safetensors({ x: AFFINE_X }));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function heddle(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: status ?? -1, stdout, stderr };
}

describe('the built command', () => {
  it('is a program: it begins with its interpreter', () => {
    expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('answers with exit codes 0, 1 and 2', () => {
    expect(heddle('check', 'affine.model')).toEqual({
      code: 0,
      stdout: 'ok affine.model: no errors, 2 files read\n',
      stderr: '',
    });
    expect(heddle('check', 'nowhere.model')).toMatchObject({ code: 1, stdout: '' });
    expect(heddle('check')).toMatchObject({ code: 2, stdout: '' });
  });

  it('compiles an artifact that a program of its own can load, without the compiler', () => {
    const compiled = heddle('compile', 'affine.model', '--weights', 'affine.safetensors', '-o', 'artifact');
    expect(compiled).toMatchObject({ code: 0, stderr: '' });
    const program = `
      import { load } from './artifact/index.js';
      for (const target of ['wasm', 'js']) {
        const model = await load({ target });
        const { y } = await model.run({ x: new Float32Array([1, 2, 3, 4]) });
        console.log(target, y.shape.join(), [...y.data].join());
      }`;
    writeFileSync(join(folder, 'program.mjs'), program);
    const ran = spawnSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toBe('wasm 2,3 5.5,10.5,17,11.5,24.5,39\njs 2,3 5.5,10.5,17,11.5,24.5,39\n');
    expect(heddle('run', 'artifact', '--inputs', 'x.safetensors').stdout).toContain('5.5, 10.5, 17');
  });

  it('runs a spec on every target', () => {
    const [first, ...others] = ['wasm', 'js', 'reference'].map((target) =>
      heddle(...'run affine.model --weights affine.safetensors --inputs x.safetensors --target'.split(' '), target),
    );
    expect(first).toMatchObject({ code: 0, stderr: '' });
    for (const other of others) expect(other).toEqual(first);
  });

  it('ends quietly when nobody reads what it prints', () => {
    const words = Array.from({ length: 30 }, () => 'affine.model').join(' ');
    const line = `"${process.execPath}" "${command}" check ${words} | head -n 1`;
    const { stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({ stdout: 'ok affine.model: no errors, 2 files read\n', stderr: '' });
  });

  it('colours diagnostics when it is told to', () => {
    const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '', FORCE_COLOR: '1' } } as const;
    const { stderr } = spawnSync(process.execPath, [command, 'check', 'nowhere.model'], options);
    expect(stderr).toContain('\u001b[31m');
  });
});
