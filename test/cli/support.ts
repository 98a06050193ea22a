/** The command in process: its own folder, streams that are read back, and files to run it on. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { runCommand } from '../../src/cli/command.ts';
import type { Io } from '../../src/cli/io.ts';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { elementCount, type SafetensorsType, type StoredTensor } from '../../src/program/safetensors.ts';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder to work in, and a package around the sources: the built runtime, the specs, package.json. */
export class Workplace {
  readonly cwd = mkdtempSync(join(tmpdir(), 'heddle-cli-'));
  readonly packageRoot = join(this.cwd, '.package');

  /** The package without the built runtime: enough for all but `compile`. */
  link(): void {
    mkdirSync(join(this.packageRoot, 'dist'), { recursive: true });
    copyFileSync(join(projectRoot, 'package.json'), join(this.packageRoot, 'package.json'));
    symlinkSync(join(projectRoot, 'specs'), join(this.packageRoot, 'specs'));
  }

  async prepare(): Promise<void> {
    this.link();
    await bundleRuntime({ outfile: join(this.packageRoot, 'dist/runtime.js') });
    for (const kind of ['webgpu', 'train', 'train-webgpu', 'generate', 'generate-webgpu'] as const)
      await bundleRuntime({ kind, outfile: join(this.packageRoot, `dist/runtime-${kind}.js`) });
    await bundleWorker({ outfile: join(this.packageRoot, 'dist/worker.js') });
  }

  remove(): void {
    rmSync(this.cwd, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.cwd, name);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  io(overrides: Partial<Io> = {}): { io: Io; out: string[]; err: string[] } {
    const [out, err]: [string[], string[]] = [[], []];
    const io: Io = {
      stdout: { isTTY: false, write: (text) => void out.push(text) },
      stderr: { isTTY: false, write: (text) => void err.push(text) },
      env: {},
      readInput: async () => new Uint8Array(),
      cwd: this.cwd,
      packageRoot: this.packageRoot,
      progress: async () => ({ update: () => undefined, stop: () => undefined }),
      onInterrupt: () => () => undefined,
      onStop: () => () => undefined,
      ...overrides,
    };
    return { io, out, err };
  }

  /** Runs the command line `line`, split at spaces. */
  async run(line: string | readonly string[], overrides: Partial<Io> = {}): Promise<Ran> {
    const { io, out, err } = this.io(overrides);
    const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
    const code = await runCommand(argv, io);
    return { code, stdout: out.join(''), stderr: err.join('') };
  }
}

/** A workplace for the tests of one file. */
export function useWorkplace(): Workplace {
  const workplace = new Workplace();
  beforeAll(() => workplace.prepare());
  afterAll(() => workplace.remove());
  return workplace;
}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  I32: Int32Array,
  I64: BigInt64Array,
  BOOL: Uint8Array,
} as const;

/** A tensor of given values; a single one fills it. */
export function tensor(dtype: keyof typeof ARRAYS & SafetensorsType, shape: number[], values: number[]): StoredTensor {
  const all = Array.from({ length: elementCount(shape) }, (_, at) => values[at % values.length]!);
  const data = dtype === 'I64' ? BigInt64Array.from(all, BigInt) : ARRAYS[dtype].from(all);
  return { dtype, shape, bytes: new Uint8Array(data.buffer) };
}

export function safetensors(tensors: { readonly [name: string]: StoredTensor }): Uint8Array {
  return writeSafetensors(Object.entries(tensors));
}

/** An affine map of two features to three, in every form that the options speak of. */
export const AFFINE = `import { Linear } from "std/nn"

model Affine(features: int = 2, classes: int = 3) {
  dims batch
  input x: f32[batch, features]
  output y: f32[batch, classes] = x |> Linear(classes) as map
}
`;

export const AFFINE_WEIGHTS = {
  'map.weight': tensor('F32', [3, 2], [1, 2, 3, 4, 5, 6]),
  'map.bias': tensor('F32', [3], [0.5, -0.5, 0]),
};

/** x = [[1, 2], [3, 4]] gives this. */
export const AFFINE_X = tensor('F32', [2, 2], [1, 2, 3, 4]);
export const AFFINE_Y = [5.5, 10.5, 17, 11.5, 24.5, 39];
