import { describe, expect, test } from 'vitest';
import type { Elaborated } from '../../src/compiler/semantics/elaborated.ts';
import { elaboratedOfText, graphOfText, specHost } from '../support/specs.ts';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import { evaluate, f32 } from './support.ts';

const NN = 'import { Linear } from "std/nn"\n';

/** A train entry around statements, on `x: f32[n, 3]` with a student. */
function train(statements: string): string {
  return `${NN}
    model Student { dims n
      input x: f32[n, 3]
      output y = x |> Linear(2) as fc }
    train T { dims n
      input x: f32[n, 3]
      student = Student()
      s = student(x)
      ${statements} }`;
}

const elaborated = (statements: string): Elaborated => elaboratedOfText(train(statements), { entry: 'T' });

/** Codes and the text under them. */
function problems(text: string, entry = 'T'): string[] {
  const { diagnostics } = elaborateWhole('test.model', { entry }, specHost({ 'test.model': text }));
  return diagnostics.map((item) => {
    const span = item.primary?.span;
    return `${item.code} ${span ? span.source.text.slice(span.start, span.end) : ''}`;
  });
}

describe('a train entry', () => {
  test('keeps the paths of the states of its optimizer for them', () => {
    const text = train('other = s |> Linear(2) as optimizer\n loss mean(other)');
    expect(problems(text)).toEqual(['HED2313 Linear(2)']);
  });

  test('updates states in its own body, which its evaluation leaves as they are', () => {
    const text = train('state s1: f32[] = ones()\n next s1 = s1 + 1\n loss mean(s * s) * s1');
    const updates = (training: boolean): readonly string[] =>
      elaboratedOfText(text, { entry: 'T', training }).updates.map((one) => one.state);
    expect([updates(true), updates(false)]).toEqual([['s1'], []]);
  });

  test('has a loss, metrics and outputs, which run forward', () => {
    const text = train('loss mean(s * s)\n metric largest = max(s)\n output s2 = s * 2');
    const parameters = {
      'student.fc.weight': f32([2, 3], [1, 0, 0, 0, 1, 0]),
      'student.fc.bias': f32([2], [0, 1]),
    };
    const results = evaluate(text, { x: f32([1, 3], [3, 4, 5]) }, { entry: 'T', parameters });
    expect(results).toEqual({ loss: [(9 + 25) / 2], largest: [5], s2: [6, 10] });
    expect(Object.keys(results)).toEqual(['loss', 'largest', 's2']);
  });

  test('keeps loss and metrics apart for training', () => {
    const { train: program, graph } = elaborated('loss mean(s)\n metric m = max(s)');
    expect(program!.loss).toBe(graph.outputs[0]!.value);
    expect(program!.metrics).toEqual([{ name: 'm', value: graph.outputs[1]!.value }]);
    expect(program!.optimizer).toBeUndefined();
  });

  test('is elaborated for training, but not inside of frozen', () => {
    const text = `
      block Mode()(x: f32[..s]) -> f32[..s] { return if training then x else x * 0 }
      model Inner { input x: f32[2]
        output y = x |> Mode() }
      train T { input x: f32[2]
        teacher = frozen Inner()
        student = Inner()
        loss sum(teacher(x)) + 10 * sum(student(x)) + (if training then 100 else 0) }`;
    expect(evaluate(text, { x: f32([2], [1, 2]) }, { entry: 'T' })).toEqual({ loss: [130] });
    expect(evaluate(text, { x: f32([2], [1, 2]) }, { entry: 'Inner' })).toEqual({ y: [0, 0] });
  });

  test('may hold values constant', () => {
    const results = evaluate(train('loss mean(stop_gradient(s))'), { x: f32([1, 3], [3, 4, 5]) }, { entry: 'T' });
    expect(results).toEqual(evaluate(train('loss mean(s)'), { x: f32([1, 3], [3, 4, 5]) }, { entry: 'T' }));
  });

  test('needs exactly one scalar loss', () => {
    expect(problems(train('metric m = max(s)'))).toEqual(['HED2522 T']);
    expect(problems(train('loss s'))).toEqual(['HED2520 s']);
    expect(problems(train('loss max(s)\n loss min(s)'))).toEqual(['HED2521 loss min(s)']);
    expect(problems(train('loss max(s)\n output loss = s'))).toEqual(['HED2507 loss']);
  });

  test('is found by --entry, and not taken for the model of its file', () => {
    expect(graphOfText(train('loss max(s)')).name).toBe('Student');
  });
});

