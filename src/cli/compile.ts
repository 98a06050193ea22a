/** `heddle compile`: from a spec to the folder of an artifact. */
import { type ArtifactFile, artifactFiles } from '../compiler/artifact/files.ts';
import { channelsOf, type Compiled } from '../compiler/index.ts';
import { storeWeights, type Storage, type WeightChannels } from '../compiler/interop/store.ts';
import { exampleDims } from '../compiler/artifact/manifest.ts';
import { memoryFor } from '../program/memory.ts';
import { TARGET_NAMES } from '../program/program.ts';
import { readBuilt, WORKER_FILE } from './built.ts';
import { describeParameters, tensorRows } from './check.ts';
import { type CompilationOptions, openCompilation } from './compilation.ts';
import { checkDims, type GivenDims } from './dims.ts';
import { EXIT, printNote } from './errors.ts';
import { fitHalves } from './f16/fit.ts';
import { checkFolder, writeFolder } from './folder.ts';
import { makeHost, recordingHost } from './host.ts';
import { colorsFor, type Io, withProgress } from './io.ts';
import { provenanceOf } from './provenance.ts';
import { selfTestOf } from './self-test.ts';
import type { Signature } from './signature.ts';
import { loadWeights, someOf, type Tensors } from './spec.ts';
import { alignColumns, count, formatBytes, formatGzip } from './table.ts';

export interface CompileOptions extends CompilationOptions {
  readonly out: string;
  readonly dims?: GivenDims;
  readonly store?: Storage;
}

export async function compile(path: string, options: CompileOptions, io: Io): Promise<number> {
  const start = performance.now();
  checkFolder(options.out, io);
  const { compiled, kept, files, signature, loader } = await withProgress(io, `reading ${path}`, async (update) => {
    const texts = new Map<string, string>();
    const compilation = openCompilation(path, options, io, recordingHost(makeHost(io), texts));
    const { graph, signature, loader } = compilation;
    checkDims(options.dims ?? new Map(), graph);
    const weights = await loadWeights(signature.parameters, options, io);
    const storage = storageOf(options);
    const channels = storage === 'int8' ? channelsOf(graph) : new Map<string, readonly number[]>();
    const stored = weights && storeWeights(weights.bound, storage, channels);
    if (stored) noteUnrounded(stored, storage, channels, io);
    const runtimeSource = await readBuilt(compilation.runtime, io);
    const workerSource = await readBuilt(WORKER_FILE, io);
    update(`compiling ${graph.name}`);
    const all = compilation.compile(options.remat);
    if (compilation.halves) update(`checking the range of f16 for ${graph.name}`);
    const compiled = compilation.halves ? await fitHalves(compilation.halves, all, weights?.bound, options, io) : all;
    const kept = options.remat && compilation.compile();
    const { program, facts, wasm, js, wgsl } = compiled;
    const provenance = await provenanceOf(path, texts, io);
    update(`testing ${graph.name}`);
    const isOnGpuOnly = options.target.every((target) => target === 'webgpu');
    const tested = isOnGpuOnly ? () => compilation.compile(undefined, ['wasm']) : () => compiled;
    // Nothing but GPUs and their drivers is known to compute wrongly.
    const isTested = stored && !program.training && options.target.includes('webgpu');
    const selfTest = isTested ? await selfTestOf(tested(), stored) : undefined;
    const files = await artifactFiles({
      program,
      facts,
      provenance,
      wasm,
      js,
      wgsl,
      profile: compilation.profile(compiled),
      weights: stored,
      selfTest,
      runtimeSource,
      workerSource,
    });
    update(`writing ${options.out}`);
    await writeFolder(options.out, files, io);
    return { compiled, kept, files, signature, loader };
  });
  const seconds = (performance.now() - start) / 1000;
  const { out, dims = new Map<string, number>() } = options;
  printResult({ path, out, dims, compiled, kept, files, signature, seconds }, io);
  if (options.weights === undefined && signature.parameters.some(({ isDrawn }) => !isDrawn))
    printNote(`the artifact has no weights: they must be given when it is loaded, \`${loader}({ weights })\``, io);
  return EXIT.fine;
}

