/** `heddle check`: reports what is wrong with specs; on request lists what goes into one of their models. */
import {
  checkSpec,
  type Diagnostic,
  diagnostic,
  elaborateGeneration,
  renderSummary,
  type SourceHost,
} from '../compiler/index.ts';
import { elementCount } from '../program/safetensors.ts';
import { printShape } from '../program/size.ts';
import { jsonReport, toJson } from './diagnostics-json.ts';
import { EXIT, Failure, printDiagnostics, Rejected, UsageError } from './errors.ts';
import { makeHost } from './host.ts';
import { colorsFor, type Io } from './io.ts';
import { type Signature, signatureOf } from './signature.ts';
import { elaborateEntry, elaborateOptionsOf, specPath, type SpecOptions } from './spec.ts';
import { alignColumns, count } from './table.ts';

export interface CheckOptions extends SpecOptions {
  readonly json?: boolean;
}

export function check(paths: readonly string[], options: CheckOptions, io: Io): number {
  if (options.entry !== undefined || options.set || options.given) {
    if (paths.length > 1) throw new UsageError('--entry, --set and --given are for one spec; several were given');
    return checkEntry(paths[0]!, options, io);
  }
  const outcomes = paths.map((path) => checkFile(path, io));
  if (options.json) {
    io.stdout.write(jsonReport(toJson(outcomes.flatMap((outcome) => outcome.diagnostics))));
    return outcomes.every((outcome) => outcome.isSound) ? EXIT.fine : EXIT.failed;
  }
  for (const outcome of outcomes) printOutcome(outcome, io);
  const diagnostics = outcomes.flatMap((outcome) => outcome.diagnostics);
  const sound = outcomes.filter((outcome) => outcome.isSound).length;
  const isFine = sound === paths.length;
  const files = paths.length === 1 ? '' : `${sound} of ${paths.length} files ok: `;
  // For one sound file everything has been said.
  if (!isFine || files !== '') (isFine ? io.stdout : io.stderr).write(`${files}${renderSummary(diagnostics)}\n`);
  return isFine ? EXIT.fine : EXIT.failed;
}

interface CheckedFile {
  readonly path: string;
  /** How many files were read for it. */
  readonly files: number;
  readonly isSound: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

function checkFile(path: string, io: Io): CheckedFile {
  const files = new Set<string>();
  const host = makeHost(io);
  const counting: SourceHost = {
    ...host,
    read(file) {
      files.add(file);
      return host.read(file);
    },
  };
  let diagnostics: readonly Diagnostic[];
  try {
    diagnostics = checkSpec(specPath(path, io), counting);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // As a diagnostic, so that the other files are checked all the same.
    diagnostics = [diagnostic('HED2001', undefined, error.message, { hint: error.hint })];
  }
  const isSound = diagnostics.every((item) => item.severity !== 'error');
  return { path, files: files.size, isSound, diagnostics };
}

function printOutcome({ path, files, isSound, diagnostics }: CheckedFile, io: Io): void {
  printDiagnostics(diagnostics, io);
  const { green } = colorsFor(io.stdout, io.env);
  if (isSound) io.stdout.write(`${green('ok')} ${path}: ${renderSummary(diagnostics)}, ${count(files, 'file')} read\n`);
}

function checkEntry(path: string, options: CheckOptions, io: Io): number {
  // Of a model with `generate` all is checked that generating needs.
  const { diagnostics } = elaborateGeneration(specPath(path, io), elaborateOptionsOf(options), makeHost(io));
  const isSound = diagnostics.every((item) => item.severity !== 'error');
  if (options.json) {
    io.stdout.write(jsonReport(toJson(diagnostics)));
    return isSound ? EXIT.fine : EXIT.failed;
  }
  if (!isSound) throw new Rejected(diagnostics);
  const graph = elaborateEntry(path, options, io);
  const signature = signatureOf(graph);
  const { green } = colorsFor(io.stdout, io.env);
  io.stdout.write(`${green('ok')} ${path}: model ${graph.name}\n`);
  const parameters = signature.parameters.map((item) => ['parameter', item.name, item.dtype + printShape(item.shape)]);
  const lines = alignColumns([...tensorRows(signature), ...parameters], ['left']);
  io.stdout.write(`${lines.join('\n')}\n${describeParameters(signature)}\n`);
  return EXIT.fine;
}

/** Inputs and outputs with their types, for `alignColumns`. */
export function tensorRows({ inputs, outputs }: Pick<Signature, 'inputs' | 'outputs'>): string[][] {
  const row = (role: string, { name, dtype, shape }: Signature['inputs'][number]): string[] => [
    role,
    name,
    dtype + printShape(shape),
  ];
  return [...inputs.map((input) => row('input', input)), ...outputs.map((output) => row('output', output))];
}

/** `138,250 parameters in 57 tensors` */
export function describeParameters({ parameters }: Pick<Signature, 'parameters'>): string {
  const total = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return `${count(total, 'parameter')} in ${count(parameters.length, 'tensor')}`;
}
