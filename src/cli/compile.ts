/** `heddle compile`: from a spec to the folder of an artifact. */
import { type ArtifactFile, artifactFiles } from '../compiler/artifact/files.ts';
import { channelsOf, type Compiled, compileGraph } from '../compiler/index.ts';
import { storeWeights, type Storage, type WeightChannels } from '../compiler/interop/store.ts';
import { profileFacts } from '../compiler/inspect/profile/facts.ts';
import type { TargetName } from '../program/program.ts';
import { readBuilt, WORKER_FILE } from './built.ts';
import { describeParameters, tensorRows } from './check.ts';
import { EXIT, printNote } from './errors.ts';
import { checkFolder, writeFolder } from './folder.ts';
import { makeHost, recordingHost } from './host.ts';
import { colorsFor, type Io, withProgress } from './io.ts';
import { provenanceOf } from './provenance.ts';
import { type Signature, signatureOf } from './signature.ts';
import { compilerOptions, elaborateEntry, loadWeights, someOf, type SpecOptions, type Tensors } from './spec.ts';
import { alignColumns, count, formatBytes, formatGzip } from './table.ts';

export interface CompileOptions extends SpecOptions {
  readonly target: readonly TargetName[];
  readonly out: string;
  readonly store?: Storage;
}

export async function compile(path: string, options: CompileOptions, io: Io): Promise<number> {
  const start = performance.now();
  checkFolder(options.out, io);
  const { compiled, files, signature } = await withProgress(io, `reading ${path}`, async (update) => {
    const texts = new Map<string, string>();
    const graph = elaborateEntry(path, options, io, recordingHost(makeHost(io), texts));
    const signature = signatureOf(graph);
    const weights = await loadWeights(signature.parameters, options, io);
    const storage = storageOf(options);
    const channels = storage === 'int8' ? channelsOf(graph) : new Map<string, readonly number[]>();
    const stored = weights && storeWeights(weights.bound, storage, channels);
    if (stored) noteUnrounded(stored, storage, channels, io);
    // The GPU's device is only in the larger runtime.
    const runtimeSource = await readBuilt(options.target.includes('webgpu') ? 'runtime-webgpu.js' : 'runtime.js', io);
    const workerSource = await readBuilt(WORKER_FILE, io);
    update(`compiling ${graph.name}`);
    const compiled = compileGraph(graph, { targets: options.target, ...compilerOptions(options) });
    const { program, facts, wasm, js, wgsl } = compiled;
    const provenance = await provenanceOf(path, texts, io);
    const files = await artifactFiles({
      program,
      facts,
      provenance,
      wasm,
      js,
      wgsl,
      profile: profileFacts(graph, compiled.ops, compiled.lowered),
      weights: stored,
      runtimeSource,
      workerSource,
    });
    update(`writing ${options.out}`);
    await writeFolder(options.out, files, io);
    return { compiled, files, signature };
  });
  const seconds = (performance.now() - start) / 1000;
  printResult({ path, out: options.out, compiled, files, signature, seconds }, io);
  if (options.weights === undefined && signature.parameters.length > 0)
    printNote('the artifact has no weights: they must be given when it is loaded, `load({ weights })`', io);
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
  readonly compiled: Compiled;
  readonly files: readonly ArtifactFile[];
  readonly signature: Signature;
  readonly seconds: number;
}

function printResult({ path, out, compiled, files, signature, seconds }: Result, io: Io): void {
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const sum = files.reduce((total, { bytes }) => total + bytes.length, 0);
  const rows = [
    ['file', 'size', 'gzip'],
    ...files.map(({ name, bytes }) => [name, formatBytes(bytes.length), formatGzip(bytes)]),
    ['total', formatBytes(sum), ''],
  ];
  const [head = '', ...table] = alignColumns(rows, ['left', 'right']);
  const facts = alignColumns([...tensorRows(signature), ...targetRows(compiled)], ['left']);
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

function targetRows({ program }: Compiled): string[][] {
  return Object.entries(program.targets).map(([name, { kernels, loadSteps, steps }]) => {
    const load = loadSteps.length > 0 ? `, ${count(loadSteps.length, 'step')} when loaded` : '';
    return ['target', name, `${count(kernels.length, 'kernel')}, ${count(steps.length, 'step')} a run${load}`];
  });
}
