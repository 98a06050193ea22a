/** `heddle train` as a whole, on small specs: what it writes, going on, and what it says of mistakes. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLog } from '../../../src/cli/train/log.ts';
import { toFloat64 } from '../../../src/program/convert.ts';
import { parseSafetensors, type StoredTensor } from '../../../src/program/safetensors.ts';
import type { Io } from '../../../src/cli/io.ts';
import { describeGpu } from '../../support/webgpu.ts';
import { type Ran, safetensors, tensor, Workplace } from '../support.ts';

const place = new Workplace();
beforeAll(() => place.link());
afterAll(() => place.remove());

const LINE = `import { Linear } from "std/nn"
import { Dropout } from "std/nn"

model Line(rate: float = 0.0) {
  dims batch
  input x: f32[batch, 2]
  output y: f32[batch, 1] = x |> Dropout(rate) |> Linear(1) as map
}

train Fit(rate: float = 0.0, lr: float = 0.1) {
  dims batch
  input x: f32[batch, 2]
  input y: f32[batch, 1]
  net = Line(rate)
  output guess = net(x)
  loss mse(guess, y)
  metric worst = max(abs(guess - y))
  optimizer adamw(lr: lr)
}
`;

/** y = 2 a - b + 1 */
const COUNT = 40;
const [XS, YS] = [new Array<number>(), new Array<number>()];
for (let at = 0; at < COUNT; at++) {
  const [a, b] = [Math.sin(at), Math.cos(3 * at)];
  XS.push(a, b);
  YS.push(2 * a - b + 1);
}

beforeAll(() => {
  place.write('line.model', LINE);
  place.write('data.safetensors', safetensors({ x: tensor('F32', [COUNT, 2], XS), y: tensor('F32', [COUNT, 1], YS) }));
});

const FIT = 'train line.model --entry Fit --data data.safetensors --batch 8';

function tensorsOf(name: string): ReadonlyMap<string, StoredTensor> {
  return parseSafetensors(new Uint8Array(readFileSync(place.path(name)))).tensors;
}

function bytesOf(name: string): Buffer {
  return readFileSync(place.path(name));
}

/** The log without its times. */
function timeless(run: string): unknown[] {
  return readLog(place.path(`${run}/log.jsonl`)).map((line) => ({ ...line, seconds: 0 }));
}

/** Asks for the end when `isDue` says so. */
function stopping(isDue: (written: string) => boolean): Partial<Io> {
  let stop: (() => void) | undefined;
  let written = '';
  return {
    onStop: (request) => {
      stop = request;
      return () => undefined;
    },
    stderr: {
      isTTY: true,
      write(text) {
        written += text;
        if (!stop || !isDue(written)) return;
        const request = stop;
        stop = undefined;
        request();
      },
    },
  };
}

describeGpu('train on webgpu', () => {
  it('has the losses of other targets, and is resumed', async () => {
    for (const target of ['js', 'webgpu'])
      expect(await place.run(`${FIT} --steps 6 --target ${target} -o on-${target}`)).toMatchObject({ code: 0 });
    const lossesOf = (run: string): number[] =>
      readLog(place.path(`${run}/log.jsonl`)).flatMap((line) => ('loss' in line ? [line.loss] : []));
    const [found, wanted] = [lossesOf('on-webgpu'), lossesOf('on-js')];
    expect(found).toHaveLength(6);
    found.forEach((loss, at) => expect(loss).toBeCloseTo(wanted[at]!, 4));
    const resumed = await place.run('train --resume on-webgpu --steps 8');
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toContain('; webgpu, seed 0; to on-webgpu, from step 6\n');
    expect(lossesOf('on-webgpu')).toHaveLength(8);
  });
});

