/** Some 10 ms: a longer call would seldom run without interruption, and the ceiling would come out too low. */
const MOST_OPERATIONS = 4e8;

/** Takes turns like a contestant, with as many tiles a call as the model has work, up to that limit. */
export async function load({ files, ceiling, operations }) {
  const wasm = await files.read(`${ceiling.name}.wasm`);
  if (!WebAssembly.validate(wasm)) throw new Error('this engine has no relaxed SIMD');
  const { instance } = await WebAssembly.instantiate(wasm);
  const times = Math.max(1, Math.round(Math.min(operations, MOST_OPERATIONS) / ceiling.operations));
  return {
    isSync: true,
    operations: times * ceiling.operations,
    call: () => instance.exports.run(times),
    valuesOf: () => ({}),
  };
}
