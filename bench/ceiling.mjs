/**
 * The register-tile ceiling: how fast a tile of accumulators can be fed on this machine and engine when its operands
 * never leave the first-level cache. A product over real matrices can at best come near it.
 */
import wabt from 'wabt';

/** Steps of the summed axis that the operands hold: 8 KiB of panel and 1 KiB a row. */
const DEPTH = 256;
const VECTORS = 2;
const ROW_BYTES = DEPTH * 4;
const PANEL_BYTES = DEPTH * VECTORS * 16;

/** What a variant of the compiled code could reach at best. */
export const ceilings = {
  strict: { title: 'register-tile ceiling, 4×8', rows: 4, relaxed: false },
  relaxed: { title: 'register-tile ceiling, 6×8 relaxed FMA', rows: 6, relaxed: true },
};

const name = (row, vector) => `$c${row}_${vector}`;
const range = (length) => Array.from({ length }, (_, at) => at);

function multiplyAdd(cell, vector, relaxed) {
  const [a, b, c] = ['(local.get $a)', `(local.get $b${vector})`, `(local.get ${cell})`];
  return relaxed ? `(f32x4.relaxed_madd ${a} ${b} ${c})` : `(f32x4.add ${c} (f32x4.mul ${a} ${b}))`;
}

function tileText({ rows, relaxed }) {
  const cells = range(rows).flatMap((row) => range(VECTORS).map((vector) => name(row, vector)));
  const step = [
    ...range(VECTORS).map((vector) => `(local.set $b${vector} (v128.load offset=${16 * vector} (local.get $panel)))`),
    ...range(rows).flatMap((row) => [
      `(local.set $a (v128.load32_splat offset=${PANEL_BYTES + row * ROW_BYTES} (local.get $row)))`,
      ...range(VECTORS).map((vector) => {
        const cell = name(row, vector);
        return `(local.set ${cell} ${multiplyAdd(cell, vector, relaxed)})`;
      }),
    ]),
  ];
  const results = PANEL_BYTES + rows * ROW_BYTES;
  const stores = cells.map((cell, at) => `(v128.store offset=${results + 16 * at} (i32.const 0) (local.get ${cell}))`);
  return `(module (memory (export "memory") 1)
  (func $tile (local $panel i32) (local $row i32) (local $a v128) (local $b0 v128) (local $b1 v128)
    ${cells.map((cell) => `(local ${cell} v128)`).join(' ')}
    (loop $k
      ${step.join('\n      ')}
      (local.set $row (i32.add (local.get $row) (i32.const 4)))
      (br_if $k (i32.lt_u (local.tee $panel (i32.add (local.get $panel) (i32.const 32))) (i32.const ${PANEL_BYTES}))))
    ${stores.join('\n    ')})
  (func (export "run") (param $times i32)
    (loop $again (call $tile)
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))`;
}

/** The module of a ceiling, whose `run(times)` runs its tile, and the floating-point operations of one time. */
export async function makeCeiling(ceiling) {
  const module = (await wabt()).parseWat('ceiling.wat', tileText(ceiling), { simd: true, relaxed_simd: true });
  return { wasm: module.toBinary({}).buffer, operations: 2 * ceiling.rows * VECTORS * 4 * DEPTH };
}
