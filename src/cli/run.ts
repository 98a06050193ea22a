/** `heddle run`: runs a spec or an artifact on tensors or on pictures. */
import { writeSafetensors } from '../program/safetensors-writer.ts';
import type { SimdVariant } from '../program/program.ts';
import { elementCount, type StoredTensor } from '../program/safetensors.ts';
import { printShape } from '../program/size.ts';
import { readTensorFile } from './arguments.ts';
import { AUTO } from './auto.ts';
import { classify, type ImageOptions } from './classify.ts';
import { checkDims } from './dims.ts';
import { EXIT, Failure, printNote, UsageError } from './errors.ts';
import { exists, isFolder, writeWhole } from './files.ts';
import { underForeignNames } from './foreign.ts';
import { type Io, withProgress } from './io.ts';
import { openArtifact, openSpec, type Runnable, type RunTarget } from './runnable.ts';
import { readTensors, someOf, type SpecOptions, type Tensors } from './spec.ts';
import { alignColumns, count, formatBytes, jsonLines } from './table.ts';
import { type ResultTensor, summarize, summaryCells, toStored } from './tensors.ts';

export interface RunOptions extends SpecOptions, Omit<ImageOptions, 'image'> {
  readonly inputs?: string;
  readonly out?: string;
  readonly target?: RunTarget;
  readonly simd?: SimdVariant;
  readonly tile?: string;
  readonly threads?: number;
  readonly seed?: number;
  readonly image?: readonly string[];
  readonly json?: boolean;
}

export async function run(path: string, options: RunOptions, io: Io): Promise<number> {
  checkCombination(options);
  if (!exists(path, io)) throw new Failure(`there is no spec and no artifact ${path}`);
  const tensors = options.inputs === undefined ? undefined : await readInputFile(options.inputs, io);
  const known = tensors ? { ...options, atHand: [...tensors.found.keys()] } : options;
  const runnable = await withProgress(io, `compiling ${path}`, () => open(path, known, io));
  const dims = checkDims(options.dims ?? new Map(), runnable);
  if (options.image) {
    await classify(runnable, { ...options, image: options.image }, io);
    return EXIT.fine;
  }
  const inputs = chooseInputs(runnable, tensors, io);
  const results = await withProgress(io, `running ${runnable.name}`, () => runnable.run(inputs, dims, options.seed));
  const names = runnable.outputs.map(({ name }) => name);
  const outputs = names.map((name) => [name, results.get(name)!] as const);
  if (options.out !== undefined) await writeOutputs(options.out, await storedOutputs(outputs, options, io), io);
  if (options.json) printJson(outputs, io);
  else if (options.out === undefined) printSummary(outputs, io);
  return EXIT.fine;
}

/** Options that mean something only with pictures, and those that mean nothing with them. */
const IMAGE_ONLY = ['mean', 'std', 'labels', 'top'] as const;
const TENSORS_ONLY = ['inputs', 'out', 'tap', 'mode', 'grad'] as const;
const SPEC_ONLY = ['entry', 'set', 'given', 'weights', 'rename', 'tap', 'mode', 'grad', 'quantize'] as const;

function checkCombination(options: RunOptions): void {
  if (options.quantize && options.grad)
    throw new UsageError('--quantize and --grad cannot be combined', 'rounding to bytes has no gradient');
  if (options.image) {
    const wrong = TENSORS_ONLY.find((name) => options[name] !== undefined);
    if (wrong) throw new UsageError(`--${wrong} is for tensors and cannot be combined with --image`);
    return;
  }
  const wrong = IMAGE_ONLY.find((name) => options[name] !== undefined);
  if (wrong) throw new UsageError(`--${wrong} is for pictures, but there is no --image`);
}

