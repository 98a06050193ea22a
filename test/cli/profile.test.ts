/** `heddle profile`: what its table, its JSON and its page tell, and what it refuses. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { repetitionNote } from '../../src/cli/profile/measure.ts';
import type { ProfileRow } from '../../src/compiler/inspect/profile/report.ts';
import { describeGpu } from '../support/webgpu.ts';
import { safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

/** Rows of a table that are added up in groups, and two layers behind them. */
const SPEC = `import { Linear } from "std/nn"
model Layers(depth: int = 2) {
  dims batch <= 64
  input ids: i32[batch, 3]
  param table: f32[50, 8]
  h = embedding(ids, table) |> sum(1)
  for i in 0..depth as layers { h = h |> Linear(8) as map |> relu }
  output y = h
}
`;

/** Of the report as JSON, what is looked at here. */
interface Told {
  readonly target: string;
  readonly dims: object;
  readonly samples: number;
  readonly whole: { readonly least: number; readonly median: number };
  readonly ceilings: { readonly tile: { readonly operationsPerSecond: number }; readonly memory: readonly object[] };
  readonly steps: readonly ToldStep[];
  readonly rows: readonly (Omit<ToldStep, 'step'> & { readonly steps: readonly number[] })[];
  readonly blocks: ToldBlock;
}

interface ToldStep {
  readonly step: number;
  readonly kernel: string;
  readonly path: string;
  readonly place: string;
  readonly ops: readonly string[];
  readonly least: number;
  readonly operations?: number;
  readonly bytes?: number;
  readonly ideal?: number;
}

interface ToldBlock {
  readonly path: string;
  readonly seconds: number;
  readonly steps: readonly number[];
  readonly blocks: readonly ToldBlock[];
}

const jsonOf = (text: string): Told => JSON.parse(text) as Told;

beforeAll(() => {
  place.write('spec.model', SPEC);
  place.write('free.model', SPEC.replace('batch <= 64', 'batch'));
});