describe('train', () => {
  it('learns, and writes all there is to know into the folder of the run', async () => {
    const ran = await place.run(`${FIT} --hold-out 0.2 --steps 300 --target js -o fit`);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(
      /^trained 300 of 300 steps in 0:0\d\nloss \S+, worst \S+\nbest at step \d+: validation loss/,
    );
    expect(ran.stderr).toContain('Fit on 32 examples, 8 examples to evaluate on; js, 1 thread, seed 0; to fit\n');
    expect(readdirSync(place.path('fit')).sort()).toEqual(['checkpoints', 'config.json', 'curve.svg', 'log.jsonl']);
    expect(readdirSync(place.path('fit/checkpoints'))).toEqual([
      '00000270.safetensors',
      '00000300.safetensors',
      'best.safetensors',
    ]);
    const lines = readLog(place.path('fit/log.jsonl'));
    expect(lines).toHaveLength(320);
    expect(lines.at(-1)).toMatchObject({ step: 300, evaluation: { examples: 8 } });
    const trained = tensorsOf('fit/checkpoints/00000300.safetensors');
    expect([...trained.keys()].filter((name) => !name.startsWith('optimizer.')).sort()).toEqual([
      'net.map.bias',
      'net.map.weight',
    ]);
    const weight = toFloat64(trained.get('net.map.weight')!);
    expect([...weight]).toEqual([expect.closeTo(2, 1), expect.closeTo(-1, 1)]);
  });

  it('gives its weights to other commands', async () => {
    place.write('x.safetensors', safetensors({ x: tensor('F32', [1, 2], [1, 1]) }));
    const ran = await place.run(
      'run line.model --entry Line --weights fit:net --inputs x.safetensors --target js --out y.safetensors',
    );
    expect(ran).toMatchObject({ code: 0 });
    expect(toFloat64(tensorsOf('y.safetensors').get('y')!)[0]).toBeCloseTo(2, 1);
    const best = await place.run(
      'run line.model --entry Line --weights fit/checkpoints/best.safetensors:net. --inputs x.safetensors --target reference',
    );
    expect(best).toMatchObject({ code: 0 });
    const all = await place.run(
      'run line.model --entry Fit --weights fit --inputs data.safetensors --target js --mode eval',
    );
    expect(all).toMatchObject({ code: 0 });
    const none = await place.run('run line.model --entry Line --weights fit:nothing --inputs x.safetensors');
    expect(none.stderr).toContain('has a name that begins with `nothing.`');
  });

  it('begins with given weights, those of another run too', async () => {
    const ran = await place.run(`${FIT} --weights net=fit:net --set lr=0 --steps 2 --no-shuffle --target js -o from`);
    expect(ran).toMatchObject({ code: 0 });
    const [before, after] = [
      tensorsOf('fit/checkpoints/00000300.safetensors'),
      tensorsOf('from/checkpoints/00000002.safetensors'),
    ];
    expect(after.get('net.map.bias')!.bytes).toEqual(before.get('net.map.bias')!.bytes);
    const wrong = await place.run(`${FIT} --weights other=fit:net --steps 2 -o from2`);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('belong to no parameter: other.map.');
  });

  it.each(['js', 'wasm'])('goes on with the same bits after it was stopped, on %s', async (target) => {
    const options = `--hold-out 0.2 --steps 40 --eval-every 7 --set rate=0.3 --seed 5 --target ${target}`;
    await place.run(`${FIT} ${options} -o whole-${target}`);
    const stopped = await place.run(
      `${FIT} ${options} -o part-${target}`,
      stopping((text) => text.includes('step 14:')),
    );
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toMatch(/^interrupted at 14 of 40 steps/);
    expect(stopped.stdout).toContain(`go on with: heddle train --resume part-${target}`);
    const resumed = await place.run(`train --resume part-${target}`);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toContain('from step 14');
    for (const file of ['00000040', 'best'])
      expect(bytesOf(`part-${target}/checkpoints/${file}.safetensors`)).toEqual(
        bytesOf(`whole-${target}/checkpoints/${file}.safetensors`),
      );
    expect(timeless(`part-${target}`)).toEqual(timeless(`whole-${target}`));
    expect(bytesOf(`part-${target}/config.json`)).toEqual(bytesOf(`whole-${target}/config.json`));
  });

  it('counts updates where several batches make one', async () => {
    place.write('summed.model', LINE.replace('adamw(lr: lr)', 'adamw(lr: lr, accumulate: 2)'));
    const ran = await place.run(
      'train summed.model --entry Fit --data data.safetensors --batch 4 --steps 6 --target js -o summed',
    );
    expect(ran).toMatchObject({ code: 0 });
    const { metadata } = parseSafetensors(new Uint8Array(bytesOf('summed/checkpoints/00000006.safetensors')));
    expect([metadata.get('heddle.update'), metadata.get('heddle.batches')]).toEqual(['6', '12']);
    expect(readLog(place.path('summed/log.jsonl')).at(-1)).toMatchObject({ step: 6, epoch: 1.2 });
  });

  it('may go on for longer than was planned', async () => {
    await place.run(`${FIT} --steps 4 --target js -o longer`);
    expect(await place.run('train --resume longer --steps 6')).toMatchObject({ code: 0 });
    await place.run(`${FIT} --steps 6 --target js -o straight`);
    expect(bytesOf('longer/checkpoints/00000006.safetensors')).toEqual(
      bytesOf('straight/checkpoints/00000006.safetensors'),
    );
    expect(JSON.parse(readFileSync(place.path('longer/config.json'), 'utf8'))).toMatchObject({ steps: 6 });
  });

  it('shows how it goes: in place on a terminal, now and then elsewhere', async () => {
    const live: string[] = [];
    const stderr = { isTTY: true, columns: 60, write: (text: string) => void live.push(text) };
    await place.run(`${FIT} --steps 20 --target js -o live`, { stderr });
    expect(live.at(-2)).toMatch(/^\rstep 20\/20 · loss \S+ · worst \S+ · lr 0\.1/);
    expect(live.at(-1)).toBe('\r\u001b[K');
    const { stderr: text } = await place.run(`${FIT} --steps 20 --target js -o quiet`);
    expect(text.split('\n').filter((line) => line.startsWith('step'))).toHaveLength(2);
  });
});

