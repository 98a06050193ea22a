/** `heddle run` on tensors: targets, prefixes, conversions, artifacts, and files that are not what they should be. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSafetensors } from '../../src/program/safetensors.ts';
import { toFloat64 } from '../../src/program/convert.ts';
import {
  AFFINE,
  AFFINE_WEIGHTS,
  AFFINE_X,
  AFFINE_Y,
  projectRoot,
  safetensors,
  tensor,
  useWorkplace,
} from './support.ts';
import { describeGpu } from '../support/webgpu.ts';
import {
  describeReference,
  largestDifference,
  readCase,
  readTensors,
  referenceRoot,
  valuesOf,
} from '../support/reference.ts';

const place = useWorkplace();
const TARGETS = ['wasm', 'js', 'reference'];
const X_VALUES = [1, 2, 3, 4];
const AFFINE_RUN = 'run affine.model --weights affine.safetensors --inputs x.safetensors';

beforeAll(() => {
  place.write('affine.model', AFFINE);
  place.write('affine.safetensors', safetensors(AFFINE_WEIGHTS));
  place.write('x.safetensors', safetensors({ x: AFFINE_X }));
});

function readOutputs(name: string) {
  return parseSafetensors(new Uint8Array(readFileSync(place.path(name)))).tensors;
}

/** A summary line without its padding. */
function squeezed(text: string): string {
  return text.replace(/ {2,}/g, '  ');
}

