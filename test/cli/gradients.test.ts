/** `heddle run --mode --grad`: losses, gradients and new states of one step, under the names of reference cases. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSafetensors } from '../../src/program/safetensors.ts';
import { describeReference, largestDifference, readCase, referenceRoot, valuesOf } from '../support/reference.ts';
import { specFile } from '../support/specs.ts';
import { AFFINE, AFFINE_WEIGHTS, AFFINE_X, safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();
const TARGETS = ['wasm', 'js', 'reference'];
const RUN = 'run affine.model --weights affine.safetensors --inputs x.safetensors --out out.safetensors';

function written(name = 'out.safetensors') {
  return parseSafetensors(new Uint8Array(readFileSync(place.path(name)))).tensors;
}

beforeAll(() => {
  place.write('affine.model', AFFINE);
  place.write('affine.safetensors', safetensors(AFFINE_WEIGHTS));
  place.write('x.safetensors', safetensors({ x: AFFINE_X, 'cot.y': tensor('F32', [2, 3], [1, 0, 0, 0, 0, 2]) }));
});

describe('run --grad of a model', () => {
  it.each(TARGETS)('weighs the outputs by the cotangents that are given, on %s', async (target) => {
    const { code, stderr } = await place.run([...`${RUN} --target ${target} --grad`.split(' '), 'in.*,param.map.*']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('out.safetensors: 5 tensors') });
    const found = written();
    expect([...found.keys()]).toEqual(['loss', 'out.y', 'grad.in.x', 'grad.param.map.weight', 'grad.param.map.bias']);
    expect([...valuesOf(found, 'loss')]).toEqual([5.5 + 2 * 39]);
    expect([...valuesOf(found, 'grad.in.x')]).toEqual([1, 2, 10, 12]);
    expect([...valuesOf(found, 'grad.param.map.weight')]).toEqual([1, 2, 0, 0, 6, 8]);
    expect([...valuesOf(found, 'grad.param.map.bias')]).toEqual([1, 0, 2]);
  });

  it('gives parameters their foreign names again', async () => {
    place.write('map.json', '{ "layer": { "to": "map", "transpose": true } }');
    const transposed = {
      'layer.weight': tensor('F32', [2, 3], [1, 3, 5, 2, 4, 6]),
      'layer.bias': AFFINE_WEIGHTS['map.bias'],
    };
    place.write('foreign.safetensors', safetensors(transposed));
    const { code, stderr } = await place.run(
      'run affine.model --weights foreign.safetensors --rename map.json --inputs x.safetensors --out out.safetensors --grad param.*',
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect([...valuesOf(written(), 'grad.param.layer.weight')]).toEqual([1, 0, 6, 2, 0, 8]);
    expect([...valuesOf(written(), 'grad.param.layer.bias')]).toEqual([1, 0, 2]);
  });

  it('says what names nothing, and what has no loss', async () => {
    const nothing = await place.run(`${RUN} --grad in.z,param.*`);
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain('`in.z` names no f32 input and no parameter of `Affine`');
    place.write('bare.safetensors', safetensors({ x: AFFINE_X }));
    const bare = await place.run(
      'run affine.model --weights affine.safetensors --inputs bare.safetensors --grad param.*',
    );
    expect(bare.code).toBe(1);
    expect(bare.stderr).toContain('`Affine` is a model, which has no loss');
    expect(bare.stderr).toContain('`cot.y`, f32[batch, 3]');
    const quantized = await place.run(`${RUN} --quantize int8 --grad param.*`);
    expect(quantized.code).toBe(2);
  });
});

describe('run --grad of everything', () => {
  it('takes an entry without f32 inputs', async () => {
    place.write(
      'table.model',
      'model T {\n  input at: i32[2]\n  param t: f32[3]\n  output y = embedding(at, t[:, none])\n}\n',
    );
    place.write('t.safetensors', safetensors({ t: tensor('F32', [3], [1, 2, 3]) }));
    place.write(
      'at.safetensors',
      safetensors({ at: tensor('I32', [2], [2, 2]), 'cot.y': tensor('F32', [2, 1], [1, 5]) }),
    );
    const run =
      'run table.model --weights t.safetensors --inputs at.safetensors --out out.safetensors --grad in.*,param.*';
    expect(await place.run(run)).toMatchObject({ code: 0 });
    expect([...written().keys()]).toEqual(['loss', 'out.y', 'grad.param.t']);
    expect([...valuesOf(written(), 'grad.param.t')]).toEqual([0, 0, 6]);
  });
});

describe('run --mode', () => {
  const COUNTER = `
block Count()(x: f32[n]) -> f32[n] {
  state steps: f32[] = zeros()
  if training { next steps = steps + 1.0 }
  return x * (if training then 2.0 else 1.0)
}

model M {
  dims n
  input x: f32[n]
  output y = x |> Count() as count
}
`;

  it.each(TARGETS)('runs a model as in training, with new values of its states, on %s', async (target) => {
    place.write('count.model', COUNTER);
    place.write('steps.safetensors', safetensors({ 'count.steps': tensor('F32', [], [7]) }));
    place.write('v.safetensors', safetensors({ x: tensor('F32', [2], [3, 4]) }));
    const command = `run count.model --weights steps.safetensors --inputs v.safetensors --target ${target} --out out.safetensors`;
    expect(await place.run(`${command} --mode train`)).toMatchObject({ code: 0 });
    expect([...written().keys()]).toEqual(['out.y', 'buf.count.steps']);
    expect([...valuesOf(written(), 'buf.count.steps')]).toEqual([8]);
    expect([...valuesOf(written(), 'out.y')]).toEqual([6, 8]);
    expect(await place.run(`${command} --mode eval`)).toMatchObject({ code: 0 });
    expect([...written().keys()]).toEqual(['out.y']);
    expect([...valuesOf(written(), 'out.y')]).toEqual([3, 4]);
  });
});

describeReference('run --grad of a train entry', 'oracle/shared/mlp_sigmoid', () => {
  it.each(TARGETS)('writes what the reference case holds, on %s', async (target) => {
    const file = join(referenceRoot, 'oracle/shared/mlp_sigmoid/mse_mean.safetensors');
    const { tensors, tolerances, config } = readCase('mlp_sigmoid/mse_mean');
    const [features, hidden, outputs] = config['sizes'] as number[];
    place.write('net.json', '{ "{path..}": "net.{path..}" }');
    const { code, stderr } = await place.run([
      'run',
      specFile('mlp.model'),
      ...`--entry TrainSigmoidMLP --set features=${features} --set hidden=${hidden}`.split(' '),
      ...`--set outputs=${outputs} --rename net.json --target ${target} --out case.safetensors`.split(' '),
      '--weights',
      `${file}:param.`,
      '--inputs',
      `${file}:in.`,
      '--grad',
      'in.*,param.*',
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const found = written('case.safetensors');
    const wanted = [...tensors.keys()].filter((name) => /^(?:loss$|grad\.)/.test(name));
    expect(wanted.length).toBeGreaterThan(6);
    for (const name of wanted) {
      const truth = valuesOf(tensors, name.replace(/^\w+/, '$&64'));
      expect(largestDifference(valuesOf(found, name), truth), name).toBeLessThanOrEqual(tolerances[name]!.tol);
    }
  });
});