describe('data of every kind', () => {
  it('keep their vocabulary with the run', async () => {
    place.write(
      'chars.model',
      `import { Embedding, Linear } from "std/nn"
train Next(vocab: int = 4) {
  dims batch, time
  input idx: i32[batch, time]
  input target: i32[batch, time]
  logits = idx |> Embedding(vocab, 4) as embedding |> Linear(vocab) as head
  loss cross_entropy(rearrange(logits, "b t v -> (b t) v"), rearrange(target, "b t -> (b t)"))
  optimizer adamw(lr: 0.05)
}
`,
    );
    place.write('abcd.txt', 'abcd'.repeat(60));
    const ran = await place.run(
      'train chars.model --data abcd.txt --block 6 --hold-out 0.1 --batch 4 --steps 60 --target js -o chars',
    );
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toContain('a vocabulary of 4 characters');
    expect(JSON.parse(readFileSync(place.path('chars/vocabulary.json'), 'utf8'))).toEqual({
      kind: 'characters',
      tokens: ['a', 'b', 'c', 'd'],
    });
    const losses = readLog(place.path('chars/log.jsonl')).flatMap((line) => ('loss' in line ? [line.loss] : []));
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    expect(await place.run('train --resume chars --steps 61')).toMatchObject({ code: 0 });
    place.write('abcd.txt', 'abdc'.repeat(60));
    const changed = await place.run('train --resume chars --steps 62');
    expect(changed.stderr).toContain('the data have changed since the run began');
  });

  it('may hold what another run computes for each example', async () => {
    place.write(
      'distil.model',
      `import { Line } from "./line"
train Student {
  dims batch
  input x: f32[batch, 2]
  input answer: f32[batch, 1]
  student = Line()
  loss mse(student(x), answer)
  optimizer sgd(lr: 0.1)
}
`,
    );
    const distil = 'train distil.model --data data.safetensors --batch 8 --steps 200 --hold-out 0.1 --target js';
    expect(await place.run(`${distil} --cache answer=fit:guess -o student`)).toMatchObject({ code: 0 });
    const [teacher, student] = [
      tensorsOf('fit/checkpoints/00000300.safetensors'),
      tensorsOf('student/checkpoints/00000200.safetensors'),
    ];
    const learned = toFloat64(student.get('student.map.weight')!);
    toFloat64(teacher.get('net.map.weight')!).forEach((value, at) => expect(learned[at]).toBeCloseTo(value, 1));
    // By the path of an instance too, whatever the entry puts out.
    expect(await place.run(`${distil} --cache answer=fit:net -o student2`)).toMatchObject({ code: 0 });
    expect(bytesOf('student2/cache.safetensors')).toEqual(bytesOf('student/cache.safetensors'));
    const cached = tensorsOf('student/cache.safetensors');
    expect([cached.get('train.answer')!.shape, cached.get('evaluation.answer')!.shape]).toEqual([
      [36, 1],
      [4, 1],
    ]);
    expect(await place.run('train --resume student --steps 201')).toMatchObject({ code: 0 });
    const wrong = await place.run(`${distil} --cache answer=fit:nett -o student3`);
    expect(wrong.stderr).toContain('no instance matches the tap `nett`');
    expect(existsSync(place.path('student3'))).toBe(false);
  });

  it('are replayed where they are a sequence of batches', async () => {
    const steps = [0, 1, 2].flatMap((step) => [
      [`s${step}.x`, tensor('F32', [2, 2], [step, 1, 1, 0])] as const,
      [`s${step}.y`, tensor('F32', [2, 1], [step, 1])] as const,
    ]);
    place.write('steps.safetensors', safetensors(Object.fromEntries(steps)));
    place.write(
      'start.safetensors',
      safetensors({ 'a.map.weight': tensor('F32', [1, 2], [0, 0]), 'a.map.bias': tensor('F32', [1], [0]) }),
    );
    const replay =
      'train line.model --entry Fit --data steps.safetensors --set lr=0 --weights net=start.safetensors:a. --target js';
    expect(await place.run(`${replay} -o replay`)).toMatchObject({ code: 0 });
    const result = tensorsOf('replay/replay.safetensors');
    expect([...result.keys()].sort()).toEqual(['out.final.map.bias', 'out.final.map.weight', 'out.losses']);
    expect([...toFloat64(result.get('out.losses')!)]).toEqual([0.5, 1, 2.5]);
    const long = await place.run(`${replay} --steps 4 -o replay2`);
    expect(long).toMatchObject({ code: 2 });
    expect(long.stderr).toContain('--steps 4 needs 4 batches, but 3 are stored');
    const longer = await place.run('train --resume replay --steps 4');
    expect(longer).toMatchObject({ code: 2 });
    expect(longer.stderr).toContain('--steps 4 needs 4 batches, but 3 are stored');
    expect(await place.run('train --resume replay')).toMatchObject({ code: 0 });
    for (const option of ['--no-shuffle', '--drop-last', '--eval-every 2', '--batch 2', '--cache z=fit:guess']) {
      const { code, stderr } = await place.run(`${replay} ${option} -o replay3`);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(`${option.split(' ')[0]} means nothing here: the data are a stored sequence`),
      });
    }
    const bound = await place.run(`${replay} --bind q=x -o replay3`);
    expect(bound).toMatchObject({ code: 1 });
    expect(bound.stderr).toContain('--bind names the input q, which the entry does not have');
    expect(bound.stderr).toContain('inputs of the entry: x, y');
    expect(existsSync(place.path('replay3'))).toBe(false);
  });
});

