/**
 * PyTorch, eager and native, in a process of its own: `python3`, or what PYTHON names, with torch (Debian: python3-torch and
 * libopenblas0-pthread). It takes a step for each line that it is sent.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { learnFirst, LOSSES } from './training.mjs';

export async function load({ files, threads, config, network }) {
  const script = fileURLToPath(new URL(`pytorch-${network}.py`, import.meta.url));
  const python = process.env['PYTHON'] ?? 'python3';
  const child = spawn(python, [script, files.path('weights.safetensors'), files.path('inputs.safetensors')], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), HEDDLE_BENCH: JSON.stringify({ ...config, threads }) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text) => (complaint = String(text).trim().split('\n').at(-1)));
  process.once('exit', () => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python}: ${complaint}`);
    return JSON.parse(value);
  };
  await answer();
  const step = async () => {
    child.stdin.write('\n');
    return (await answer()).loss;
  };
  const losses = await learnFirst(step);
  return { isSync: false, call: step, valuesOf: () => ({ [LOSSES]: losses }) };
}
