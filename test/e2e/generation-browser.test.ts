/** Generating with an artifact in a page: its own loader, on one thread and on several. */
import { beforeAll, expect, test } from 'vitest';
import { continued, sumsArtifact } from '../runtime/generate/sample.ts';
import { describeBrowser, POLICIES } from '../support/browser.ts';

/** Continues two texts, runs in between, and lets two generations ask for tokens at once. */
const generation = (options: string): string => `
  const { load } = await import('/artifact/index.js');
  const model = await load({ ${options} });
  const inputs = { bias: [0, 0] };
  const rows = [[], []];
  for await (const { tokens } of model.generate([[4], [9, 9, 1]], { tokens: 10, inputs })) {
    tokens.forEach((token, row) => rows[row].push(token));
    await model.run({ idx: new Int32Array(3000), bias: [0] });
  }
  const take = async (prompt) => {
    const all = [];
    for await (const { token } of model.generate(prompt, { tokens: 6, inputs: { bias: [0] } })) all.push(token);
    return all;
  };
  const together = await Promise.all([take([1, 2, 3]), take([10])]);
  const controller = new AbortController();
  setTimeout(() => controller.abort('enough'), 20);
  const endless = model.generate([1], { inputs: { bias: [0] }, signal: controller.signal });
  const reason = await (async () => { for await (const _ of endless); })().catch((thrown) => thrown);
  const { threads } = model;
  model.dispose();
  return { rows, together, reason, threads };`;

describeBrowser('a generation in a browser', (site) => {
  beforeAll(async () => {
    for (const { name, bytes } of await sumsArtifact()) site.put(`/artifact/${name}`, bytes);
  });

  const expected = {
    rows: [continued([4], 10), continued([9, 9, 1], 10)],
    together: [continued([1, 2, 3], 6), continued([10], 6)],
    reason: 'enough',
  };

  test.each([
    ["target: 'js'", 1, false],
    ["target: 'wasm'", 1, false],
    ['threads: 2', 2, false],
    ['threads: 2', 2, true],
  ])('with %s on threads: %i, in a worker: %s', async (options, threads, inWorker) => {
    const policy = { policy: POLICIES.wasm, isIsolated: true, inWorker };
    expect(await site.visit(generation(options), policy)).toEqual({ ...expected, threads });
  });
});