describe('mistakes', () => {
  const errorOf = async (line: string): Promise<Ran> => place.run(line);

  const usage: [what: string, line: string, message: string][] = [
    ['no spec', 'train --data data.safetensors -o r', 'there is no spec to train'],
    ['no data', 'train line.model --entry Fit -o r', 'there are no data to train on'],
    ['no folder', 'train line.model --entry Fit --data data.safetensors', 'there is no folder for the run'],
    [
      'no steps',
      'train line.model --entry Fit --data data.safetensors --batch 2 -o r',
      'how long to train is not told',
    ],
    [
      'no batch',
      'train line.model --entry Fit --data data.safetensors --steps 2 -o r',
      'how many examples a batch has',
    ],
    ['a resumed run with a spec', 'train line.model --resume fit', 'a resumed run has its spec already'],
    ['a resumed run with other numbers', 'train --resume fit --eval-every 3', '--eval-every cannot be changed'],
    ['a resumed run in another order', 'train --resume fit --no-shuffle', '--no-shuffle cannot be changed'],
    ['a share beyond 1', `${FIT} --steps 2 --hold-out 2 -o r`, 'A share between 0 and 1'],
    ['a strange binding', `${FIT} --steps 2 --bind x -o r`, '--bind x=image'],
    ['threads on js', `${FIT} --steps 2 --target js --threads 2 -o r`, '--threads is for wasm, but the target is js'],
    ['simd on js', `${FIT} --steps 2 --target js --simd strict -o r`, '--simd is for wasm, but the target is js'],
    ['threads of a resumed run on js', 'train --resume fit --threads 2', '--threads is for wasm, but the target is js'],
    ['two bindings of an input', `${FIT} --steps 2 --bind x=x --bind x=y -o r`, 'The input x has a tensor already'],
  ];
  it.each(usage)('in the call: %s', async (_, line, message) => {
    const { code, stderr } = await errorOf(line);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
    expect(existsSync(place.path('r'))).toBe(false);
  });

  const failures: [what: string, line: string, message: string][] = [
    [
      'a model',
      'train line.model --entry Line --data data.safetensors --batch 2 --steps 2 -o r',
      'Line is a model; what learns is a train entry',
    ],
    [
      'no file',
      'train line.model --entry Fit --data none.safetensors --batch 2 --steps 2 -o r',
      'none.safetensors cannot be read',
    ],
    [
      'unbound inputs',
      `${FIT} --steps 2 --bind y=z -o r`,
      'the data have no tensor z, to which --bind binds the input y',
    ],
    ['a folder with something in it', `${FIT} --steps 2 -o fit`, 'fit is not empty'],
    [
      'a file in the place of the folder',
      `${FIT} --steps 2 -o line.model`,
      'line.model is there already, and is no folder',
    ],
    ['a cache in the place of data', `${FIT} --steps 2 --cache x=fit:guess -o r`, 'there is a tensor x already'],
    [
      'a cache that nothing takes',
      `${FIT} --steps 2 --cache z=fit:guess -o r`,
      'no input of the entry takes the tensor z, which --cache computes',
    ],
    ['no run', 'train --resume nowhere', 'nowhere is no run'],
    ['options of other data', `${FIT} --steps 2 --block 4 -o r`, '--block is for characters, bytes, but'],
    ['no augmentation', `${FIT} --steps 2 --augment flip -o r`, '--augment is for idx, cifar10, images'],
  ];
  it.each(failures)('in what is named: %s', async (_, line, message) => {
    const { code, stderr } = await errorOf(line);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
    expect(existsSync(place.path('r'))).toBe(false);
  });

  it('are changes of the spec while a run is not finished', async () => {
    place.write('changing.model', LINE);
    await place.run(
      'train changing.model --entry Fit --data data.safetensors --batch 8 --steps 2 --target js -o changing',
    );
    place.write('changing.model', LINE.replace('mse', '2 * mse'));
    const { code, stderr } = await place.run('train --resume changing --steps 4');
    expect(code).toBe(1);
    expect(stderr).toContain('changing.model has changed since the run began: changing.model');
  });

  it('are losses that are not finite: the step, the tensor and its line are told', async () => {
    place.write(
      'root.model',
      `block Root()(x: f32[..n]) -> f32[..n] {
  return sqrt(x - 1.0)
}

train Broken {
  dims batch
  input x: f32[batch, 2]
  param w: f32[2] = ones()
  loss mean((x * w) |> Root() as root)
  optimizer sgd(lr: 0.1)
}
`,
    );
    place.write('good.safetensors', safetensors({ x: tensor('F32', [4, 2], [3, 3, 3, 3, 3, 3, 0, 3]) }));
    const broken = await place.run(
      'train root.model --data good.safetensors --batch 2 --no-shuffle --steps 3 --target js -o broken',
    );
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/step 2: the loss of batch 2, for update 2, is NaN; nothing was changed/);
    expect(broken.stderr).toMatch(
      /the first tensor that is not finite is the result of sqrt.*root\.model:2:\d+: sqrt\(x - 1\.0\)/,
    );
    place.write('nan.safetensors', safetensors({ x: tensor('F32', [2, 2], [3, NaN, 3, 3]) }));
    const data = await place.run('train root.model --data nan.safetensors --batch 2 --steps 3 --target js -o broken2');
    expect(data.stderr).toContain('the input x has values that are not finite: the data are to blame');
    expect(readLog(place.path('broken/log.jsonl'))).toHaveLength(1);
  });

  it.each([
    [
      'a label',
      'loss cross_entropy(einsum("b, c -> b c", cast(label, f32), w), label)',
      /result of cross_entropy.*sizes\.model:5:\d+: cross_entropy\([^]*its operand target has values from 0 to 4, but the 2 classes are 0 to 1, or -2 to -1 from the end/,
    ],
    [
      'a token',
      'loss mean(embedding(label, w))',
      /result of embedding.*sizes\.model:5:\d+: embedding\(label, w\)[^]*its operand ids has values from 0 to 4, but the 2 rows are 0 to 1, or -2 to -1 from the end/,
    ],
    [
      'an index',
      'loss mean(gather(w, label, axis: 0))',
      /result of gather.*sizes\.model:5:\d+: gather\([^]*its operand index has values from 0 to 4, but the 2 elements are 0 to 1, or -2 to -1 from the end/,
    ],
  ])('are positions out of range, which the size of the entry leaves none for: %s', async (what, loss, message) => {
    const head = 'train Sizes {\n  dims batch\n  input label: i32[batch]\n  param w: f32[2] = ones()\n';
    place.write('sizes.model', `${head}  ${loss}\n  optimizer sgd(lr: 0.1)\n}\n`);
    place.write('labels.safetensors', safetensors({ label: tensor('I32', [4], [0, 1, 0, 4]) }));
    const run = `sizes-${what.split(' ')[1]}`;
    const sizes = `train sizes.model --data labels.safetensors --no-shuffle --target js --steps 3 -o ${run}`;
    const { code, stderr } = await place.run(`${sizes} --batch 2`);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('the data: 4 examples');
    expect(stderr).toContain('labels and tokens must fit the sizes of the entry');
    expect(stderr).not.toContain('learning rate');
    // What has trained for a step stays; where the first batch fails, there is nothing to keep.
    expect(existsSync(place.path(run))).toBe(true);
    rmSync(place.path(run), { recursive: true });
    expect(await place.run(`${sizes} --batch 4`)).toMatchObject({ code: 1 });
    expect(existsSync(place.path(run))).toBe(false);
  });

  it('are batches that the entry cannot compute: a new run leaves no folder', async () => {
    place.write(
      'wide.model',
      'train Wide {\n  dims batch\n  input i: i32[batch, 1]\n  param w: f32[2, 3] = ones()\n' +
        '  loss mean(gather(w, i, axis: 1))\n  optimizer sgd(lr: 0.1)\n}\n',
    );
    place.write('indices.safetensors', safetensors({ i: tensor('I32', [4, 1], [0, 1, 0, 2]) }));
    const ran = await place.run('train wide.model --data indices.safetensors --batch 4 --steps 2 --target js -o wide');
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain('Wide on 4 examples');
    expect(existsSync(place.path('wide'))).toBe(false);
  });

  it('are metrics and evaluations that are not a number: told once, and the training goes on', async () => {
    place.write('dark.model', LINE.replace('max(abs(guess - y))', 'max(sqrt(-1.0 - abs(guess - y)))'));
    place.write(
      'unknown.safetensors',
      safetensors({ x: tensor('F32', [2, 2], [1, 1, 1, 1]), y: tensor('F32', [2, 1], [1, NaN]) }),
    );
    const dark = `${FIT.replace('line', 'dark')} --eval-data unknown.safetensors --eval-every 1`;
    const { code, stderr } = await place.run(`${dark} --steps 3 --target js -o dark`);
    expect(code).toBe(0);
    expect(stderr.split('\n').filter((text) => text.startsWith('warning'))).toEqual([
      'warning: step 1: the metric worst is NaN; this is told once',
      'warning: step 1: the validation loss is NaN; this is told once',
      'warning: step 1: the validation metric worst is NaN; this is told once',
    ]);
  });

  it('are updates that are not finite, which no checkpoint keeps', async () => {
    place.write(
      'steep.model',
      `train Steep {
  dims batch
  input x: f32[batch, 2]
  param w: f32[2] = ones()
  loss mean(sqrt(x * w))
  optimizer sgd(lr: 0.1)
}
`,
    );
    place.write('zeros.safetensors', safetensors({ x: tensor('F32', [4, 2], [1, 1, 1, 1, 0, 1, 1, 1]) }));
    const steep = 'train steep.model --data zeros.safetensors --batch 2 --no-shuffle --target js';
    const { code, stderr } = await place.run(`${steep} --steps 2 --checkpoint-every 1 -o steep`);
    expect(code).toBe(1);
    expect(stderr).toContain('step 2: the loss is finite, but not what the update made of the parameters');
    expect(stderr).toMatch(/w has values that are not finite since a gradient of step 2 or before, .*steep\.model:4:3/);
    expect(readdirSync(place.path('steep/checkpoints')).sort()).toEqual([
      '00000000.safetensors',
      '00000001.safetensors',
    ]);
  });

  it('are entries whose loss depends on no parameter', async () => {
    place.write(
      'idle.model',
      'train Idle {\n  dims batch\n  input x: f32[batch, 2]\n  loss mean(x)\n  optimizer sgd(lr: 0.1)\n}\n',
    );
    const { code, stderr } = await place.run('train idle.model --data data.safetensors --batch 2 --steps 2 -o idle');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('Idle has nothing to train') });
  });

  it('are fewer steps than are done, and checkpoints that are damaged', async () => {
    expect(await place.run(`${FIT} --steps 4 --target js -o damaged`)).toMatchObject({ code: 0 });
    const fewer = await place.run('train --resume damaged --steps 3');
    expect(fewer).toMatchObject({ code: 2 });
    expect(fewer.stderr).toContain('--steps 3 is less than the 4 that are done');
    const last = 'damaged/checkpoints/00000004.safetensors';
    const whole = bytesOf(last);
    place.write(last, new Uint8Array(whole.subarray(0, 100)));
    const damaged = await place.run('train --resume damaged');
    expect(damaged).toMatchObject({ code: 1 });
    expect(damaged.stderr).toContain(`${last}: the weights are no safetensors file`);
    expect(damaged.stderr).toContain('without this file the run goes on from the checkpoint before it');
    rmSync(place.path(last));
    expect(await place.run('train --resume damaged')).toMatchObject({ code: 0 });
    expect(bytesOf(last)).toEqual(whole);
  });
});
