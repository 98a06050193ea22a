/** The options that say what is meant by a spec, and what the compiler makes of them. */
import {
  type CompileOptions,
  DiagnosticSink,
  elaborateGradients,
  elaborateSpec,
  type EntryOptions,
  type Graph,
  type Outcome,
  type Quantization,
  type Setting,
  type SourceHost,
} from '../compiler/index.ts';
import { applyRename } from '../compiler/interop/rename.ts';
import { parseRenameMap, type RenameMap } from '../compiler/interop/rename-map.ts';
import { bindWeights, readWeights, type WeightParameter, withoutPrefix } from '../compiler/interop/weights.ts';
import { ELEMENT_BYTES, elementCount, type StoredTensor } from '../program/safetensors.ts';
import { expandBytes } from '../runtime/expand-bytes.ts';
import { OPTIMIZER } from '../runtime/train/initial-weights.ts';
import { heldWeights } from '../runtime/weight-stream.ts';
import type { TensorFile } from './arguments.ts';
import { Failure, printDiagnostics, Rejected, UsageError } from './errors.ts';
import { isFolder, readBytes, readText } from './files.ts';
import { makeHost, shownPath } from './host.ts';
import type { Io } from './io.ts';
import { count, visible } from './table.ts';
import { weightFile } from './train/run-weights.ts';

export const MODES = ['train', 'eval'] as const;

export type Mode = (typeof MODES)[number];

export interface SpecOptions {
  readonly entry?: string;
  readonly set?: readonly Setting[];
  /** Optional inputs to compile with. */
  readonly given?: readonly string[];
  /** Names of the tensors that the inputs come from: optional inputs among them are given too. */
  readonly atHand?: readonly string[];
  readonly tap?: readonly string[];
  /** Whether the entry is run as in training; without it, a train entry is and a model is not. */
  readonly mode?: Mode;
  /** Of which inputs and parameters the gradients are wanted. */
  readonly grad?: readonly string[];
  readonly weights?: string;
  readonly rename?: string;
  readonly quantize?: Quantization;
}

export type Tensors = ReadonlyMap<string, StoredTensor>;

/** The weights of a model. */
export interface Weights {
  /** For every parameter, in the parameter's own type. */
  readonly bound: Tensors;
  /** The same tensors as they are stored, which may be in greater precision; those of bytes as f32. */
  readonly stored: Tensors;
}

/** One entry as a graph; warnings are printed. Throws Rejected and Failure. */
export function elaborateEntry(path: string, options: SpecOptions, io: Io, host: SourceHost = makeHost(io)): Graph {
  const { result, diagnostics } = elaborateOptions(path, options, io, host);
  if (!result) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  return result;
}

/** One entry as a graph, if it has no mistakes, and all there is to tell. Throws Failure. */
function elaborateOptions(path: string, options: SpecOptions, io: Io, host: SourceHost = makeHost(io)): Outcome<Graph> {
  const { atHand = [], mode, grad } = options;
  const chosen = elaborateOptionsOf(options);
  const shown = specPath(path, io);
  if (!mode && !grad) return elaborateSpec(shown, chosen, host);
  const cotangents = atHand.flatMap((name) => (name.startsWith('cot.') ? [name.slice('cot.'.length)] : []));
  return elaborateGradients(shown, chosen, { patterns: grad ?? [], cotangents }, host);
}

/** What elaboration is told of them. */
export function elaborateOptionsOf({
  entry,
  set = [],
  given = [],
  atHand = [],
  tap = [],
  mode,
}: SpecOptions): EntryOptions {
  return {
    ...(entry !== undefined && { entry }),
    settings: set,
    given,
    atHand,
    taps: tap,
    ...(mode && { training: mode === 'train' }),
  };
}

/** What the compiler is told of them. */
export function compilerOptions({ quantize }: SpecOptions): Pick<CompileOptions, 'quantize'> {
  return quantize ? { quantize } : {};
}

/** The path as the compiler shall show it. */
export function specPath(path: string, io: Io): string {
  if (isFolder(path, io)) throw new Failure(`${path} is a folder; a spec is a file, usually named *.model`);
  return shownPath(path, io.cwd);
}

/** Reads, renames and binds the weights that the options name; undefined when they name none. */
export async function loadWeights(
  parameters: readonly WeightParameter[],
  options: SpecOptions,
  io: Io,
): Promise<Weights | undefined> {
  if (options.weights === undefined) {
    if (options.rename === undefined) return undefined;
    throw new UsageError('--rename maps the names of weights, but there is no --weights');
  }
  const file = weightFile(options.weights, io);
  const sink = new DiagnosticSink();
  const found = await expanded(withoutOptimizer(await readTensors(file, io)));
  const map = await readRenameMap(options, io, sink);
  const stored = map ? applyRename(map, found, sink) : found;
  const bound = stored && bindWeights(parameters, stored, sink, `the weights of ${file.path}`);
  if (!bound) throw new Rejected(sink.items);
  printDiagnostics(sink.items, io);
  return { bound, stored };
}

/** The map that the options name, if any. Throws Rejected. */
export async function readRenameMap(
  { rename }: SpecOptions,
  io: Io,
  sink: DiagnosticSink,
): Promise<RenameMap | undefined> {
  if (rename === undefined) return undefined;
  const map = parseRenameMap({ path: shownPath(rename, io.cwd), text: await readText(rename, io) }, sink);
  if (!map) throw new Rejected(sink.items);
  return map;
}

/** The tensors but the states of an optimizer, which a checkpoint of a run has too. */
export function withoutOptimizer(tensors: Tensors): Tensors {
  return new Map([...tensors].filter(([name]) => !name.startsWith(OPTIMIZER)));
}

/** The tensors with f32 in place of those of bytes that have an `absmax`. Rejects with HeddleError 'weights-mismatch'. */
async function expanded(tensors: Tensors): Promise<Tensors> {
  const held = heldWeights(tensors);
  const stream = expandBytes(held);
  if (stream === held) return tensors;
  const values = new Map<string, StoredTensor>();
  for (const [name, type] of stream.tensors) {
    const tensor = tensors.get(name)!;
    const isSame = tensor.dtype === type.dtype;
    values.set(
      name,
      isSame ? tensor : { ...type, bytes: new Uint8Array(ELEMENT_BYTES.F32 * elementCount(type.shape)) },
    );
  }
  for await (const { name, dtype, at, bytes } of stream.pieces()) {
    if (tensors.get(name)!.dtype !== dtype) values.get(name)!.bytes.set(bytes, ELEMENT_BYTES.F32 * at);
  }
  return values;
}

/** The tensors of a file, or those under its prefix. */
export async function readTensors(file: TensorFile, io: Io): Promise<Tensors> {
  const { path, prefix } = file;
  const bytes = await readBytes(path, io);
  const sink = new DiagnosticSink();
  const tensors = readWeights(path, bytes, sink);
  if (!tensors) throw new Rejected(sink.items);
  const chosen = withoutPrefix(tensors, prefix);
  if (prefix === '' || chosen.size > 0) return chosen;
  throw new Failure(`no tensor of ${path} has a name that begins with \`${prefix}\``, {
    hint: tensors.size > 0 ? `its tensors are ${someOf([...tensors.keys()])}` : 'it holds no tensors',
  });
}

/** The first few of some names. */
export function someOf(names: readonly string[]): string {
  const few = names.slice(0, 6).map(visible).join(', ');
  return names.length > 6 ? `${few} and ${count(names.length - 6, 'other')}` : few;
}
