/**
 * The register-tile ceiling: how fast a tile of accumulators can be fed on this machine and engine when its operands
 * never leave the first-level cache. A product over real matrices can at best come near it.
 */
import wabt from 'wabt';

/** Steps of the summed axis that the operands hold: 8 KiB of panel and 1 KiB a row. A step of bytes sums four products. */
const DEPTH = 256;
const VECTORS = 2;
const ROW_BYTES = DEPTH * 4;
const PANEL_BYTES = DEPTH * VECTORS * 16;

const product = (a, b, c) => `(f32x4.add ${c} (f32x4.mul ${a} ${b}))`;
const fused = (a, b, c) => `(f32x4.relaxed_madd ${a} ${b} ${c})`;
const dot = (a, b, c) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${b} ${a} ${c})`;

/** What a variant of the compiled code could reach at best; `products` are those of a lane in one step. */
export const ceilings = {
  strict: { title: 'register-tile ceiling, 4×8', rows: 4, products: 1, step: product },
  relaxed: { title: 'register-tile ceiling, 6×8 relaxed FMA', rows: 6, products: 1, step: fused },
  int8: { title: 'register-tile ceiling, 6×8 relaxed int8 dot', rows: 6, products: 4, step: dot },
};

const name = (row, vector) => `$c${row}_${vector}`;
const range = (length) => Array.from({ length }, (_, at) => at);

function tileText({ rows, step }) {
  const cells = range(rows).flatMap((row) => range(VECTORS).map((vector) => name(row, vector)));
  const body = [
    ...range(VECTORS).map((vector) => `(local.set $b${vector} (v128.load offset=${16 * vector} (local.get $panel)))`),
    ...range(rows).flatMap((row) => [
      `(local.set $a (v128.load32_splat offset=${PANEL_BYTES + row * ROW_BYTES} (local.get $row)))`,
      ...range(VECTORS).map((vector) => {
        const cell = name(row, vector);
        return `(local.set ${cell} ${step('(local.get $a)', `(local.get $b${vector})`, `(local.get ${cell})`)})`;
      }),
    ]),
  ];
  const results = PANEL_BYTES + rows * ROW_BYTES;
  const stores = cells.map((cell, at) => `(v128.store offset=${results + 16 * at} (i32.const 0) (local.get ${cell}))`);
  return `(module (memory (export "memory") 1)
  (func $tile (local $panel i32) (local $row i32) (local $a v128) (local $b0 v128) (local $b1 v128)
    ${cells.map((cell) => `(local ${cell} v128)`).join(' ')}
    (loop $k
      ${body.join('\n      ')}
      (local.set $row (i32.add (local.get $row) (i32.const 4)))
      (br_if $k (i32.lt_u (local.tee $panel (i32.add (local.get $panel) (i32.const 32))) (i32.const ${PANEL_BYTES}))))
    ${stores.join('\n    ')})
  (func (export "run") (param $times i32)
    (loop $again (call $tile)
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))`;
}

/** The module of a ceiling, whose `run(times)` runs its tile, and the arithmetic operations of one time. */
export async function makeCeiling(ceiling) {
  const module = (await wabt()).parseWat('ceiling.wat', tileText(ceiling), { simd: true, relaxed_simd: true });
  const operations = 2 * ceiling.rows * VECTORS * 4 * DEPTH * ceiling.products;
  return { wasm: module.toBinary({}).buffer, operations };
}
