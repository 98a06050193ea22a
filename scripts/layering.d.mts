export interface Part {
  readonly name: string;
  /** A folder, with `/` at its end, or one file. */
  readonly files: string;
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

export type Target = { readonly path: string; readonly package?: never } | { readonly package: string };

export const PARTS: readonly Part[];
export function sourceFiles(folder?: string): string[];
export function partOf(file: string): Part | undefined;
export function importsOf(file: string, text: string, isFile?: (path: string) => boolean): Target[];
export function importProblem(file: string, target: Target): string | undefined;
export function textProblems(file: string, text: string): string[];
export function findViolations(folder?: string): string[];