describe('frozen', () => {
  test('marks the parameters, those of inner instances too', () => {
    const { graph } = elaborated('teacher = frozen Student()\n loss mean(s - teacher(x))');
    expect(graph.parameters.map(({ name, frozen }) => [name, frozen ?? false])).toEqual([
      ['student.fc.weight', false],
      ['student.fc.bias', false],
      ['teacher.fc.weight', true],
      ['teacher.fc.bias', true],
    ]);
  });

  test('stands before a new instance', () => {
    expect(problems(train('t = frozen student\n loss max(s)'))).toEqual(['HED2322 student']);
    expect(problems(train('t = frozen Student\n loss max(s)'))).toEqual(['HED2322 Student']);
  });
});

describe('optimizer', () => {
  test('is plain data with every argument', () => {
    const { train: program } = elaborated(
      'loss mean(s)\n optimizer adamw(lr: cosine(peak: 3e-4, steps: 50, warmup: 2), clip_norm: 1)',
    );
    expect(program!.optimizer).toEqual({
      name: 'adamw',
      step: { clip_norm: 1, clip_value: null, accumulate: 1 },
      groups: [
        {
          patterns: [],
          settings: {
            lr: {
              kind: 'schedule',
              name: 'cosine',
              settings: {
                peak: 3e-4,
                steps: 50,
                end: 0,
                warmup: 2,
                warmup_start: 0,
                warmup_inclusive: false,
                warmup_prefix: true,
              },
            },
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.01,
          },
          parameters: ['student.fc.weight', 'student.fc.bias'],
        },
      ],
    });
  });

  test('deals the trainable parameters out to its groups, the first that matches wins', () => {
    const { train: program } = elaborated(`teacher = frozen Student()
      loss mean(s - teacher(x))
      optimizer sgd(0.1, momentum: 0.9) { group "**.bias" (weight_decay: 0.5) group "student.**" (lr: 0.2, nesterov: true) }`);
    const groups = program!.optimizer!.groups.map(({ parameters, settings }) => [
      parameters,
      settings['lr'],
      settings['weight_decay'],
      settings['nesterov'],
    ]);
    expect(groups).toEqual([
      [['student.fc.bias'], 0.1, 0.5, false],
      [['student.fc.weight'], 0.2, 0, true],
      [[], 0.1, 0, false],
    ]);
  });

  test.each([
    ['adamm()', 'HED2530 adamm'],
    ['adam(lr: cosin(peak: 1, steps: 2))', 'HED2531 cosin'],
    ['adam(lr: cosine(peak: 1))', 'HED2532 cosine(peak: 1)'],
    ['adam(lr: cosine(peak: 1, steps: 2, warmup: 2))', 'HED2532 cosine(peak: 1, steps: 2, warmup: 2)'],
    ['adam(lr: cosine(peak: 1, steps: 2.5))', 'HED2532 2.5'],
    ['adam(lr: -1)', 'HED2532 -1'],
    ['adam(lr: "fast")', 'HED2532 "fast"'],
    ['adam(betas: 0.9)', 'HED2532 0.9'],
    ['adam(betas: [0.9, 1])', 'HED2532 [0.9, 1]'],
    ['adam(form: "torch")', 'HED2532 "torch"'],
    ['adam(weight_decay: constant(1))', 'HED2532 constant(1)'],
    ['adam(learning_rate: 1)', 'HED2532 learning_rate'],
    ['adam(0.1, lr: 1)', 'HED2305 lr: 1'],
    ['sgd(nesterov: true)', 'HED2532 optimizer sgd(nesterov: true)'],
    ['adam() { group "**.bias" (clip_norm: 1) }', 'HED2532 clip_norm'],
    ['adam() { group "**.gain" (lr: 1) }', 'HED2533 "**.gain"'],
  ])('%s gives one diagnostic', (optimizer, wanted) => {
    expect(problems(train(`loss mean(s)\n optimizer ${optimizer}`))).toEqual([wanted]);
  });
});

const COUNTING = `
  block Counting(guarded: bool = true)(x: f32[n]) -> f32[n] {
    state seen: f32[2] = zeros()
    if training or not guarded { next seen = seen + sum(x) }
    return x + seen[0]
  }`;

