/** Entries that generate. */
import type { Outcome } from '../../compiler/index.ts';
import { Failure, printDiagnostics, Rejected } from '../errors.ts';
import type { Io } from '../io.ts';

/** What was elaborated; warnings are printed. Throws Rejected, and Failure for an entry that does not say `generate`. */
export function generating<T>({ result, diagnostics }: Outcome<T>, path: string, io: Io): T {
  if (result) {
    printDiagnostics(diagnostics, io);
    return result;
  }
  if (diagnostics.some(({ severity }) => severity === 'error')) throw new Rejected(diagnostics);
  throw new Failure(`this entry of ${path} does not say how it generates`, {
    hint: 'a model says so: `generate idx along time from logits`; another entry of the file is chosen with --entry',
  });
}
