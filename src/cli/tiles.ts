/** What `inspect --explain tiling` tells of the tiles that are chosen when a program is loaded: here, on this machine. */
import { compileLowered, type Stages } from '../compiler/index.ts';
import { SIMD_VARIANTS, type ProgramTile } from '../program/program.ts';
import { chooseSimd } from '../runtime/devices/simd.ts';
import { tryTiles } from '../runtime/devices/tiles.ts';
import { createWasmDevice } from '../runtime/devices/wasm.ts';

/** Two cells for each module: its name, and its tiles; none where there is nothing to choose. */
export async function tileChoices({ lowered }: Stages): Promise<string[][]> {
  const { program, wasm } = compileLowered(lowered, 'wasm');
  const target = program.targets.wasm!;
  const { tiles } = target;
  if (!tiles) return [];
  const name = (tile: number): string => tileText(tiles.candidates[tile]!);
  const runs = chooseSimd();
  return Promise.all(
    SIMD_VARIANTS.map(async (simd) => {
      const head = `${simd} module`;
      const listed = tiles.order[simd].map(name).join(', ');
      if (tiles.order[simd].length === 1) return [head, listed];
      if (simd === 'relaxed' && runs !== 'relaxed') return [head, `${listed}; this engine runs the strict module`];
      const device = await createWasmDevice(target, wasm![simd]);
      const { tile, tried } = tryTiles(device, tiles, simd);
      device.dispose();
      const rates = tried.map(({ rate }) => (2e-9 * rate).toFixed(0)).join(' and ');
      return [head, `${listed}; here ${name(tile)}, by a trial: ${rates} GFLOP/s`];
    }),
  );
}

export function tileText({ rows, columns }: Pick<ProgramTile, 'rows' | 'columns'>): string {
  return `${rows} × ${columns}`;
}
