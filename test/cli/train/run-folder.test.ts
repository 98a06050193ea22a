/** The folder of a run and its log, on the disk. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig, printConfig } from '../../../src/cli/train/config-file.ts';
import { writeDurably } from '../../../src/cli/train/durable.ts';
import { Log, readLog, type StepLine } from '../../../src/cli/train/log.ts';
import { CONFIG, usePlace } from './support.ts';

const place = usePlace();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const line = (step: number, loss = step): StepLine => ({ step, loss, metrics: {}, lr: [], seconds: step });

describe('the folder of a run', () => {
  it('keeps the last checkpoints', () => {
    const folder = place.folder('keeping');
    folder.create(CONFIG, undefined);
    for (const step of [0, 5, 10, 100_000_000]) folder.saveCheckpoint(step, bytes(String(step)), 2);
    expect(folder.steps()).toEqual([10, 100_000_000]);
    expect(readFileSync(folder.last(), 'utf8')).toBe('100000000');
    folder.saveCheckpoint(100_000_001, bytes('x'), 1);
    expect(folder.steps()).toEqual([100_000_001]);
  });

  it('removes what a crash left, and what comes after a step', () => {
    const folder = place.folder('crashed');
    folder.create(CONFIG, { kind: 'bytes' });
    for (const step of [1, 2, 3]) folder.saveCheckpoint(step, bytes('x'), 9);
    writeFileSync(folder.file('checkpoints', '.00000004.safetensors.abc.tmp'), 'half');
    folder.tidy(2);
    expect(readdirSync(folder.file('checkpoints'))).toEqual(['00000001.safetensors', '00000002.safetensors']);
    expect(folder.readVocabulary()).toEqual({ kind: 'bytes' });
  });

  it('is neither made where something is, nor read where nothing is', () => {
    const folder = place.folder('taken');
    mkdirSync(folder.file());
    writeFileSync(folder.file('notes.txt'), 'mine');
    expect(() => folder.checkFree()).toThrow('taken is not empty');
    expect(() => folder.readConfig()).toThrow('taken is no run: it has no config.json');
    const run = place.folder('run');
    run.create(CONFIG, undefined);
    expect(() => run.checkFree()).toThrow('run is not empty');
    expect(() => run.last()).toThrow('run has no checkpoint yet');
  });

  it('has a configuration that reads as it was written', () => {
    expect(parseConfig('c', printConfig(CONFIG))).toEqual(CONFIG);
    expect(() => parseConfig('c.json', '{')).toThrow('c.json is no JSON');
    expect(() => parseConfig('c.json', '{"version": 7}')).toThrow(
      'c.json has the version 7; this command reads version 1',
    );
    expect(() => parseConfig('c.json', 'null')).toThrow('version undefined');
  });

  const spoiled: [what: string, changed: object, message: string][] = [
    ['a missing field', { spec: undefined }, 'c.json: spec is missing or not a text'],
    ['no number', { steps: '7' }, 'c.json: steps is missing or not a whole number from 1 on'],
    ['a number that is not whole', { keep: 1.5 }, 'c.json: keep is missing or not a whole number from 1 on'],
    ['an unknown target', { target: 'cpu' }, 'c.json: target is missing or not one of wasm, js'],
    ['a wrong part', { data: { paths: ['a', 1], seed: 0 } }, 'c.json: data.paths[1] is missing or not a text'],
    ['a missing part', { data: { paths: [] } }, 'c.json: data.seed is missing or not a whole number from 0 on'],
    ['no list', { bind: {} }, 'c.json: bind is missing or not a list'],
    ['a wrong item', { bind: [{ input: 'x' }] }, 'c.json: bind[0].tensor is missing or not a text'],
  ];
  it.each(spoiled)(
    'has a configuration that is refused by its field where it was spoiled: %s',
    (_, changed, message) => {
      const text = JSON.stringify({ version: 1, ...CONFIG, ...changed });
      expect(() => parseConfig('c.json', text)).toThrow(message);
    },
  );

  it('is removed again with what was written into it, but only where it was made', () => {
    const made = place.folder('made');
    made.create(CONFIG, undefined);
    made.saveCheckpoint(0, bytes('zero'), 2);
    made.discard();
    expect(readdirSync(place.path())).not.toContain('made');
    mkdirSync(place.path('empty'));
    const empty = place.folder('empty');
    empty.create(CONFIG, undefined);
    empty.discard();
    expect(readdirSync(place.path('empty'))).toEqual([]);
    made.create(CONFIG, undefined);
    place.folder('made').discard();
    expect(readdirSync(place.path('made'))).toContain('config.json');
  });

  it('replaces a file only when the new one is complete', () => {
    const path = place.path('file');
    writeDurably(path, 'old');
    writeDurably(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(() => writeDurably(place.path('none', 'file'), 'x')).toThrow('cannot be written: there is no such file');
    expect(readdirSync(place.path()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('the log', () => {
  it('goes on after a step as if nothing had come later', () => {
    const path = place.path('log.jsonl');
    const log = new Log(path, 0);
    for (const step of [1, 2, 3, 4]) log.add(line(step));
    log.flush(true);
    // A crash in the middle of a line.
    writeFileSync(path, '{"step":5,"lo', { flag: 'a' });
    const again = new Log(path, 2);
    again.add(line(3));
    expect(again.lines().map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(again.seconds).toBe(3);
    expect(readFileSync(path, 'utf8')).toBe([1, 2, 3].map((step) => `${JSON.stringify(line(step))}\n`).join(''));
  });

  it('writes numbers out that JSON has not', () => {
    const path = place.path('numbers.jsonl');
    const log = new Log(path, 0);
    log.add(line(1, NaN));
    log.add(line(2, -Infinity));
    log.flush();
    expect(readFileSync(path, 'utf8')).toContain('"loss":"NaN"');
    expect(readLog(path)).toEqual([line(1, NaN), line(2, -Infinity)]);
    writeFileSync(path, '{"step":1}\nnonsense\n');
    expect(() => readLog(path)).toThrow('numbers.jsonl, line 1 is no line of a log');
    for (const wrong of ['nonsense', 'null', '7', '[]']) {
      writeFileSync(path, `${JSON.stringify(line(1))}\n${wrong}\n`);
      expect(() => readLog(path)).toThrow('numbers.jsonl, line 2 is no line of a log');
    }
  });

  it('ends where another process has gone on with the run, and leaves that its log', () => {
    const path = place.path('taken-over.jsonl');
    const log = new Log(path, 0);
    log.add(line(1));
    log.flush();
    const other = new Log(path, 1);
    log.add(line(2));
    expect(() => log.flush()).toThrow('taken-over.jsonl was replaced: another process goes on with this run');
    other.add(line(2, 7));
    expect(other.lines()).toEqual([line(1), line(2, 7)]);
  });

  it('knows the best evaluation, whatever came before', () => {
    const path = place.path('best.jsonl');
    const log = new Log(path, 0);
    const evaluation = (step: number, loss: number) =>
      ({ step, evaluation: { loss, metrics: {}, examples: 1 }, seconds: 0 }) as const;
    log.add(evaluation(1, NaN));
    expect(log.best).toBe(Infinity);
    log.add(evaluation(2, 5));
    log.add(evaluation(3, 4));
    expect(log.best).toBe(4);
    log.flush();
    expect(new Log(path, 2).best).toBe(5);
  });
});