describe('state', () => {
  const text = `${COUNTING}
    train T(guarded: bool = true, twice: bool = false) { input x: f32[3]
      c = Counting(guarded)
      y = c(x)
      loss sum(if twice then c(y) else y) }
    model M(guarded: bool = true) { input x: f32[3]
      output y = x |> Counting(guarded) as c }`;

  test('is stored with the weights and read like a parameter; its update is kept apart', () => {
    const { graph, updates } = elaboratedOfText(text, { entry: 'T' });
    expect(graph.parameters.map(({ name, state }) => [name, state])).toEqual([['c.seen', true]]);
    expect(updates.map((one) => one.state)).toEqual(['c.seen']);
    const options = { entry: 'T', parameters: { 'c.seen': f32([2], [5, 6]) } };
    expect(evaluate(text, { x: f32([3], [1, 2, 3]) }, options)).toEqual({ loss: [21] });
  });

  test('is not updated where nothing is trained, and an update would be lost there', () => {
    expect(elaboratedOfText(text, { entry: 'M' }).updates).toEqual([]);
    expect(
      problems(
        text
          .replace('guarded: bool = true)(x', 'guarded: bool = true)(x')
          .replaceAll('M(guarded: bool = true', 'M(guarded: bool = false'),
        'M',
      ),
    ).toEqual(['HED2526 next seen = seen + sum(x)']);
  });

  test('is updated once in a step', () => {
    expect(problems(text.replace('twice: bool = false', 'twice: bool = true'))).toEqual([
      'HED2527 next seen = seen + sum(x)',
    ]);
  });

  test('keeps its type, and nothing else is updated', () => {
    expect(problems(text.replace('seen + sum(x)', 'sum(x)'))).toEqual(['HED2525 sum(x)']);
    expect(problems(text.replace('next seen = seen', 'next sen = seen'))).toEqual(['HED2005 sen']);
    expect(problems(text.replace('state seen', 'param seen'))).toEqual(['HED2524 seen']);
  });
});

describe('aux', () => {
  const text = `
    block Part(weight: float)(x: f32[n]) -> f32[n] {
      aux balance = sum(x) * weight
      return x + 1
    }
    block Whole()(x: f32[n]) -> f32[n] {
      for w in [1, 10] as parts { x = x |> Part(w) as part }
      aux size = sum(x)
      return x
    }
    train T { input x: f32[2]
      student = Whole()
      y = student(x)
      metric count = sum(x) * 0 + len(student.aux.balance)
      metric second = student.parts.1.part.aux.balance[0]
      metric average = mean(student.aux.balance)
      loss sum(student.aux.balance) + 0 * sum(student.aux.size) }`.replace(
    'student.parts.1.part.aux.balance[0]',
    'student.aux.balance[1]',
  );

  test('lists what an instance and those inside it handed up, in order', () => {
    const [first, second] = [3, 5 * 10];
    expect(evaluate(text, { x: f32([2], [1, 2]) }, { entry: 'T' })).toEqual({
      loss: [first + second],
      count: [2],
      second: [second],
      average: [(first + second) / 2],
    });
  });

  test('unknown names are told, with those there are', () => {
    expect(problems(text.replace('sum(student.aux.size)', 'sum(student.aux.sise)'))).toEqual(['HED2111 sise']);
  });

  test('needs a body with a path', () => {
    const inFunction =
      'fn f(x: f32[n]) -> f32[n] { aux a = sum(x)\n return x }\n train T { input x: f32[2]\n loss sum(f(x)) }';
    expect(problems(inFunction)).toEqual(['HED2519 aux a = sum(x)']);
  });
});

describe('generate', () => {
  const text = (line: string): string => `model M { dims batch, time <= 16
    input idx: i32[batch, time]
    input other: f32[batch]
    output logits = cast(idx, f32)[..., none]
    ${line} }`;

  test('is kept for the compiler', () => {
    const { generation } = elaboratedOfText(text('generate idx along time from logits'));
    expect(generation).toMatchObject({ input: 'idx', along: 'time', output: 'logits' });
  });

  test.each([
    ['generate ids along time from logits', 'HED2528 ids'],
    ['generate idx along times from logits', 'HED2528 times'],
    ['generate idx along time from logit', 'HED2528 logit'],
    ['generate other along time from logits', 'HED2528 other'],
  ])('%s', (line, wanted) => {
    expect(problems(text(line), 'M')).toEqual([wanted]);
  });
});
