/**
 * How long a build of Heddle trains a layer of more and more experts of which each token visits two, step by step of its
 * program: products and what follows them, packing of weights, the optimizer's update. A program of its own, so that it can
 * run under another Node: `node bench/experts-time.mjs BUILD` prints JSON.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openCompiler } from './prepare.mjs';
import { drawInput } from './values.mjs';

const COUNTS = [8, 16, 32, 64];
const TOKENS = 512;
const WIDTH = 128;
const CHOICES = 2;
const ROUNDS = 12;

const build = resolve(process.argv[2]);
const from = (path) => import(pathToFileURL(join(build, 'src', path)));
const compiler = await openCompiler(build);
const [
  { compileModule },
  { profileFacts },
  { openMemorySession },
  { streamOf },
  { withInitial },
  { learningRoutine },
  { chooseSimd },
] = await Promise.all(
  [
    'compiler/driver.js',
    'compiler/inspect/profile/facts.js',
    'runtime/memory-session.js',
    'runtime/weights.js',
    'runtime/train/initial-weights.js',
    'runtime/train/routine.js',
    'runtime/devices/simd.js',
  ].map(from),
);

/** Each token has two different experts, and all have about as many tokens. */
function makeBatch(count) {
  const draw = (name, dtype, shape, limit) => ({ shape, data: drawInput(name, dtype, shape, limit) });
  const index = draw('index', 'i32', [TOKENS, CHOICES], count);
  for (let at = 0; at < index.data.length; at += CHOICES)
    if (index.data[at] === index.data[at + 1]) index.data[at + 1] = (index.data[at] + 1) % count;
  return { x: draw('x', 'f32', [TOKENS, WIDTH]), gate: draw('gate', 'f32', [TOKENS, CHOICES]), index };
}

async function open(count, dense) {
  const settings = Object.entries({ count, dense }).map(([name, value]) => ({ name, text: String(value) }));
  const { result, diagnostics } = compiler.elaborateTraining('bench/specs/experts.model', { settings }, compiler.host);
  if (!result) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  const compiled = compileModule(result, { targets: ['wasm'] });
  const target = compiled.program.targets.wasm;
  const simd = chooseSimd(undefined);
  const weights = withInitial(
    streamOf(() => undefined, target),
    target.weights,
    0,
  );
  const parts = { program: compiled.program, target: 'wasm', simd, kernels: compiled.wasm[simd], weights };
  const session = await openMemorySession(parts);
  const routine = learningRoutine('step', target, compiled.program.training);
  const facts = profileFacts(compiled.graph, compiled.ops, compiled.lowered).targets.wasm;
  return { session, routine, kindOf: kinds(compiled, facts) };
}

/** What a step of the program is for. Steps that run at load are none of the list. */
function kinds({ lowered }, facts) {
  const calls = lowered.wasm.calls;
  if (calls.length !== facts.length) throw new Error('some steps run at load');
  return (step) => {
    if (facts[step].ops.length === 0) return 'packing';
    return calls[step].origin.phase === 'update' ? 'update' : 'work';
  };
}

async function measure(count, dense) {
  const { session, routine, kindOf } = await open(count, dense);
  const batch = makeBatch(count);
  const { first, last } = routine.range;
  const least = new Float64Array(last - first).fill(Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    // What a run has read may have been overwritten by its last steps.
    session.put(routine.face, batch, {});
    routine.fill(session, { update: round + 1, seed: 0, batch: round });
    const { device } = session;
    device.counter?.reset();
    for (let step = first; step < last; step++) {
      const start = performance.now();
      device.runSteps(step, step + 1);
      least[step - first] = Math.min(least[step - first], performance.now() - start);
    }
  }
  const times = { work: 0, packing: 0, update: 0 };
  least.forEach((time, at) => (times[kindOf(first + at)] += time));
  const executed = session.device.counter?.read();
  session.dispose();
  return { ...times, executed };
}

const rows = [];
for (const count of COUNTS)
  rows.push({ count, sparse: await measure(count, false), dense: await measure(count, true) });
console.log(JSON.stringify({ tokens: TOKENS, choices: CHOICES, width: WIDTH, rows }));
