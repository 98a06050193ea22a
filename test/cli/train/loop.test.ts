/** The loop of a training: what is logged, evaluated and saved when, and that an interruption changes nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isEvaluation, readLog } from '../../../src/cli/train/log.ts';
import { type LoopOptions, type LoopParts, train } from '../../../src/cli/train/loop.ts';
import type { RunFolder } from '../../../src/cli/train/run-folder.ts';
import { CONFIG, FakeTrainer, loopOf, usePlace } from './support.ts';

const place = usePlace();

async function trained(
  name: string,
  options: Partial<LoopOptions> = {},
  parts: Partial<LoopParts> = {},
  accumulate = 1,
) {
  const folder = place.folder(name);
  folder.create(CONFIG, undefined);
  const trainer = new FakeTrainer(accumulate);
  folder.saveCheckpoint(0, await trainer.save(), 2);
  const isDone = await train(loopOf(folder, trainer, options, parts));
  return { folder, trainer, isDone, lines: readLog(folder.file('log.jsonl')) };
}

/** What of a log does not depend on the clock. */
function timeless(folder: RunFolder): unknown[] {
  return readLog(folder.file('log.jsonl')).map((line) => ({ ...line, seconds: 0 }));
}

describe('the loop', () => {
  it('logs each step, evaluates every other one, and keeps the last checkpoints and the best', async () => {
    const { folder, trainer, isDone, lines } = await trained('whole');
    expect([isDone, trainer.update]).toEqual([true, 10]);
    expect(lines.map((line) => (isEvaluation(line) ? `evaluation ${line.step}` : line.step))).toEqual([
      1,
      2,
      'evaluation 2',
      3,
      4,
      'evaluation 4',
      5,
      6,
      'evaluation 6',
      7,
      8,
      'evaluation 8',
      9,
      10,
      'evaluation 10',
    ]);
    expect(lines[0]).toMatchObject({ step: 1, epoch: 0.25, loss: 1, metrics: { half: 0.5 }, lr: [0.1] });
    expect(lines[2]).toMatchObject({ evaluation: { examples: 3 } });
    expect(folder.steps()).toEqual([8, 10]);
    const best = new FakeTrainer();
    best.load(readFileSync(folder.best));
    const least = Math.min(...lines.flatMap((line) => (isEvaluation(line) ? [line.evaluation.loss] : [])));
    expect(best.weight).toBe(least);
    expect(readFileSync(folder.file('curve.svg'), 'utf8')).toContain('validation');
  });

  it('logs less often where that is wanted, but always the last step', async () => {
    const { lines } = await trained('rare', { steps: 7, logEvery: 3, evaluateEvery: 100 });
    expect(lines.map(({ step }) => step)).toEqual([3, 6, 7, 7]);
    expect(isEvaluation(lines.at(-1)!)).toBe(true);
  });

  it('takes several batches for an update where the program does', async () => {
    const { trainer, lines } = await trained('accumulated', { steps: 3, evaluateEvery: 9 }, {}, 4);
    expect([trainer.update, trainer.batches]).toEqual([3, 12]);
    const single = new FakeTrainer();
    const losses = [0, 1, 2, 3].map(async (number) => (await single.step({ x: Math.sin(number) })).loss);
    const mean = (await Promise.all(losses)).reduce((sum, loss) => sum + loss, 0) / 4;
    expect(lines[0]).toMatchObject({ step: 1, epoch: 1, loss: mean, metrics: { half: expect.closeTo(mean / 2, 12) } });
  });

  it('saves where it is stopped, and ends with the same bits when it goes on', async () => {
    const whole = await trained('unstopped');
    for (const stopAfter of [1, 4, 7]) {
      let steps = 0;
      const stopped = await trained(`stopped${stopAfter}`, {}, { isStopped: () => ++steps === stopAfter });
      expect([stopped.isDone, stopped.folder.steps().at(-1)]).toEqual([false, stopAfter]);
      const again = new FakeTrainer();
      again.load(readFileSync(stopped.folder.last()));
      expect(await train(loopOf(stopped.folder, again))).toBe(true);
      expect(await again.save()).toEqual(await whole.trainer.save());
      expect(timeless(stopped.folder)).toEqual(timeless(whole.folder));
    }
  });

  it('goes on from its last checkpoint as if it had never been killed', async () => {
    const whole = await trained('unkilled');
    for (const killedAt of [1, 3, 6, 9]) {
      let calls = 0;
      const batch: LoopParts['batch'] = (number) => {
        if (calls++ === killedAt) throw new Error('killed');
        return { inputs: { x: Math.sin(number) }, examples: 1 };
      };
      await expect(trained(`killed${killedAt}`, {}, { batch })).rejects.toThrow('killed');
      const folder = place.folder(`killed${killedAt}`);
      const again = new FakeTrainer();
      again.load(readFileSync(folder.last()));
      expect(again.update).toBe(killedAt - (killedAt % 4));
      folder.tidy(again.update);
      await train(loopOf(folder, again));
      expect(await again.save()).toEqual(await whole.trainer.save());
      expect(timeless(folder)).toEqual(timeless(whole.folder));
      expect(readFileSync(folder.best)).toEqual(readFileSync(whole.folder.best));
    }
  });

  it('counts time on over interruptions', async () => {
    let steps = 0;
    const { folder } = await trained('timed', { evaluateEvery: 99 }, { isStopped: () => ++steps === 3 });
    const before = readLog(folder.file('log.jsonl')).at(-1)!.seconds;
    const again = new FakeTrainer();
    again.load(readFileSync(folder.last()));
    await train(loopOf(folder, again, { evaluateEvery: 99 }));
    const after = readLog(folder.file('log.jsonl'))[3]!.seconds;
    expect(after).toBeGreaterThan(before);
    expect(after).toBeLessThan(before + 3);
  });

  it('writes no best checkpoint without evaluations', async () => {
    const folder = place.folder('blind');
    folder.create(CONFIG, undefined);
    const { evaluation, ...parts } = loopOf(folder, new FakeTrainer());
    expect(evaluation).toBeDefined();
    await train(parts);
    expect(existsSync(folder.best)).toBe(false);
    expect(readLog(folder.file('log.jsonl'))).toHaveLength(10);
  });
});
