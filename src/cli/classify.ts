/** Runs a classifier on pictures and says what it takes them for. */
import type { ProgramDim } from '../program/program.ts';
import { printShape } from '../program/size.ts';
import type { TensorInfo } from '../runtime/tensors.ts';
import type { GivenDims } from './dims.ts';
import { Failure, UsageError } from './errors.ts';
import { readText } from './files.ts';
import { type ImageFormat, readImages } from './images.ts';
import { type Io, withProgress } from './io.ts';
import type { Runnable } from './runnable.ts';
import { alignColumns, count, jsonLines } from './table.ts';

export interface ImageOptions {
  readonly image: readonly string[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** A file with the name of one class on each line. */
  readonly labels?: string;
  readonly top?: number;
  /** Dimensions that the pictures do not tell. */
  readonly dims?: GivenDims;
  readonly json?: boolean;
}

/** Pictures in one run, where the model leaves it open. */
const CHUNK = 64;

export async function classify(runnable: Runnable, options: ImageOptions, io: Io): Promise<void> {
  const input = imageInput(runnable);
  const output = classOutput(runnable);
  const labels = options.labels === undefined ? undefined : await readLabels(options.labels, output, io);
  const format = imageFormat(input, options);
  const chunk = chunkSize(input, runnable.dims, options.image.length);
  const predictions = await withProgress(io, `running ${runnable.name}`, async (update) => {
    const all: Float64Array[] = [];
    for (let at = 0; at < options.image.length; at += chunk) {
      const files = options.image.slice(at, at + chunk);
      const values = await readImages(files, format, io);
      const shape = [files.length, format.channels, format.height, format.width];
      const bytes = new Uint8Array(values.buffer as ArrayBuffer);
      const results = await runnable.run(new Map([[input.name, { dtype: 'F32', shape, bytes }]]), options.dims);
      const logits = results.get(output.name)!;
      const classes = logits.shape[1]!;
      files.forEach((_, image) => all.push(softmax(logits.data.subarray(image * classes, (image + 1) * classes))));
      update(`running ${runnable.name}: ${all.length} of ${options.image.length}`);
    }
    return all;
  });
  checkLabels(labels, predictions, options);
  print(options, predictions, labels, io);
}

/** The one input, if it can hold pictures. */
function imageInput({ name, inputs }: Runnable): TensorInfo {
  const [input] = inputs;
  const described = inputs.map((one) => `${one.name}: ${one.dtype}${printShape(one.shape)}`);
  const isPicture =
    inputs.length === 1 &&
    input!.dtype === 'f32' &&
    input!.shape.length === 4 &&
    input!.shape.slice(1).every((size) => typeof size === 'number');
  if (isPicture) return input!;
  throw new Failure(`${name} does not take pictures: it needs one input f32[batch, channels, height, width]`, {
    notes: described.length > 0 ? [`its inputs are ${described.join(', ')}`] : [],
  });
}

/** The one output with a row of numbers for each picture. */
function classOutput({ name, outputs }: Runnable): TensorInfo {
  const candidates = outputs.filter(({ dtype, shape }) => dtype === 'f32' && shape.length === 2);
  if (candidates.length === 1) return candidates[0]!;
  throw new Failure(`${name} is no classifier: it needs one output f32[batch, classes]`, {
    notes: [`its outputs are ${outputs.map((one) => `${one.name}: ${one.dtype}${printShape(one.shape)}`).join(', ')}`],
  });
}

function imageFormat({ name, shape }: TensorInfo, options: ImageOptions): ImageFormat {
  const [channels, height, width] = shape.slice(1) as number[];
  if (channels !== 1 && channels !== 3)
    throw new Failure(`the input ${name} has ${channels} channels; pictures have 1 (grayscale) or 3 (RGB)`);
  const perChannel = (option: 'mean' | 'std', otherwise: number): number[] => {
    const given = options[option] ?? [otherwise];
    if (given.length === channels) return [...given];
    if (given.length === 1) return Array.from({ length: channels }, () => given[0]!);
    throw new UsageError(
      `--${option} has ${given.length} numbers, but the pictures have ${count(channels, 'channel')}`,
    );
  };
  return { channels, height: height!, width: width!, mean: perChannel('mean', 0), std: perChannel('std', 1) };
}

function chunkSize({ name, shape }: TensorInfo, dims: readonly ProgramDim[], images: number): number {
  const [batch] = shape;
  if (typeof batch !== 'number') {
    const limit = dims.find((dim) => dim.name === batch)?.max ?? CHUNK;
    if (limit > 0) return Math.min(limit, CHUNK);
  } else if (batch > 0 && images % batch === 0) return batch;
  throw new Failure(`the input ${name} takes ${String(batch)} pictures at once, but ${images} were given`);
}

async function readLabels(path: string, { name, shape }: TensorInfo, io: Io): Promise<readonly string[]> {
  const labels = (await readText(path, io)).trimEnd().split(/\r?\n/);
  const [, classes] = shape;
  // A symbolic number of classes is checked when it is known.
  if (typeof classes === 'number' && classes !== labels.length) throw labelMismatch(path, labels, name, classes);
  return labels;
}

function checkLabels(
  labels: readonly string[] | undefined,
  predictions: readonly Float64Array[],
  { labels: path }: ImageOptions,
): void {
  const classes = predictions[0]?.length;
  if (labels && path !== undefined && classes !== undefined && classes !== labels.length)
    throw labelMismatch(path, labels, 'the output', classes);
}

function labelMismatch(path: string, labels: readonly string[], output: string, classes: number): Failure {
  return new Failure(`${path} has ${count(labels.length, 'line')}, but ${output} has ${classes} classes`, {
    hint: 'a file of labels has the name of one class on each line',
  });
}

function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

interface Guess {
  readonly class: number;
  readonly label: string;
  readonly probability: number;
}

function print(
  { image, json, top = 5 }: ImageOptions,
  predictions: readonly Float64Array[],
  labels: readonly string[] | undefined,
  io: Io,
): void {
  const results = predictions.map((probabilities, at) => ({
    file: image[at]!,
    top: Array.from(probabilities, (probability, index): Guess => {
      return { class: index, label: labels?.[index] ?? String(index), probability };
    })
      // Of equal ones the first class wins, and what is not a number comes last.
      .sort((a, b) => (Number.isNaN(a.probability) ? 1 : b.probability - a.probability) || a.class - b.class)
      .slice(0, top),
  }));
  if (json) {
    io.stdout.write(`${jsonLines(results)}\n`);
    return;
  }
  const rows = results.map(({ file, top: guesses }) => [
    file,
    ...guesses.flatMap(({ label, probability }) => [label, `${(100 * probability).toFixed(2)} %`]),
  ]);
  const alignments = rows[0]!.map((_, at) => (at > 0 && at % 2 === 0 ? ('right' as const) : ('left' as const)));
  io.stdout.write(`${alignColumns(rows, alignments).join('\n')}\n`);
}