describe('run of an entry that draws', () => {
  it.each(TARGETS)('draws by the seed on %s', async (target) => {
    place.write('noise.model', 'model Noise {\n  output y = random_uniform([2])\n}\n');
    const y = async (more: string): Promise<string> => {
      const { code, stdout, stderr } = await place.run(`run noise.model --target ${target} ${more}`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    expect(await y('--seed 0')).toBe(await y(''));
    expect(await y('--seed 4294967295')).not.toBe(await y(''));
    for (const wrong of ['-1', '1.5', '4294967296', 'x'])
      expect((await place.run(`run noise.model --seed ${wrong}`)).stderr).toContain('A seed is an integer');
  });
});

describeGpu('run on webgpu', () => {
  it('computes a spec, and an artifact that has no other target', async () => {
    const summary = 'y  f32[2, 3]  5.5, 10.5, 17, 11.5, 24.5, 39  min 5.5, max 39, mean 18\n';
    const spec = await place.run(`${AFFINE_RUN} --target webgpu`);
    expect({ ...spec, stdout: squeezed(spec.stdout) }).toEqual({ code: 0, stdout: summary, stderr: '' });
    const compile = 'compile affine.model --weights affine.safetensors --target webgpu -o on-gpu';
    expect(await place.run(compile)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(place.path('on-gpu'))).toContain('shaders.json');
    for (const target of ['', ' --target webgpu']) {
      const artifact = await place.run(`run on-gpu --inputs x.safetensors${target}`);
      expect({ ...artifact, stdout: squeezed(artifact.stdout) }).toEqual({ code: 0, stdout: summary, stderr: '' });
    }
  });
});

describe('run', () => {
  it.each(TARGETS)('computes on %s and sums up', async (target) => {
    const result = await place.run(`${AFFINE_RUN} --target ${target}`);
    expect({ ...result, stdout: squeezed(result.stdout) }).toEqual({
      code: 0,
      stdout: 'y  f32[2, 3]  5.5, 10.5, 17, 11.5, 24.5, 39  min 5.5, max 39, mean 18\n',
      stderr: '',
    });
  });

  it.each([
    ['wasm', 'F32'],
    ['js', 'F32'],
    ['reference', 'F64'],
  ])('writes what %s computed as %s', async (target, dtype) => {
    const { code, stdout, stderr } = await place.run(`${AFFINE_RUN} --target ${target} --out y-${target}.safetensors`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain(`y-${target}.safetensors: 1 tensor`);
    const y = readOutputs(`y-${target}.safetensors`).get('y')!;
    expect(y).toMatchObject({ dtype, shape: [2, 3] });
    expect(Array.from(toFloat64(y))).toEqual(AFFINE_Y);
    expect(readdirSync(place.cwd).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each(['strict', 'relaxed'])('runs the %s module of wasm, also of an artifact', async (simd) => {
    const { stdout } = await place.run(`${AFFINE_RUN} --simd ${simd} --json`);
    expect((JSON.parse(stdout) as { outputs: { first: number[] }[] }).outputs[0]!.first).toEqual(AFFINE_Y);
  });

  it('refuses --quantize for the reference, and for what is compiled already', async () => {
    const { code, stderr } = await place.run(`${AFFINE_RUN} --target reference --quantize int8`);
    expect(code).toBe(2);
    expect(stderr).toContain('--quantize is for what is compiled');
    await place.run('compile affine.model --weights affine.safetensors -o plain');
    const again = await place.run('run plain --inputs x.safetensors --quantize int8');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('--quantize is for specs, but plain is an artifact');
  });

  it('refuses --simd for another target', async () => {
    const { code, stderr } = await place.run(`${AFFINE_RUN} --simd strict --target js`);
    expect(code).toBe(2);
    expect(stderr).toContain('--simd is for wasm and cannot be combined with --target js');
  });

  it('runs on several threads, also an artifact', async () => {
    const compile = 'compile affine.model --weights affine.safetensors --target wasm,js -o threaded';
    expect(await place.run(compile)).toMatchObject({ code: 0, stderr: '' });
    for (const run of [AFFINE_RUN, 'run threaded --inputs x.safetensors']) {
      const { stdout, stderr } = await place.run(`${run} --threads 2 --json`);
      expect((JSON.parse(stdout) as { outputs: { first: number[] }[] }).outputs[0]!.first).toEqual(AFFINE_Y);
      expect(stderr).toBe('');
    }
  });

  it('refuses threads for another target, and more than there can be', async () => {
    const { code, stderr } = await place.run(`${AFFINE_RUN} --threads 2 --target js`);
    expect(code).toBe(2);
    expect(stderr).toContain('--threads is for wasm and cannot be combined with --target js');
    const many = await place.run(`${AFFINE_RUN} --threads 65`);
    expect(many.code).toBe(2);
    expect(many.stderr).toContain('At most 64 threads can run a model.');
  });

  it('prints summaries as JSON', async () => {
    const { stdout } = await place.run(`${AFFINE_RUN} --json`);
    expect(JSON.parse(stdout)).toEqual({
      outputs: [
        { name: 'y', dtype: 'f32', shape: [2, 3], first: AFFINE_Y, min: 5.5, max: 39, mean: 18, nan: 0, infinite: 0 },
      ],
    });
  });

  it('takes an optional input for given when its tensor is there, or when --given names it', async () => {
    place.write(
      'noisy.model',
      'model M { dims n\n input x: f32[n, 2]\n input by?: f32[]\n output y = if given(by) then x * by else x }',
    );
    place.write('both.safetensors', safetensors({ x: AFFINE_X, by: tensor('F32', [], [3]) }));
    const first = async (line: string): Promise<string> =>
      squeezed((await place.run(line)).stdout).split('  ')[2] ?? '';
    const [plain, tripled] = [X_VALUES, X_VALUES.map((value) => value * 3)].map((list) => list.join(', '));
    expect(await first('run noisy.model --inputs x.safetensors')).toBe(plain);
    expect(await first('run noisy.model --inputs both.safetensors')).toBe(tripled);
    const missing = await place.run('run noisy.model --inputs x.safetensors --given by');
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('lacks 1 input') });
    const checked = await place.run('check noisy.model --given by');
    expect(checked.stdout).toContain('by');
    const unknown = await place.run('check noisy.model --given bye');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('HED4006') });
  });

  it('gives the loss and the metrics of a train entry', async () => {
    place.write('train.model', 'train T { dims n\n input x: f32[n, 2]\n loss sum(x)\n metric most = max(x) }');
    const { stdout } = await place.run('run train.model --entry T --inputs x.safetensors --json');
    const { outputs } = JSON.parse(stdout) as { outputs: { name: string; first: number[] }[] };
    const total = X_VALUES.reduce((sum, value) => sum + value, 0);
    expect(outputs.map(({ name, first }) => [name, ...first])).toEqual([
      ['loss', total],
      ['most', Math.max(...X_VALUES)],
    ]);
  });

  it('also gives the outputs of tapped instances, under their paths', async () => {
    const { code } = await place.run(`${AFFINE_RUN} --tap * --out taps.safetensors`);
    expect(code).toBe(0);
    expect([...readOutputs('taps.safetensors').keys()].sort()).toEqual(['map', 'y']);
  });

  it('takes weights and inputs from under prefixes of one file, and ignores other inputs with a note', async () => {
    const all = {
      'param.map.weight': AFFINE_WEIGHTS['map.weight'],
      'param.map.bias': AFFINE_WEIGHTS['map.bias'],
      'in.x': AFFINE_X,
      'in.cot.y': tensor('F32', [1], [0]),
    };
    place.write('case.safetensors', safetensors(all));
    const line = 'run affine.model --weights case.safetensors:param. --inputs case.safetensors:in.';
    const { code, stdout, stderr } = await place.run(line);
    expect(code).toBe(0);
    expect(stdout).toContain('5.5, 10.5, 17');
    expect(stderr).toBe('note: case.safetensors also holds what is no input of Affine, ignored: cot.y\n');
    const surplus = await place.run('run affine.model --weights case.safetensors --inputs case.safetensors:in.');
    expect(surplus.code).toBe(1);
    expect(surplus.stderr).toContain('belong to no parameter');
    const typo = await place.run('run affine.model --weights case.safetensors:parm. --inputs case.safetensors:in.');
    expect(typo.code).toBe(1);
    expect(typo.stderr).toContain('no tensor of case.safetensors has a name that begins with `parm.`');
  });

  it('divides FILE:prefix at the last colon that leaves a file', async () => {
    const all = { 'a:map.weight': AFFINE_WEIGHTS['map.weight'], 'a:map.bias': AFFINE_WEIGHTS['map.bias'] };
    place.write('odd:name', safetensors(all));
    const line = (weights: string) => `run affine.model --weights ${weights} --inputs x.safetensors`;
    expect(await place.run(line('odd:name:a:'))).toMatchObject({ code: 0, stderr: '' });
    expect((await place.run(line('odd:name'))).stderr).toContain('the weights of odd:name lack 2 tensors');
    expect((await place.run(line('odd:nome:a'))).stderr).toContain('odd:nome cannot be read');
  });

  it('reads F64 inputs, rounded for the targets and exactly for the reference', async () => {
    place.write('wide.safetensors', safetensors({ x: tensor('F64', [1, 2], [0.1, 0.2]) }));
    const line = 'run affine.model --weights affine.safetensors --inputs wide.safetensors --out wide-out.safetensors';
    const first = async (target: string): Promise<number> => {
      expect((await place.run(`${line} --target ${target}`)).code).toBe(0);
      return toFloat64(readOutputs('wide-out.safetensors').get('y')!)[0]!;
    };
    expect(await first('reference')).toBe(0.1 + 2 * 0.2 + 0.5);
    for (const target of ['wasm', 'js']) expect(await first(target)).toBe(Math.fround(1));
  });

  it('checks the range of integers and keeps other dtypes in outputs', async () => {
    place.write(
      'ints.model',
      `model Ints() {
  dims n
  input i: i32[n]
  input b: bool[n]
  output next: i32[n] = i + 1
  output both: bool[n] = b and i > 2
}`,
    );
    const b = tensor('BOOL', [2], [1, 1]);
    place.write('small.safetensors', safetensors({ i: tensor('I64', [2], [2, 3]), b }));
    place.write('large.safetensors', safetensors({ i: tensor('I64', [2], [2, 2 ** 40]), b }));
    place.write('float.safetensors', safetensors({ i: tensor('F32', [2], [2, 3]), b }));
    for (const target of TARGETS) {
      const { code, stderr } = await place.run(
        `run ints.model --inputs small.safetensors --target ${target} --out i.safetensors`,
      );
      expect(code, stderr).toBe(0);
      const { next, both } = Object.fromEntries(readOutputs('i.safetensors'));
      expect([next!.dtype, both!.dtype]).toEqual(['I32', 'BOOL']);
      expect(Array.from(new Int32Array(next!.bytes.slice().buffer))).toEqual([3, 4]);
      expect(Array.from(both!.bytes)).toEqual([0, 1]);
      const large = await place.run(`run ints.model --inputs large.safetensors --target ${target}`);
      expect(large).toMatchObject({ code: 1, stdout: '' });
      expect(large.stderr).toBe('error: the input i: the value 1099511627776 does not fit into i32\n');
      const float = await place.run(`run ints.model --inputs float.safetensors --target ${target}`);
      expect(float.stderr).toBe('error: the input i: F32 does not convert to i32\n');
    }
  });

  it('says how many values are not finite', async () => {
    place.write('odd.safetensors', safetensors({ x: tensor('F32', [2, 2], [NaN, 1, Infinity, 1]) }));
    const { stdout } = await place.run('run affine.model --weights affine.safetensors --inputs odd.safetensors');
    expect(squeezed(stdout)).toContain('3 values NaN, 3 values infinite');
  });
});

describe('run on an artifact', () => {
  it.each(['wasm', 'js'])('gives what the spec gives on %s', async (target) => {
    const compiled = await place.run(
      `compile affine.model --weights affine.safetensors --target ${target} -o art-${target}`,
    );
    expect(compiled.code, compiled.stderr).toBe(0);
    const spec = await place.run(`${AFFINE_RUN} --target ${target} --out spec.safetensors`);
    const folder = await place.run(`run art-${target} --inputs x.safetensors --out folder.safetensors`);
    expect([spec.code, folder.code], folder.stderr).toEqual([0, 0]);
    expect(readFileSync(place.path('folder.safetensors'))).toEqual(readFileSync(place.path('spec.safetensors')));
  });

  it.each(['--entry Affine', '--set classes=4', '--weights w', '--rename m', '--tap map', '--target reference'])(
    'refuses %s',
    async (option) => {
      mkdirSync(place.path('folder'), { recursive: true });
      const { code, stderr } = await place.run(`run folder --inputs x.safetensors ${option}`);
      expect(code).toBe(2);
      expect(stderr).toContain('folder is an artifact');
    },
  );

  it('says what is missing in a folder that is none', async () => {
    mkdirSync(place.path('folder'), { recursive: true });
    const { code, stderr } = await place.run('run folder --inputs x.safetensors');
    expect(code).toBe(1);
    expect(stderr).toContain('folder is a folder, but no artifact: it has no program.json');
  });

  it('says that a target was not compiled, and that weights are missing', async () => {
    await place.run('compile affine.model --weights affine.safetensors --target js -o only-js');
    const target = await place.run('run only-js --inputs x.safetensors --target wasm');
    expect(target).toMatchObject({ code: 1, stdout: '' });
    expect(target.stderr).toContain('not compiled for wasm');
    await place.run('compile affine.model -o bare');
    const bare = await place.run('run bare --inputs x.safetensors');
    expect(bare.code).toBe(1);
    expect(bare.stderr).toContain('bare was compiled without weights');
  });

  it('reports a damaged program', async () => {
    await place.run('compile affine.model --weights affine.safetensors -o damaged');
    place.write('damaged/program.json', '{"version": 1}');
    const { code, stderr } = await place.run('run damaged --inputs x.safetensors');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*damaged\/program\.json is damaged, or of another compilation/);
  });
});

describe('run fails', () => {
  const whole = safetensors({ x: AFFINE_X });
  const cases: [what: string, line: string, code: number, message: RegExp][] = [
    ['on a missing spec', 'run nowhere.model', 1, /there is no spec and no artifact nowhere\.model/],
    [
      'without weights',
      'run affine.model --inputs x.safetensors',
      1,
      /Affine needs weights: 9 parameters in 2 tensors/,
    ],
    ['without inputs', 'run affine.model --weights affine.safetensors', 2, /Affine needs 1 input: x: f32\[batch, 2\]/],
    ['on a missing file', AFFINE_RUN.replace('x.s', 'y.s'), 1, /y\.safetensors cannot be read: there is no such file/],
    ['on a folder', AFFINE_RUN.replace('x.safetensors', '.package'), 1, /\.package cannot be read: it is a folder/],
    ['on a text', AFFINE_RUN.replace('x.safetensors', 'affine.model'), 1, /affine\.model is no sound safetensors file/],
    ['on a truncated file', AFFINE_RUN.replace('x.s', 'cut.s'), 1, /cut\.safetensors is no sound safetensors file/],
    ['on an empty file', AFFINE_RUN.replace('x.s', 'empty.s'), 1, /empty\.safetensors is no sound safetensors file/],
    ['on other inputs', AFFINE_RUN.replace('x.s', 'affine.s'), 1, /lacks 1 input of Affine\n {2}= x: f32\[batch, 2\]/],
    ['on an unknown entry', `${AFFINE_RUN} --entry Afine`, 1, /did you mean `Affine`/],
    ['on a wrong setting', `${AFFINE_RUN} --set classes=many`, 1, /error\[HED\d+\]/],
    ['where --out has no folder', `${AFFINE_RUN} --out no/y`, 1, /no\/y cannot be written: its folder does not exist/],
    ['where --out is a folder', `${AFFINE_RUN} --out .package`, 1, /\.package cannot be written: it is a folder/],
  ];
  it.each(cases)('%s', async (_, line, code, message) => {
    place.write('cut.safetensors', whole.slice(0, whole.length - 3));
    place.write('empty.safetensors', new Uint8Array(0));
    const result = await place.run(line);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  it.each(TARGETS)('on inputs of another shape, on %s', async (target) => {
    place.write('odd.safetensors', safetensors({ x: tensor('F32', [2, 3], [1]) }));
    const { code, stderr } = await place.run(
      `run affine.model --weights affine.safetensors --inputs odd.safetensors --target ${target}`,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*\bx\b.*\n$/);
  });
});

describe('run with --dims', () => {
  const Y = 'y  i32[4]  0, 1, 2, 3  min 0, max 3, mean 1.5\n';

  beforeAll(() => place.write('count.model', 'model Count() {\n  dims n <= 8, k\n  output y = arange(n)\n}\n'));

  it.each(TARGETS)('takes a dimension that no input tells on %s', async (target) => {
    const result = await place.run(`run count.model --dims n=4 --dims k=1 --target ${target}`);
    expect({ ...result, stdout: squeezed(result.stdout) }).toMatchObject({ code: 0, stdout: Y });
  });

  it('takes it for an artifact', async () => {
    expect(await place.run('compile count.model -o count')).toMatchObject({ code: 0 });
    const result = await place.run('run count --dims n=4,k=1');
    expect({ ...result, stdout: squeezed(result.stdout) }).toMatchObject({ code: 0, stdout: Y });
  });

  it.each([
    ['m=4', 'Count has no dimension m'],
    ['n=9', 'n is at most 8 in Count'],
  ])('refuses %s', async (dims, message) => {
    const { code, stderr } = await place.run(`run count.model --dims ${dims}`);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) as unknown });
  });

  it('refuses what an input tells otherwise', async () => {
    const { code, stderr } = await place.run(`${AFFINE_RUN} --dims batch=3`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('batch is 3') as unknown });
  });
});

