/** `heddle fmt`: gives specs their canonical layout. */
import { type Diagnostic, diagnostic, formatSpec, renderSummary } from '../compiler/index.ts';
import { EXIT, Failure, printDiagnostics } from './errors.ts';
import { decodeText, readText, writeWhole } from './files.ts';
import type { Io } from './io.ts';
import { specPath } from './spec.ts';

export interface FmtOptions {
  /** Name the files that are not in their canonical layout, and write nothing. */
  readonly check?: boolean;
}

/** What the path of the standard input is called. */
const STANDARD_INPUT = '-';

/** Formats the files, each whole or not at all; `-` is read from the standard input and written to the output. */
export async function fmt(paths: readonly string[], options: FmtOptions, io: Io): Promise<number> {
  const mistakes: Diagnostic[] = [];
  let isFine = true;
  for (const path of new Set(paths)) {
    const outcome = await formatFile(path, options, io);
    mistakes.push(...outcome.diagnostics);
    if (outcome.diagnostics.length > 0 || (options.check && outcome.isChanged)) isFine = false;
  }
  if (mistakes.length > 0) io.stderr.write(`${renderSummary(mistakes)}\n`);
  return isFine ? EXIT.fine : EXIT.failed;
}

interface FileOutcome {
  readonly isChanged: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

async function formatFile(path: string, { check = false }: FmtOptions, io: Io): Promise<FileOutcome> {
  const isInput = path === STANDARD_INPUT;
  try {
    const source = isInput
      ? { path: 'standard input', text: decodeText('standard input', await io.readInput()) }
      : { path: specPath(path, io), text: await readText(path, io) };
    const { text, diagnostics } = formatSpec(source);
    if (text === undefined) return rejected(diagnostics, io);
    const isChanged = text !== source.text;
    if (check && isChanged) io.stdout.write(`${path}\n`);
    else if (!check && isInput) io.stdout.write(text);
    else if (!check && isChanged) {
      await writeWhole(path, new TextEncoder().encode(text), io);
      io.stdout.write(`formatted ${path}\n`);
    }
    return { isChanged, diagnostics: [] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // As a diagnostic, so that the other files are formatted all the same.
    return rejected([diagnostic('HED2001', undefined, error.message, { hint: error.hint })], io);
  }
}

function rejected(diagnostics: readonly Diagnostic[], io: Io): FileOutcome {
  printDiagnostics(diagnostics, io);
  return { isChanged: false, diagnostics };
}
