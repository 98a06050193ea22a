/** The ways in which a command ends early, and what the user sees of each. */
import { CommanderError } from 'commander';
import {
  type Diagnostic,
  DimensionOverflow,
  InterpreterError,
  renderDiagnostic,
  renderSummary,
} from '../compiler/index.ts';
import { HeddleError } from '../runtime/errors.ts';
import { type JsonDiagnostic, jsonReport, toJson, uncodedError } from './diagnostics-json.ts';
import { colorsFor, type Io, usesColor } from './io.ts';

/** What the process answers. `internal` is EX_SOFTWARE of BSD's sysexits, `interrupted` what a shell says of SIGINT. */
export const EXIT = { fine: 0, failed: 1, usage: 2, internal: 70, interrupted: 130 } as const;

export interface FailureDetails {
  /** Further facts, one a line. */
  readonly notes?: readonly string[];
  readonly hint?: string | undefined;
}

/** What the user gave is wrong: a file, a tensor, a picture. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly notes: readonly string[];
  readonly hint: string | undefined;

  constructor(message: string, details: FailureDetails = {}) {
    super(message);
    this.notes = details.notes ?? [];
    this.hint = details.hint;
  }
}

/** The command was not called as it can be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The compiler found mistakes. They have not been printed yet. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super('the compiler found mistakes');
    this.diagnostics = diagnostics;
  }
}

/** As many as anyone reads before mending the first ones. */
const printLimit = 50;

/** Prints the diagnostics in their order; of very many the first ones, errors rather than warnings. */
export function printDiagnostics(diagnostics: readonly Diagnostic[], io: Pick<Io, 'stderr' | 'env'>): void {
  const options: Parameters<typeof renderDiagnostic>[1] = { color: usesColor(io.stderr, io.env), views: new Map() };
  const [errors, warnings] = [
    diagnostics.filter((item) => item.severity === 'error'),
    diagnostics.filter((item) => item.severity !== 'error'),
  ];
  const printed = new Set([...errors, ...warnings].slice(0, printLimit));
  for (const item of diagnostics) if (printed.has(item)) io.stderr.write(`${renderDiagnostic(item, options)}\n\n`);
  const rest = diagnostics.filter((item) => !printed.has(item));
  if (rest.length > 0) io.stderr.write(`… and ${renderSummary(rest).replace(/ /, ' more ')}\n\n`);
}

/** Says what ended the command, on request as JSON; returns the exit code. */
export function reportError(error: unknown, io: Io, isJson = false): number {
  if (error instanceof CommanderError) return commanderExit(error);
  if (isJson) {
    const items = jsonOf(error);
    if (items) {
      io.stdout.write(jsonReport(items));
      return error instanceof UsageError ? EXIT.usage : EXIT.failed;
    }
  }
  if (error instanceof Rejected) {
    printDiagnostics(error.diagnostics, io);
    io.stderr.write(`${renderSummary(error.diagnostics)}\n`);
    return EXIT.failed;
  }
  if (error instanceof UsageError) {
    printError(error.message, [], error.hint, io);
    return EXIT.usage;
  }
  if (error instanceof Failure) {
    printError(error.message, error.notes, error.hint, io);
    return EXIT.failed;
  }
  if (error instanceof DimensionOverflow) {
    printError(TOO_LARGE, [], undefined, io);
    return EXIT.failed;
  }
  if (isExpected(error)) {
    printError(error.message, [], undefined, io);
    return EXIT.failed;
  }
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  io.stderr.write(`internal error: ${reason}; please report this, with what you ran\n`);
  if (env(io, 'HEDDLE_DEBUG') && error instanceof Error) io.stderr.write(`${error.stack ?? ''}\n`);
  return EXIT.internal;
}

const TOO_LARGE = 'the sizes of this model lead to positions beyond 2^53, which cannot be computed with';

/** Undefined for a defect of this program. */
function jsonOf(error: unknown): readonly JsonDiagnostic[] | undefined {
  if (error instanceof Rejected) return toJson(error.diagnostics);
  if (error instanceof UsageError) return [uncodedError(error.message, [], error.hint)];
  if (error instanceof Failure) return [uncodedError(error.message, error.notes, error.hint)];
  if (error instanceof DimensionOverflow) return [uncodedError(TOO_LARGE, [], undefined)];
  return isExpected(error) ? [uncodedError(error.message, [], undefined)] : undefined;
}

/** Whether the data of a run are to blame. */
function isExpected(error: unknown): error is Error {
  const code = runtimeCode(error);
  return (code !== undefined && code !== 'internal') || error instanceof InterpreterError;
}

/** An error line in the form of a diagnostic, for mistakes that have no code and no place. */
function printError(message: string, notes: readonly string[], hint: string | undefined, io: Io): void {
  const { bold, red, blue } = colorsFor(io.stderr, io.env);
  const remarks = [...notes, ...(hint === undefined ? [] : [`hint: ${hint}`])];
  io.stderr.write(`${bold(red('error'))}${bold(`: ${message}`)}\n`);
  for (const remark of remarks) io.stderr.write(`  ${blue('=')} ${remark}\n`);
}

export function printNote(message: string, io: Io): void {
  io.stderr.write(`${colorsFor(io.stderr, io.env).bold('note')}: ${message}\n`);
}

function env(io: Io, name: string): boolean {
  const value = io.env[name];
  return value !== undefined && value !== '' && value !== '0';
}

/** Commander has printed its message already; its own codes do not tell wrong usage from failure. */
function commanderExit(error: CommanderError): number {
  const asked = error.code === 'commander.version' || error.code === 'commander.helpDisplayed';
  return asked || (error.code === 'commander.help' && error.exitCode === 0) ? EXIT.fine : EXIT.usage;
}

/** The code of a runtime error. An artifact brings its own copy of the class, so the class alone does not tell. */
function runtimeCode(error: unknown): string | undefined {
  if (error instanceof HeddleError) return error.code;
  if (!(error instanceof Error) || error.name !== 'HeddleError' || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
