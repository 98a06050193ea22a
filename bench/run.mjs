/**
 * `npm run bench`: the compiled 512³ product against the register-tile ceiling, in one process, taking turns.
 * Prints minimum and median of each and the ratio of the minima.
 */
import { makeCeiling } from './ceiling.mjs';
import { compileGraph, elaborateSpec } from '../dist/src/compiler/index.js';
import { createModel } from '../dist/src/runtime/model.js';

const SIZE = 512;
const ROUNDS = 60;
const WARM_UP = 20;

const spec = `model Product(n: int = ${SIZE}) {
  dims m
  input x: f32[m, n]
  param weight: f32[n, n] = zeros()
  output y: f32[m, n] = einsum("m k, n k -> m n", x, weight)
}`;

async function makeProduct() {
  const host = { read: (path) => (path === 'product.model' ? spec : undefined), resolve: (_, specifier) => specifier };
  const { result, diagnostics } = elaborateSpec('product.model', {}, host);
  if (!result) throw new Error(diagnostics.map((item) => item.message).join('\n'));
  const { program, wasm } = compileGraph(result, { targets: ['wasm'] });
  const weight = Float32Array.from({ length: SIZE * SIZE }, (_, i) => Math.sin(i));
  const bytes = new Uint8Array(weight.buffer);
  const model = await createModel({
    program,
    target: 'wasm',
    kernels: wasm,
    weights: () => ({ dtype: 'F32', shape: [SIZE, SIZE], bytes }),
  });
  const x = { data: Float32Array.from({ length: SIZE * SIZE }, (_, i) => Math.cos(i)), shape: [SIZE, SIZE] };
  return { run: () => model.runSync({ x }), operations: 2 * SIZE ** 3 };
}

/** GFLOP/s of one call. */
function measure(action, operations) {
  const start = performance.now();
  action();
  return operations / (performance.now() - start) / 1e6;
}

function summary(label, rates) {
  const sorted = [...rates].sort((a, b) => a - b);
  const best = sorted.at(-1);
  const median = sorted[sorted.length >> 1];
  console.log(
    `${label.padEnd(32)} best ${best.toFixed(1).padStart(6)} GFLOP/s   median ${median.toFixed(1).padStart(6)}`,
  );
  return { best, median };
}

const ceiling = await makeCeiling();
const product = await makeProduct();
// As much work a turn as the product has, so that both see the same interruptions.
const times = Math.round(product.operations / ceiling.operations);
const rates = { ceiling: [], product: [] };
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  const turn = {
    ceiling: measure(() => ceiling.run(times), times * ceiling.operations),
    product: measure(product.run, product.operations),
  };
  if (round < WARM_UP) continue;
  rates.ceiling.push(turn.ceiling);
  rates.product.push(turn.product);
}
console.log(`Node ${process.version}, one thread, f32, ${ROUNDS} rounds after ${WARM_UP}`);
const top = summary('register-tile ceiling, 4×8', rates.ceiling);
const ours = summary(`wasm ${SIZE}³ product`, rates.product);
console.log(
  `${'of the ceiling'.padEnd(32)} best ${((100 * ours.best) / top.best).toFixed(1).padStart(6)} %         median ${((100 * ours.median) / top.median).toFixed(1).padStart(6)} %`,
);
