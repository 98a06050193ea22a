/** `heddle compile`, and how the folder of an artifact comes to be. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeFolder } from '../../src/cli/folder.ts';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { Manifest } from '../../src/program/manifest.ts';
import { parseSafetensors } from '../../src/program/safetensors.ts';
import { AFFINE, AFFINE_WEIGHTS, projectRoot, safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

/** Files whose names nobody chose: what a failure could leave behind. */
function strays(folder = place.cwd): string[] {
  return readdirSync(folder).filter((name) => /^\..*\.(new|old|tmp)$/.test(name));
}

beforeEach(() => {
  for (const name of readdirSync(place.cwd)) if (name !== '.package') rmSync(place.path(name), { recursive: true });
  place.write('affine.model', AFFINE);
  place.write('affine.safetensors', safetensors(AFFINE_WEIGHTS));
});

describe('compile', () => {
  it('writes an artifact for both targets and says what is in it', async () => {
    const { code, stdout, stderr } = await place.run('compile affine.model --weights affine.safetensors -o build/a');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readdirSync(place.path('build/a'))).toEqual(
      expect.arrayContaining([
        'index.d.ts',
        'index.js',
        'kernels.js',
        'program.json',
        'program.relaxed.wasm',
        'program.wasm',
      ]),
    );
    expect(stdout).toMatch(/^Affine of affine\.model → build\/a$/m);
    expect(stdout).toMatch(/^ {2}program\.wasm +[\d.]+ k?B +[\d.]+ k?B$/m);
    expect(stdout).toMatch(/^ {2}input +x +f32\[batch, 2\]$/m);
    expect(stdout).toMatch(/^ {2}output +y +f32\[batch, 3\]$/m);
    expect(stdout).toMatch(/^ {2}target +wasm +\d+ kernels?, \d+ steps? a run/m);
    expect(stdout).toMatch(/^ {2}memory +wasm +\d+ B for batch = 1$/m);
    expect(stdout).toMatch(/^9 parameters in 2 tensors; compiled in [\d.]+ s$/m);
    expect(strays(place.path('build'))).toEqual([]);
  });

  it('says in the manifest what was compiled from what, wherever that lies', async () => {
    await place.run('compile affine.model --weights affine.safetensors -o out');
    const read = (folder: string): string => readFileSync(place.path(`${folder}/manifest.json`), 'utf8');
    const manifest = JSON.parse(read('out')) as Manifest;
    const version = (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string })
      .version;
    const digest = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
    const library = readFileSync(join(projectRoot, 'specs/std/nn.model'));
    expect(manifest).toMatchObject({
      name: 'Affine',
      compiler: `heddle ${version}`,
      sources: { 'affine.model': digest(AFFINE), 'std/nn.model': digest(library) },
      inputs: [{ name: 'x', dtype: 'f32', shape: ['batch', 2] }],
      parameters: { tensors: 2, elements: 9 },
      example: { batch: 1 },
      multiplyAdds: { expression: '6*batch', example: 6 },
    });
    expect(Object.keys(manifest.peakMemory)).toEqual(['wasm', 'js']);
    mkdirSync(place.path('sub'));
    renameSync(place.path('affine.model'), place.path('sub/affine.model'));
    await place.run('compile sub/affine.model --weights affine.safetensors -o again');
    expect(read('again')).toBe(read('out'));
  });

  it('stores weights in f16, or in bytes those of products, which a run expands', async () => {
    const spec = 'input x: f32[n, 32]\n param w: f32[32, 32]\n param b: f32[32]\n output y = x @ w + b';
    place.write('wide.model', `model Wide() { dims n\n ${spec} }`);
    const w = Array.from({ length: 1024 }, (_, at) => Math.sin(at));
    const b = Array.from({ length: 32 }, (_, at) => at / 3);
    place.write('wide.safetensors', safetensors({ w: tensor('F32', [32, 32], w), b: tensor('F32', [32], b) }));
    place.write('x.safetensors', safetensors({ x: tensor('F32', [1, 32], w) }));
    const first = async (flags: string): Promise<{ readonly types: Record<string, string>; readonly y: number }> => {
      // A folder of its own, since modules are imported once.
      const out = `wide${flags.replaceAll(' ', '')}`;
      const { stderr } = await place.run(`compile wide.model --weights wide.safetensors -o ${out} ${flags}`);
      expect(stderr).toBe('');
      const stored = parseSafetensors(new Uint8Array(readFileSync(place.path(`${out}/weights.safetensors`)))).tensors;
      const { stdout } = await place.run(`run ${out} --inputs x.safetensors --json`);
      const [y] = (JSON.parse(stdout) as { outputs: { first: number[] }[] }).outputs;
      return { types: Object.fromEntries([...stored].map(([name, { dtype }]) => [name, dtype])), y: y!.first[0]! };
    };
    const exact = await first('');
    expect(exact.types).toEqual({ w: 'F32', b: 'F32' });
    const half = await first('--store f16');
    expect(half.types).toEqual({ w: 'F16', b: 'F16' });
    const bytes = await first('--store int8');
    expect(bytes.types).toEqual({ 'w.absmax': 'F32', w: 'I8', b: 'F32' });
    const products = await first('--quantize int8');
    expect(products.types).toEqual(bytes.types);
    expect((await first('--quantize int8 --store f32')).y).toBe(products.y);
    for (const { y } of [half, bytes, products]) {
      expect(y).not.toBe(exact.y);
      expect(Math.abs(y - exact.y)).toBeLessThan(0.1);
    }
  });

  it('takes the weights that it has stored in bytes, too', async () => {
    const spec = 'input x: f32[n, 32]\n param w: f32[32, 32]\n param b: f32[32]\n output y = x @ w + b';
    place.write('bytes.model', `model Bytes() { dims n\n ${spec} }`);
    const w = Array.from({ length: 1024 }, (_, at) => Math.sin(at));
    place.write('bytes.safetensors', safetensors({ w: tensor('F32', [32, 32], w), b: tensor('F32', [32], [0.5]) }));
    place.write('x32.safetensors', safetensors({ x: tensor('F32', [2, 32], w) }));
    await place.run('compile bytes.model --weights bytes.safetensors -o bytes --store int8');
    const weights = readFileSync(place.path('bytes/weights.safetensors'));
    const ofArtifact = await place.run('run bytes --inputs x32.safetensors --json');
    const ofSpec = 'run bytes.model --weights bytes/weights.safetensors --inputs x32.safetensors --json';
    expect(await place.run(ofSpec)).toEqual(ofArtifact);
    expect(ofArtifact.code).toBe(0);
    expect((await place.run(`${ofSpec} --target reference`)).code).toBe(0);
    await place.run('compile bytes.model --weights bytes/weights.safetensors -o bytes-again --store int8');
    expect(readFileSync(place.path('bytes-again/weights.safetensors'))).toEqual(weights);

    const broken = {
      'w.absmax': tensor('F32', [2, 1], [1]),
      w: { ...tensor('BOOL', [32, 32], [1]), dtype: 'I8' as const },
    };
    place.write('broken.safetensors', safetensors({ ...broken, b: tensor('F32', [32], [0.5]) }));
    const { code, stderr } = await place.run('run bytes.model --weights broken.safetensors --inputs x32.safetensors');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'error: w.absmax is F32 [2, 1] instead of F32 with the sizes of w, [32, 32], or 1\n',
    });
  });

  it('tells which tensors bytes cannot hold', async () => {
    const spec =
      'input x: f32[n, 32]\n param w: f32[32, 32]\n param v: f32[32, 32]\n param b: f32[32]\n output y = x @ w @ v + b';
    place.write('nan.model', `model Nan() { dims n\n ${spec} }`);
    const weights = {
      w: tensor('F32', [32, 32], [1, NaN]),
      v: tensor('F32', [32, 32], [1]),
      b: tensor('F32', [32], [NaN]),
    };
    place.write('nan.safetensors', safetensors(weights));
    const { stderr } = await place.run('compile nan.model --weights nan.safetensors -o nan --store int8');
    expect(stderr).toBe('note: stored as f32, for they have values that are not finite: w\n');
  });

  it('tells which tensors f16 cannot hold', async () => {
    const wild = { ...AFFINE_WEIGHTS, 'map.bias': tensor('F32', [3], [1, 1e6, 2]) };
    place.write('large.safetensors', safetensors(wild));
    const { stderr } = await place.run('compile affine.model --weights large.safetensors -o large --store f16');
    expect(stderr).toContain('stored as f32, for they have values that f16 cannot hold: map.bias');
  });

  it('writes only what the targets need, and says that weights are still to come', async () => {
    const { code, stderr } = await place.run('compile affine.model --target wasm -o out');
    expect(code).toBe(0);
    expect(stderr).toContain('note: the artifact has no weights');
    expect(existsSync(place.path('out/kernels.js'))).toBe(false);
    expect(existsSync(place.path('out/weights.safetensors'))).toBe(false);
  });

  it('gives the outputs of tapped instances', async () => {
    const { stdout } = await place.run('compile affine.model --target js --tap map -o out');
    expect(stdout).toMatch(/^ {2}output +map +f32\[batch, 3\]$/m);
    const { code, stderr } = await place.run('compile affine.model --target js --tap mop -o out');
    expect(code).toBe(1);
    expect(stderr).toContain('no instance matches the tap `mop`');
  });

  it('renames foreign weights', async () => {
    const foreign = { 'fc.weight': AFFINE_WEIGHTS['map.weight'], 'fc.bias': AFFINE_WEIGHTS['map.bias'] };
    place.write('foreign.safetensors', safetensors(foreign));
    place.write('map.json', '{ "fc": "map" }');
    const line = 'compile affine.model --weights foreign.safetensors -o out';
    expect(await place.run(`${line} --rename map.json`)).toMatchObject({ code: 0 });
    const { code, stderr } = await place.run(line);
    expect(code).toBe(1);
    expect(stderr).toContain('the weights of foreign.safetensors lack 2 tensors of 2 parameters');
    expect(stderr).toContain('did you mean fc.weight?');
  });

  const failures: [what: string, line: string, code: number, message: RegExp][] = [
    ['a missing spec', 'compile nowhere.model -o out', 1, /there is no file nowhere\.model/],
    ['missing weights', 'compile affine.model --weights nowhere -o out', 1, /nowhere cannot be read: there is no such/],
    ['a folder as weights', 'compile affine.model --weights .package -o out', 1, /is no run: it has no config\.json/],
    ['weights that are a text', 'compile affine.model --weights affine.model -o out', 1, /no sound safetensors file/],
    ['a map without weights', 'compile affine.model --rename map.json -o out', 2, /there is no --weights/],
    [
      'a missing map',
      'compile affine.model --weights affine.safetensors --rename m.json -o out',
      1,
      /m\.json cannot be/,
    ],
    ['the working directory', 'compile affine.model -o .', 2, /holds the working directory/],
    ['a parent folder', 'compile affine.model -o ..', 2, /holds the working directory/],
    ['a file in its place', 'compile affine.model -o affine.model', 1, /exists, and it is no folder/],
    ['a file on the way', 'compile affine.model -o affine.model/a', 1, /a part of the path is no folder/],
  ];
  it.each(failures)('fails on %s and leaves nothing behind', async (_, line, code, message) => {
    const before = readdirSync(place.cwd);
    const result = await place.run(line);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(readdirSync(place.cwd)).toEqual(before);
  });

  it('points into a malformed rename map', async () => {
    place.write('map.json', '{ "fc": 3 }');
    const { code, stderr } = await place.run(
      'compile affine.model --weights affine.safetensors --rename map.json -o out',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[HED3007\].*\n.*┌─ map\.json:1:/);
  });

  it('says that the runtime has to be built where it is not', async () => {
    const runtime = join(place.packageRoot, 'dist/runtime.js');
    const text = readFileSync(runtime);
    rmSync(runtime);
    const { code, stderr } = await place.run('compile affine.model -o out');
    writeFileSync(runtime, text);
    expect(code).toBe(1);
    expect(stderr).toContain('npm run build');
  });

  it('lists surplus and misshapen weights', async () => {
    const [wrong, surplus] = [tensor('F32', [2, 3], [1]), tensor('F32', [1], [0])];
    place.write('odd.safetensors', safetensors({ ...AFFINE_WEIGHTS, 'map.weight': wrong, x: surplus }));
    const { code, stderr } = await place.run('compile affine.model --weights odd.safetensors -o out');
    expect(code).toBe(1);
    expect(stderr).toContain('map.weight: [2, 3] against f32[3, 2]');
    expect(stderr).toContain('x: F32 [1]');
    expect(stderr).toMatch(/2 errors\n$/);
  });
});

