/** Specs with experts at the command line: their weights have names of their own everywhere, and their work is told. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readLog, type StepLine } from '../../src/cli/train/log.ts';
import { toFloat64 } from '../../src/program/convert.ts';
import { parseSafetensors, type StoredTensor } from '../../src/program/safetensors.ts';
import { safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

const SPEC = `import { Linear } from "std/nn"

model Experts(count: int = 3) {
  dims n
  input x: f32[n, 24]
  input gate: f32[n, 2]
  input index: i32[n, 2]
  output y: f32[n, 48] = mixture(x, gate, index, count) as experts { t => t |> Linear(48) as up }
}

train Fit() {
  dims n
  input x: f32[n, 24]
  input gate: f32[n, 2]
  input index: i32[n, 2]
  input wanted: f32[n, 48]
  net = Experts()
  loss mse(net(x, gate, index), wanted)
  optimizer adamw(lr: 0.01)
}
`;
const NAMES = ['weight', 'bias'].flatMap((name) => [0, 1, 2].map((expert) => `experts.${expert}.up.${name}`));
const waves = (count: number, start: number): number[] =>
  Array.from({ length: count }, (_, at) => Math.sin(start + 1.7 * at));
const WEIGHTS = Object.fromEntries(
  NAMES.map((name, at) => [name, tensor('F32', at < 3 ? [48, 24] : [48], waves(at < 3 ? 48 * 24 : 48, at))]),
);
/** Expert 1 has 7 rows, expert 2 has 9, and expert 0 has none. */
const INPUTS = {
  x: tensor('F32', [8, 24], waves(8 * 24, 5)),
  gate: tensor('F32', [8, 2], waves(16, 6)),
  index: tensor('I32', [8, 2], [1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 2]),
  'cot.y': tensor('F32', [8, 48], waves(8 * 48, 7)),
};
const EACH = 24 * 48;

function written(name: string): ReadonlyMap<string, StoredTensor> {
  return parseSafetensors(new Uint8Array(readFileSync(place.path(name)))).tensors;
}

beforeAll(() => {
  place.write('experts.model', SPEC);
  place.write('experts.safetensors', safetensors(WEIGHTS));
  place.write('inputs.safetensors', safetensors(INPUTS));
});

const RUN = 'run experts.model --entry Experts --inputs inputs.safetensors --weights';

describe('the weights of experts', () => {
  it('are listed, counted and asked for one by one', async () => {
    const { stdout } = await place.run('check experts.model --entry Experts');
    for (const name of NAMES) expect(stdout).toContain(name);
    expect(stdout).toContain('3,600 parameters in 6 tensors');
    expect(stdout).not.toContain('{i}');
    const { 'experts.1.up.bias': left, ...rest } = WEIGHTS;
    place.write('wrong.safetensors', safetensors({ ...rest, 'experts.3.up.bias': left! }));
    const { code, stderr } = await place.run(`${RUN} wrong.safetensors`);
    expect(code).toBe(1);
    expect(stderr).toContain('experts.1.up.bias: f32[48]; did you mean experts.3.up.bias?');
    expect(stderr).toContain('hold 1 tensor that belongs to no parameter');
  });

  it('and their gradients have the same names and values on every target', async () => {
    const found = new Map<string, ReadonlyMap<string, StoredTensor>>();
    for (const target of ['reference', 'wasm', 'js']) {
      const line = `${RUN} experts.safetensors --out out.safetensors --target ${target} --grad`;
      const { code, stderr } = await place.run([...line.split(' '), 'param.experts.*,in.x']);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      found.set(target, written('out.safetensors'));
    }
    const wanted = found.get('reference')!;
    expect([...wanted.keys()]).toEqual(['loss', 'out.y', 'grad.in.x', ...NAMES.map((name) => `grad.param.${name}`)]);
    expect(wanted.get('grad.param.experts.2.up.weight')!.shape).toEqual([48, 24]);
    expect(Math.max(...toFloat64(wanted.get('grad.param.experts.2.up.weight')!).map(Math.abs))).toBeGreaterThan(1);
    // Nobody chose this one.
    expect(new Set(toFloat64(wanted.get('grad.param.experts.0.up.weight')!))).toEqual(new Set([0]));
    for (const target of ['wasm', 'js'])
      for (const [name, tensor] of wanted) {
        const got = toFloat64(found.get(target)!.get(name)!);
        expect(got.length).toBe(toFloat64(tensor).length);
        const far = toFloat64(tensor).map((value, at) => Math.abs(value - got[at]!));
        expect(Math.max(...far), `${target} ${name}`).toBeLessThan(2e-5);
      }
  });

  it('may have other names elsewhere, there and back', async () => {
    const foreign = Object.entries(WEIGHTS).map(([name, tensor]) => [name.replace('experts', 'moe.expert'), tensor]);
    place.write('foreign.safetensors', safetensors(Object.fromEntries(foreign) as typeof WEIGHTS));
    place.write('map.json', '{ "moe.expert.{i}": "experts.{i}" }');
    const line = `${RUN} foreign.safetensors --rename map.json --out out.safetensors --grad param.experts.1.*`;
    expect(await place.run(line)).toMatchObject({ code: 0 });
    expect([...written('out.safetensors').keys()]).toEqual([
      'loss',
      'out.y',
      'grad.param.moe.expert.1.up.weight',
      'grad.param.moe.expert.1.up.bias',
    ]);
  });

  it.each(['f32', 'f16', 'int8'])('are stored in an artifact as %s', async (store) => {
    const compile = `compile experts.model --entry Experts --weights experts.safetensors --store ${store} -o ${store}`;
    expect(await place.run(compile)).toMatchObject({ code: 0, stderr: '' });
    const tensors = written(`${store}/weights.safetensors`);
    const dtype = { f32: 'F32', f16: 'F16', int8: 'I8' }[store];
    for (const name of NAMES.slice(0, 3)) expect(tensors.get(name)!.dtype).toBe(dtype);
    if (store === 'int8') expect(tensors.get('experts.2.up.weight.absmax')!.shape).toEqual([48, 1]);
    expect(await place.run(`${RUN} experts.safetensors --out wanted.safetensors`)).toMatchObject({ code: 0 });
    expect(readFileSync(place.path(`${store}/index.d.ts`), 'utf8')).toContain('readonly multiplyAdds?: {');
    const { code, stderr } = await place.run(`run ${store} --inputs inputs.safetensors --out out.safetensors`);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [got, wanted] = ['out', 'wanted'].map((name) => toFloat64(written(`${name}.safetensors`).get('y')!));
    const far = wanted!.map((value, at) => Math.abs(value - got![at]!));
    expect(Math.max(...far)).toBeLessThan({ f32: 1e-5, f16: 0.02, int8: 0.1 }[store]!);
  });
});

