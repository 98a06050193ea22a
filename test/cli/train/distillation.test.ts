/** A classifier of sentences learns from a BERT, through the command: from words to an artifact. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { isEvaluation, type LogLine, readLog } from '../../../src/cli/train/log.ts';
import { toFloat64 } from '../../../src/program/convert.ts';
import { parseSafetensors, type StoredTensor } from '../../../src/program/safetensors.ts';
import type { Model } from '../../../src/runtime/model.ts';
import { projectRoot, useWorkplace } from '../support.ts';

const place = useWorkplace();

const WORDS = { neg: ['dull', 'flat', 'long'], pos: ['fresh', 'warm', 'witty'] };
const LENGTH = 6;

/** Sentences of a class, of 2 to 5 words. */
function sentences(own: readonly string[]): string[] {
  return Array.from({ length: 24 }, (_, at) =>
    ['a', own[at % 3]!, 'film', 'the', own[(at >> 2) % 3]!].slice(at % 2, 3 + (at % 3)).join(' '),
  );
}

const spec = (name: string): string => join(projectRoot, 'specs', name);
const DATA = `--data reviews.neg reviews.pos --length ${LENGTH} --hold-out 0.25 --batch 12 --target js`;
const BERT = ['vocab=12', 'hidden_size=8', 'layers=1', 'heads=2', 'intermediate=8', 'max_position=8'];
const CNN = ['vocab=12', 'embedding_dim=5', 'filter_sizes=[2, 3]', 'num_filters=4'];
const set = (settings: readonly string[]): string[] => settings.flatMap((setting) => ['--set', setting]);

async function trains(run: string, file: string, entry: string, settings: readonly string[], rest: string) {
  const words = `${DATA} ${rest} -o ${run}`.split(' ');
  const ran = await place.run(['train', spec(file), '--entry', entry, ...set(settings), ...words]);
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
}

function tensorsOf(name: string): ReadonlyMap<string, StoredTensor> {
  return parseSafetensors(new Uint8Array(readFileSync(place.path(name)))).tensors;
}

const logOf = (run: string): readonly LogLine[] => readLog(place.path(`${run}/log.jsonl`));
const lossesOf = (run: string): number[] =>
  logOf(run).map((line) => (isEvaluation(line) ? line.evaluation.loss : line.loss));

beforeAll(async () => {
  for (const name of ['neg', 'pos'] as const) place.write(`reviews.${name}`, sentences(WORDS[name]).join('\n'));
  await trains('teacher', 'bert.model', 'TrainBertClassifier', [...BERT, 'lr=0.01', 'steps=40'], '--steps 40');
  const distil = '--steps 60 --eval-every 20 --seed 3';
  await trains(
    'joint',
    'text_cnn.model',
    'DistillTextCNN',
    [...BERT, ...CNN.slice(1), 'lr=0.02'],
    `${distil} --weights teacher=teacher:net`,
  );
  await trains(
    'cached',
    'text_cnn.model',
    'DistillTextCNNFromLogits',
    [...CNN, 'lr=0.02'],
    `${distil} --cache teacher_logits=teacher:logits`,
  );
}, 60_000);

describe('a student', () => {
  it('learns the same with its teacher in the program as from answers computed once', () => {
    const [joint, cached] = [lossesOf('joint'), lossesOf('cached')];
    expect(joint.length).toBe(60 + 3);
    expect(cached.length).toBe(joint.length);
    joint.forEach((loss, at) => expect(Math.abs(cached[at]! - loss), `line ${at}`).toBeLessThan(1e-4 * loss + 1e-6));
    expect(logOf('joint').at(-1)).toMatchObject({ evaluation: { metrics: { accuracy: 1, teacher_accuracy: 1 } } });
    const answers = tensorsOf('cached/cache.safetensors');
    expect(answers.get('train.teacher_logits')!.shape).toEqual([36, 2]);
    expect(answers.get('evaluation.teacher_logits')!.shape).toEqual([12, 2]);
  });

  it('leaves the teacher as it was', () => {
    const learned = tensorsOf('teacher/checkpoints/00000040.safetensors');
    const frozen = tensorsOf('joint/frozen.safetensors');
    expect(frozen.size).toBeGreaterThan(20);
    for (const [name, { bytes }] of frozen)
      expect([...bytes], name).toEqual([...learned.get(name.replace(/^teacher/, 'net'))!.bytes]);
    const kept = [...tensorsOf('joint/checkpoints/00000060.safetensors').keys()];
    expect(kept.filter((name) => name.includes('teacher'))).toEqual([]);
  });

  it('is told where the teacher knows other words', async () => {
    place.write('other.neg', 'so so\n');
    place.write('other.pos', 'very good\n');
    const line = (rest: string): string[] =>
      `--data other.neg other.pos --length 4 --batch 2 --steps 1 --target js ${rest}`.split(' ');
    const entry = (name: string): string[] => ['train', spec('text_cnn.model'), '--entry', name];
    const student = [...entry('DistillTextCNN'), ...set([...BERT, ...CNN.slice(1)])];
    const joint = await place.run([...student, ...line('--weights teacher=teacher:net -o strange')]);
    expect(joint).toMatchObject({ code: 0 });
    expect(joint.stderr).toContain(
      'teacher was trained with another vocabulary; for its own: --vocabulary teacher/vocabulary.json',
    );
    const own = await place.run([
      ...student,
      ...line('--weights teacher=teacher:net --vocabulary teacher/vocabulary.json -o known'),
    ]);
    expect(own).toMatchObject({ code: 0 });
    expect(own.stderr).not.toContain('vocabulary;');
    const cached = [...entry('DistillTextCNNFromLogits'), ...set(CNN)];
    const refused = await place.run([...cached, ...line('--cache teacher_logits=teacher:logits -o none')]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('teacher was trained with another vocabulary');
  });

  it('is embedded by its path in the run, and classifies', async () => {
    const compile = ['compile', spec('text_cnn.model'), '--entry', 'TextCNN', ...set(CNN)];
    const ran = await place.run([...compile, '--weights', 'cached:student', '--target', 'js', '-o', 'build']);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const { load } = (await import(pathToFileURL(place.path('build/index.js')).href)) as {
      load: (options: object) => Promise<Model>;
    };
    const model = await load({ target: 'js' });
    const { tokens } = JSON.parse(readFileSync(place.path('cached/vocabulary.json'), 'utf8')) as { tokens: string[] };
    const texts = [...sentences(WORDS.neg), ...sentences(WORDS.pos)];
    const ids = texts.flatMap((text) =>
      Array.from({ length: LENGTH }, (_, at) => {
        const word = text.split(' ')[at];
        return word === undefined ? 0 : tokens.indexOf(word);
      }),
    );
    const outputs = await model.run({ ids: { data: Int32Array.from(ids), shape: [texts.length, LENGTH] } });
    const logits = outputs['logits']!.data;
    texts.forEach((text, at) => {
      expect(logits[2 * at + 1]! > logits[2 * at]!, text).toBe(at >= texts.length / 2);
    });
    model.dispose();
    const embedded = tensorsOf('build/weights.safetensors');
    const learned = tensorsOf('cached/checkpoints/00000060.safetensors');
    expect([...toFloat64(embedded.get('fc.weight')!)]).toEqual([...toFloat64(learned.get('student.fc.weight')!)]);
  });
});