describe('of a spec', () => {
  it('prints rows by kernel and line, sums by block, and what was random', async () => {
    const { code, stdout, stderr } = await place.run('profile spec.model --dims batch=4 --runs 1');
    expect(code).toBe(0);
    expect(stderr).toBe(
      'note: the weights are random: there is no --weights\nnote: the inputs are random: there is no --inputs\n',
    );
    expect(stdout).toMatch(/^Layers\nengine +wasm, (strict|relaxed) SIMD, Node .*; batch = 4$/m);
    expect(stdout).toMatch(/^tile ceiling +[\d.]+ GFLOP\/s with \d × \d accumulators$/m);
    expect(stdout).toMatch(/ product ×2 .* layers\.\*\.map {2}nn\.model:\d+$/m);
    expect(stdout).toMatch(/^layers\.\* ×2 +[\d.]+ .s +[\d.]+ % /m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('lists every step with --all', async () => {
    const { stdout } = await place.run('profile spec.model --dims batch=4 --runs 1 --all');
    expect(stdout).toMatch(/ layers\.0\.map {2}nn\.model:\d+$/m);
    expect(stdout).toMatch(/ layers\.1\.map {2}nn\.model:\d+$/m);
  });

  it.each(['wasm', 'js'])('tells everything as JSON, on %s', async (target) => {
    const { code, stdout } = await place.run(
      `profile spec.model --dims batch=4 --runs 2 --json --target ${target} --set depth=3`,
    );
    expect(code).toBe(0);
    const told = jsonOf(stdout);
    expect(told).toMatchObject({ target, dims: { batch: 4 }, samples: 2 });
    expect(told.ceilings.tile.operationsPerSecond).toBeGreaterThan(0);
    expect(told.ceilings.memory).toHaveLength(4);
    expect(told.steps.map(({ step }) => step)).toEqual(told.steps.map((_, at) => at));
    const products = told.rows.find(({ path }) => path === 'layers.*.map')!;
    expect(products.steps).toHaveLength(3);
    // Three products of 4 × 8 by 8 × 8, with 4 × 8 biases and activations.
    expect(products.operations).toBe(3 * (2 * 4 * 8 * 8 + 2 * 4 * 8));
    expect(products.place).toMatch(/nn\.model:\d+$/);
    expect(products.ops).toEqual(expect.arrayContaining(['contract', 'add', 'relu']));
    // Four times three rows are read of the fifty in the table.
    const sum = told.steps.find(({ ops }) => ops.includes('embedding'))!;
    expect(sum).toMatchObject({ path: '', bytes: 4 * (4 * 3 + 4 * 3 * 8 + 4 * 8), operations: 4 * 3 * 8 });
    const [layers] = told.blocks.blocks;
    expect(layers!.blocks.map(({ path }) => path)).toEqual(['layers.0', 'layers.1', 'layers.2']);
    const all = told.steps.reduce((seconds, { least }) => seconds + least, 0);
    expect(told.blocks.seconds).toBeCloseTo(all, 12);
  });

  it('has a dash for parts of nothing', async () => {
    const { code, stdout } = await place.run('profile spec.model --dims batch=0 --runs 1');
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/NaN|Infinity/);
  });

  it('measures on several threads', async () => {
    const { code, stdout } = await place.run('profile spec.model --dims batch=4 --runs 1 --threads 2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^engine .* SIMD, 2 threads, Node /m);
  });

  it('takes inputs and weights from files, and dimensions from the inputs', async () => {
    place.write('inputs.safetensors', safetensors({ ids: tensor('I32', [5, 3], [1, 49, 7]) }));
    const weights = { table: tensor('F32', [50, 8], [1]), ...linear('layers.0.map'), ...linear('layers.1.map') };
    place.write('weights.safetensors', safetensors(weights));
    const { code, stdout, stderr } = await place.run(
      'profile spec.model --inputs inputs.safetensors --weights weights.safetensors --runs 1 --json',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(jsonOf(stdout).dims).toEqual({ batch: 5 });
  });

  it('writes a page with every block and kernel, and nothing from elsewhere', async () => {
    expect((await place.run('profile spec.model --dims batch=4 --runs 1 -o flame.html')).code).toBe(0);
    const page = readFileSync(place.path('flame.html'), 'utf8');
    const text = /<script type="application\/json" id="profile">(.*)<\/script>/.exec(page)![1]!;
    interface Frame {
      readonly facts: readonly (readonly string[])[];
      readonly inside: readonly Frame[];
    }
    const { root } = JSON.parse(text) as { root: Frame };
    const named = (frame: Frame): string[] => [frame.facts[0]!.join(' '), ...frame.inside.flatMap(named)];
    expect(named(root)).toEqual(
      expect.arrayContaining(['block Layers', 'block layers.0', 'block layers.0.map', 'block layers.1.map']),
    );
    expect(named(root).filter((name) => name.startsWith('kernel '))).toHaveLength(3);
    expect(page).not.toMatch(/(src|href)=|https?:|import\(|@import/);
    expect(readdirSync(place.cwd).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});

function linear(path: string): { [name: string]: ReturnType<typeof tensor> } {
  return { [`${path}.weight`]: tensor('F32', [8, 8], [0.5]), [`${path}.bias`]: tensor('F32', [8], [0]) };
}

describe('of an artifact', () => {
  beforeAll(async () => {
    expect((await place.run('compile spec.model -o built')).code).toBe(0);
  });

  it.each(['wasm', 'js'])('tells the same as of its spec, on %s', async (target) => {
    const { code, stdout, stderr } = await place.run(`profile built --dims batch=4 --runs 1 --json --target ${target}`);
    expect(code).toBe(0);
    expect(stderr).toContain('the weights are random: built was compiled without\n');
    const ofSpec = jsonOf(
      (await place.run(`profile spec.model --dims batch=4 --runs 1 --json --target ${target}`)).stdout,
    );
    const timeless = ({ steps }: Told): object[] =>
      steps.map(({ kernel, path, place: line, ops, operations, bytes }) => ({
        kernel,
        path,
        line,
        ops,
        operations,
        bytes,
      }));
    expect(timeless(jsonOf(stdout))).toEqual(timeless(ofSpec));
  });

  it('runs no steps of the routines that generate', async () => {
    place.write(
      'count.model',
      `model Count {
        dims batch, time <= 3
        input ids: i32[batch, time]
        param table: f32[4, 4] = zeros()
        output logits = embedding(ids, table)
        generate ids along time from logits
      }`,
    );
    const told = async (path: string): Promise<unknown[]> => {
      const { code, stdout } = await place.run(`profile ${path} --dims batch=2,time=3 --runs 1 --json`);
      expect(code).toBe(0);
      return jsonOf(stdout).steps.map(({ step, ops }) => [step, ops]);
    };
    expect((await place.run('compile count.model -o count')).code).toBe(0);
    expect(await told('count')).toEqual(await told('count.model'));
  });

  it('does without lines and operations where the folder has lost them, and says so', async () => {
    await place.run('compile spec.model -o bare');
    rmSync(place.path('bare/profile.json'));
    const { code, stdout, stderr } = await place.run('profile bare --dims batch=4 --runs 1');
    expect(code).toBe(0);
    expect(stderr).toContain('bare has no profile.json, so lines and operations are not known');
    expect(stdout).toMatch(/ memory {2}layers\.\*\.map$/m);
  });

  it('is refused with facts about other steps', async () => {
    await place.run('compile spec.model -o other');
    writeFileSync(place.path('other/profile.json'), '{"version":1,"limits":{},"targets":{"wasm":[]}}');
    const { code, stderr } = await place.run('profile other --dims batch=4 --runs 1');
    expect(code).toBe(1);
    expect(stderr).toMatch(/other\/profile\.json does not tell of the steps of other\n {2}= hint: compile it again/);
  });
});

describeGpu('on a GPU', () => {
  it('has the times of the steps by its own clock, and their lines', async () => {
    const { code, stdout } = await place.run('profile spec.model --dims batch=4 --runs 1 --json --target webgpu');
    expect(code).toBe(0);
    const told = jsonOf(stdout);
    expect(told).toMatchObject({ target: 'webgpu', dims: { batch: 4 }, samples: 1 });
    expect(told.whole.least).toBeGreaterThan(0);
    expect(told.ceilings.tile.operationsPerSecond).toBeGreaterThan(0);
    const products = told.rows.find(({ path }) => path === 'layers.*.map')!;
    expect(products).toMatchObject({ operations: 2 * (2 * 4 * 8 * 8 + 2 * 4 * 8) });
    expect(products.place).toMatch(/nn\.model:\d+$/);
    for (const { least } of told.steps) expect(least).toBeGreaterThan(0);
  }, 120_000);
});

describe('steps that come to less than the run', () => {
  const row = (least: number): ProfileRow => ({
    steps: [0],
    kernel: 'product',
    path: '',
    place: '',
    ops: [],
    time: { least, median: least },
  });
  const whole = { least: 1e-3, median: 1e-3 };

  it('are explained where some were repeated', () => {
    const steps = [row(600e-6), row(30e-6)];
    expect(repetitionNote({ steps, whole })).toContain('steps below 50 µs are repeated');
  });

  it.each([
    ['come to enough', [row(840e-6), row(30e-6)]],
    ['were not repeated', [row(400e-6), row(60e-6)]],
  ])('are not where they %s', (_, steps) => {
    expect(repetitionNote({ steps, whole })).toBeUndefined();
  });
});

describe('what makes no sense', () => {
  it.each([
    ['nowhere.model', 1, 'there is no spec and no artifact nowhere.model'],
    ['. --dims batch=1', 1, '. is a folder, but no artifact: it has no program.json'],
    ['spec.model', 2, 'Layers needs a size for batch'],
    ['spec.model --dims rows=1', 2, 'Layers has no dimension rows'],
    ['spec.model --dims batch=65', 2, 'batch is at most 64 in Layers'],
    ['spec.model --dims batch=1 --target js --simd strict', 2, '--simd is for wasm'],
    ['spec.model --dims batch=1 --target js --threads 2', 2, '--threads is for wasm'],
    ['spec.model --dims batch=1 --runs 1 --seconds 1', 2, '--runs and --seconds say the same in two ways'],
    ['spec.model --dims batch=1 --seconds 0', 2, 'A number of seconds is needed'],
    ['built --dims batch=1 --set depth=1', 2, '--set is for specs, but built is an artifact'],
    ['built --dims batch=1 --quantize int8', 2, '--quantize is for specs, but built is an artifact'],
    [
      'free.model --dims batch=10000000000',
      1,
      'error: these dimensions need 114441 MiB of memory; the limit is 4096 MiB',
    ],
    ['free.model --dims batch=100000000000000', 1, 'of memory; the limit is 4096 MiB'],
  ])('profile %s', async (line, code, message) => {
    const ran = await place.run(`profile ${line}`);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toContain(message);
  });

  it.each([
    ['none/flame.html', 'its folder does not exist'],
    ['folder', 'it is a folder'],
    ['spec.model/flame.html', 'a part of the path is no folder'],
  ])('is told of the page %s before anything is measured', async (path, reason) => {
    mkdirSync(place.path('folder'), { recursive: true });
    const { code, stderr } = await place.run(`profile spec.model --dims batch=1 --runs 1 -o ${path}`);
    // Not even that the weights are random.
    expect({ code, stderr }).toEqual({ code: 1, stderr: `error: ${path} cannot be written: ${reason}\n` });
  });

  it('is told as JSON with --json', async () => {
    const { code, stdout } = await place.run('profile spec.model --json');
    expect(code).toBe(2);
    expect(stdout).toContain('Layers needs a size for batch');
  });
});