describe('the work of experts', () => {
  it('is told by inspect, for any number of tokens', async () => {
    const inspect = 'inspect experts.model --entry Experts';
    const { stdout } = await place.run(inspect);
    expect(stdout).toContain('of experts     n * 2.30 k, against n * 3.46 k if every expert saw every token');
    const { total } = JSON.parse((await place.run(`${inspect} --json --dims n=8`)).stdout) as { total: object };
    expect(total).toMatchObject({ experts: { sparse: 16 * EACH, dense: 24 * EACH }, multiplyAdds: 16 * EACH });
  });

  it('is measured by profile', async () => {
    const line = 'profile experts.model --entry Experts --weights experts.safetensors --inputs inputs.safetensors';
    const found = await place.run(`${line} --runs 1 --target js --json`);
    expect(found.code).toBe(0);
    const { multiplyAdds } = JSON.parse(found.stdout) as { multiplyAdds: { executed: number; dense: number } };
    expect(multiplyAdds.dense).toBe(24 * EACH);
    // Whole tiles of two rows: 8 and 10.
    expect(multiplyAdds.executed).toBeGreaterThanOrEqual(16 * EACH);
    expect(multiplyAdds.executed).toBeLessThanOrEqual(18 * EACH);
    const { stdout } = await place.run(`${line} --runs 1 --target js`);
    expect(stdout).toMatch(/^experts +\d+(\.\d+)? k multiply-adds executed, \d+ % of the 27\.6 k if every expert/m);
  });

  it('is logged by train, whose checkpoints and weights have each expert', async () => {
    const { x, gate, index } = INPUTS;
    place.write('data.safetensors', safetensors({ x, gate, index, wanted: INPUTS['cot.y'] }));
    const fit = 'train experts.model --entry Fit --data data.safetensors --batch 8 --target js';
    const { code, stderr } = await place.run(`${fit} --steps 2 --log-every 1 -o runs/a`);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/experts \d+ % of dense/);
    const steps = readLog(place.path('runs/a/log.jsonl')).filter((line): line is StepLine => 'loss' in line);
    expect(steps.length).toBe(2);
    for (const { multiplyAdds } of steps) {
      // The products, and the gradients of the weights.
      expect(multiplyAdds!.dense).toBe(2 * 24 * EACH);
      expect(multiplyAdds!.executed).toBeGreaterThanOrEqual(2 * 16 * EACH);
      expect(multiplyAdds!.executed).toBeLessThanOrEqual(2 * 18 * EACH);
    }
    const saved = 'runs/a/checkpoints/00000002.safetensors';
    const own = (name: string): string[] => [name, `optimizer.exp_avg.${name}`, `optimizer.exp_avg_sq.${name}`];
    expect([...written(saved).keys()].toSorted()).toEqual(NAMES.flatMap((name) => own(`net.${name}`)).toSorted());
    const again = await place.run(`${RUN} runs/a:net --out out.safetensors --target js`);
    expect(again).toMatchObject({ code: 0 });
  });
});
