/**
 * The register-tile ceiling: how fast a 4×8 tile of accumulators can be fed on this machine and engine when its
 * operands never leave the first-level cache. A product over real matrices can at best come near it.
 */
import wabt from 'wabt';

const ROWS = 4;
const VECTORS = 2;
/** Steps of the summed axis that the operands hold: 8 KiB of panel and 4 KiB of rows. */
const DEPTH = 256;

const name = (r, v) => `$c${r}_${v}`;

function tileText() {
  const cells = Array.from({ length: ROWS }, (_, r) => Array.from({ length: VECTORS }, (_, v) => [r, v])).flat();
  const step = [
    ...Array.from({ length: VECTORS }, (_, v) => `(local.set $b${v} (v128.load offset=${16 * v} (local.get $panel)))`),
    ...Array.from({ length: ROWS }, (_, r) => [
      `(local.set $a (v128.load32_splat offset=${8192 + r * DEPTH * 4} (local.get $row)))`,
      ...Array.from(
        { length: VECTORS },
        (_, v) =>
          `(local.set ${name(r, v)} (f32x4.add (local.get ${name(r, v)}) (f32x4.mul (local.get $a) (local.get $b${v}))))`,
      ),
    ]).flat(),
  ];
  return `(module (memory (export "memory") 1)
  (func $tile (local $panel i32) (local $row i32) (local $a v128) (local $b0 v128) (local $b1 v128)
    ${cells.map(([r, v]) => `(local ${name(r, v)} v128)`).join(' ')}
    (loop $k
      ${step.join('\n      ')}
      (local.set $row (i32.add (local.get $row) (i32.const 4)))
      (br_if $k (i32.lt_u (local.tee $panel (i32.add (local.get $panel) (i32.const 32))) (i32.const ${DEPTH * 32}))))
    ${cells.map(([r, v], at) => `(v128.store offset=${16384 + 16 * at} (i32.const 0) (local.get ${name(r, v)}))`).join('\n    ')})
  (func (export "run") (param $times i32)
    (loop $again (call $tile)
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))`;
}

/** A function that runs the tile `times` times, and the floating-point operations of one time. */
export async function makeCeiling() {
  const module = (await wabt()).parseWat('ceiling.wat', tileText(), { simd: true });
  const { instance } = await WebAssembly.instantiate(module.toBinary({}).buffer);
  return { run: instance.exports.run, operations: 2 * ROWS * VECTORS * 4 * DEPTH };
}