describe('the folder of an artifact', () => {
  const files = (text: string): ArtifactFile[] => [
    { name: 'program.json', bytes: new TextEncoder().encode(text) },
    { name: 'index.js', bytes: new TextEncoder().encode(text) },
  ];

  it('replaces an older artifact, and an empty folder', async () => {
    const { io } = place.io();
    mkdirSync(place.path('out'));
    await writeFolder('out', files('one'), io);
    writeFileSync(place.path('out/kernels.js'), 'old');
    await writeFolder('out', files('two'), io);
    expect(readdirSync(place.path('out')).sort()).toEqual(['index.js', 'program.json']);
    expect(readFileSync(place.path('out/index.js'), 'utf8')).toBe('two');
    expect(strays()).toEqual([]);
  });

  it('replaces what a link points to, not the link', async () => {
    const { io } = place.io();
    mkdirSync(place.path('real'));
    symlinkSync('real', place.path('link'));
    await writeFolder('link', files('text'), io);
    expect(readdirSync(place.path('real')).sort()).toEqual(['index.js', 'program.json']);
  });

  it.each([['notes.txt'], ['program.json', 'thesis.tex']])('never replaces a folder with %s', async (...names) => {
    mkdirSync(place.path('mine'));
    for (const name of names) place.write(join('mine', name), 'precious');
    await expect(writeFolder('mine', files('text'), place.io().io)).rejects.toThrow(/is not replaced/);
    expect(readdirSync(place.path('mine')).sort()).toEqual(names.sort());
    expect(strays()).toEqual([]);
  });

  it('stays as it was when a file in it cannot be written', async () => {
    const { io } = place.io();
    await writeFolder('out', files('one'), io);
    const broken = [...files('two'), { name: 'no/such/folder', bytes: new Uint8Array(1) }];
    await expect(writeFolder('out', broken, io)).rejects.toThrow('out cannot be written: there is no such file');
    expect(readFileSync(place.path('out/index.js'), 'utf8')).toBe('one');
    expect(strays()).toEqual([]);
  });

  it('leaves no new parent folders when it fails', async () => {
    const broken = [{ name: 'no/such/folder', bytes: new Uint8Array(1) }];
    await expect(writeFolder('a/b/c', broken, place.io().io)).rejects.toThrow(/cannot be written/);
    expect(existsSync(place.path('a'))).toBe(false);
  });

  it('cleans up when it is interrupted', async () => {
    const cleanups: (() => void)[] = [];
    const { io } = place.io({
      onInterrupt(cleanup) {
        cleanups.push(cleanup);
        return () => void cleanups.splice(0);
      },
    });
    const interrupting: ArtifactFile = {
      name: 'index.js',
      get bytes(): Uint8Array<ArrayBuffer> {
        expect(strays(place.path('deep'))).toHaveLength(1);
        for (const cleanup of cleanups) cleanup();
        expect(existsSync(place.path('deep'))).toBe(false);
        return new Uint8Array(1);
      },
    };
    await expect(writeFolder('deep/out', [...files('one').slice(0, 1), interrupting], io)).rejects.toThrow();
    expect(existsSync(place.path('deep'))).toBe(false);
    expect(cleanups).toEqual([]);
  });
});