async function open(path: string, options: RunOptions, io: Io): Promise<Runnable> {
  const { target } = options;
  const wrongEngine = (['simd', 'tile', 'threads'] as const).find((name) => options[name] !== undefined);
  if (wrongEngine && (target ?? 'wasm') !== 'wasm' && !(target === AUTO && wrongEngine === 'threads'))
    throw new UsageError(`--${wrongEngine} is for wasm and cannot be combined with --target ${target}`);
  if (!isFolder(path, io)) return openSpec(path, target ?? 'wasm', options, io);
  const wrong = SPEC_ONLY.find((name) => options[name] !== undefined);
  if (wrong) throw new UsageError(`--${wrong} is for specs, but ${path} is an artifact, which is compiled already`);
  if (target === 'reference')
    throw new UsageError(
      `the reference interprets a spec, but ${path} is an artifact`,
      'choose --target wasm, js or webgpu',
    );
  return openArtifact(path, target, options, io);
}

/** The tensors that `--inputs` names, and their file. */
export interface InputFile {
  readonly path: string;
  readonly found: Tensors;
}

export async function readInputFile(text: string, io: Io): Promise<InputFile> {
  const file = readTensorFile(text, io);
  return { path: file.path, found: await readTensors(file, io) };
}

/** A tensor for each input, from the file that the options name. */
export function chooseInputs(
  runnable: Pick<Runnable, 'name' | 'inputs'>,
  file: InputFile | undefined,
  io: Io,
): Tensors {
  const { inputs, name: model } = runnable;
  const describe = ({ name, dtype, shape }: Runnable['inputs'][number]): string =>
    `${name}: ${dtype}${printShape(shape)}`;
  if (!file) {
    if (inputs.length === 0) return new Map();
    throw new UsageError(
      `${model} needs ${count(inputs.length, 'input')}: ${inputs.map(describe).join(', ')}`,
      'give them with --inputs FILE.safetensors, or pictures with --image FILE…',
    );
  }
  const { found } = file;
  const missing = inputs.filter(({ name }) => !found.has(name));
  if (missing.length > 0) {
    throw new Failure(`${file.path} lacks ${count(missing.length, 'input')} of ${model}`, {
      notes: missing.map(describe),
      hint:
        found.size > 0 ? `it holds ${someOf([...found.keys()])}; FILE:prefix takes those under a prefix` : undefined,
    });
  }
  const surplus = [...found.keys()].filter((name) => !inputs.some((input) => input.name === name));
  if (surplus.length > 0)
    printNote(`${file.path} also holds what is no input of ${model}, ignored: ${someOf(surplus)}`, io);
  return found;
}

type Outputs = readonly (readonly [name: string, tensor: ResultTensor])[];
type Stored = readonly (readonly [name: string, tensor: StoredTensor])[];

async function storedOutputs(outputs: Outputs, options: RunOptions, io: Io): Promise<Stored> {
  const stored = outputs.map(([name, tensor]) => [name, toStored(tensor)] as const);
  return options.mode || options.grad ? underForeignNames(stored, options, io) : stored;
}

async function writeOutputs(path: string, stored: Stored, io: Io): Promise<void> {
  const bytes = writeSafetensors(stored);
  await writeWhole(path, bytes, io);
  const rows = stored.map(([name, { dtype, shape }]) => [name, `${dtype} [${shape.join(', ')}]`]);
  // Standard output may be the file, or be read by another program.
  io.stderr.write(`${path}: ${count(stored.length, 'tensor')}, ${formatBytes(bytes.length)}\n`);
  for (const line of alignColumns(rows, ['left'])) io.stderr.write(`  ${line}\n`);
}

function printSummary(outputs: Outputs, io: Io): void {
  const rows = outputs.map(([name, tensor]) => summaryCells(summarize(name, tensor), elementCount(tensor.shape)));
  io.stdout.write(`${alignColumns(rows, ['left']).join('\n')}\n`);
}

/** Not-a-number and infinities are no numbers of JSON; they become null. */
function printJson(outputs: Outputs, io: Io): void {
  const summaries = outputs.map(([name, tensor]) => summarize(name, tensor));
  io.stdout.write(`{"outputs": ${jsonLines(summaries)}}\n`);
}