describeReference('run on a case from PyTorch', 'oracle/shared/vit', () => {
  it.each(TARGETS)('gives its logits on %s, from one file with inputs, parameters and results', async (target) => {
    const file = join(referenceRoot, 'oracle/shared/vit/seed_cls.safetensors');
    const { tolerances } = readCase('vit/seed_cls');
    const settings = 'image=24,40 patch=8 classes=7 dim=24 depth=2 heads=3 mlp_dim=40 dim_head=16';
    const { code, stderr } = await place.run([
      'run',
      join(projectRoot, 'specs/vit.model'),
      '--entry=ViT',
      ...settings.split(' ').map((setting) => `--set=${setting}`),
      `--weights=${file}:param.`,
      `--rename=${join(projectRoot, 'specs/weights/vit-pytorch.json')}`,
      `--inputs=${file}:in.`,
      `--target=${target}`,
      '--tap=layers.*.attn',
      '--out=vit.safetensors',
    ]);
    expect(code, stderr).toBe(0);
    const wanted = readTensors(file);
    const outputs = readOutputs('vit.safetensors');
    const difference = (own: string, theirs: string): number =>
      largestDifference(valuesOf(outputs, own), valuesOf(wanted, theirs));
    expect(difference('logits', 'out64.logits')).toBeLessThanOrEqual(tolerances['out.logits']!.tol);
    expect(difference('layers.1.attn', 'act.layer1.attn')).toBeLessThanOrEqual(tolerances['act.layer1.attn']!.tol);
  });
});