/** Which tensors the storage could not take. */
function noteUnrounded(stored: Tensors, storage: Storage, channels: WeightChannels, io: Io): void {
  if (storage === 'f32') return;
  const isMeant = (name: string): boolean => storage === 'f16' || channels.has(name);
  const kept = [...stored].filter(([name, { dtype }]) => dtype === 'F32' && isMeant(name)).map(([name]) => name);
  if (kept.length === 0) return;
  const reason = storage === 'f16' ? 'that f16 cannot hold' : 'that are not finite';
  printNote(`stored as f32, for they have values ${reason}: ${someOf(kept)}`, io);
}

/** Bytes lose nothing that products of bytes would keep. */
function storageOf({ store, quantize }: CompileOptions): Storage {
  return store ?? quantize ?? 'f32';
}

interface Result {
  readonly path: string;
  readonly out: string;
  readonly dims: GivenDims;
  readonly compiled: Compiled;
  /** The same without `--remat`, where that is given. */
  readonly kept: Compiled | undefined;
  readonly files: readonly ArtifactFile[];
  readonly signature: Signature;
  readonly seconds: number;
}

function printResult({ path, out, dims, compiled, kept, files, signature, seconds }: Result, io: Io): void {
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const sum = files.reduce((total, { bytes }) => total + bytes.length, 0);
  const rows = [
    ['file', 'size', 'gzip'],
    ...files.map(({ name, bytes }) => [name, formatBytes(bytes.length), formatGzip(bytes)]),
    ['total', formatBytes(sum), ''],
  ];
  const [head = '', ...table] = alignColumns(rows, ['left', 'right']);
  const rest = [...targetRows(compiled), ...memoryRows(compiled, kept, dims)];
  const facts = alignColumns([...tensorRows(signature), ...rest], ['left']);
  const lines = [
    `${bold(compiled.graph.name)} of ${path} → ${out}`,
    '',
    ...[dim(head), ...table].map((line) => `  ${line}`),
    '',
    ...facts.map((line) => `  ${line}`),
    '',
    `${describeParameters(signature)}; compiled in ${seconds.toFixed(2)} s`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
}

/** How often the steps of a routine run. */
const RUNS: { readonly [routine: string]: string } = {
  run: 'a run',
  step: 'a training step',
  accumulate: 'a batch',
  update: 'an update',
  evaluate: 'an evaluation',
};

/** The same for a program that generates. */
const GENERATING_RUNS: typeof RUNS = { run: 'a run', prefill: 'a prompt', step: 'a token' };

function targetRows({ program }: Compiled): string[][] {
  const often = program.generation ? GENERATING_RUNS : RUNS;
  return Object.entries(program.targets).map(([name, { kernels, loadSteps, routines }]) => {
    const load = loadSteps.length > 0 ? [`${count(loadSteps.length, 'step')} when loaded`] : [];
    const runs = routines.map(
      ({ name, first, last }) => `${count(last - first, 'step')} ${often[name] ?? `of ${name}`}`,
    );
    return ['target', name, [count(kernels.length, 'kernel'), ...runs, ...load].join(', ')];
  });
}

/** What the runtime reserves, for the sizes that are given and those of the manifest's example. */
function memoryRows({ program }: Compiled, kept: Compiled | undefined, given: GivenDims): string[][] {
  const dims = new Map([...(exampleDims(program) ?? []), ...given]);
  if (program.dims.some(({ name }) => !dims.has(name))) return [];
  const sizes = [...dims].map(([name, size]) => `${name} = ${size}`).join(', ');
  return TARGET_NAMES.flatMap((name) => {
    const [target, plain] = [program.targets[name], kept?.program.targets[name]];
    // What a GPU reserves is its driver's business.
    if (!target || target.gpu) return [];
    const more = plain ? `, ${formatBytes(memoryFor(plain, dims))} without --remat` : '';
    return [['memory', name, `${formatBytes(memoryFor(target, dims))}${sizes === '' ? '' : ` for ${sizes}`}${more}`]];
  });
}
