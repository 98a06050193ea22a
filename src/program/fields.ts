/** Checks of single values read from JSON: each returns its value typed, or throws the place where it differs. */

/** The value is no Program of this version; `path` is where it differs: `targets.wasm.steps[3].kernel`. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly path: string;
  /** True when only the version differs: the program may be sound, for another runtime. */
  readonly isVersion: boolean;

  constructor(path: string, wanted: string, isVersion = false) {
    super(isVersion ? wanted : `${path || 'the program'} is not ${wanted}`);
    this.path = path;
    this.isVersion = isVersion;
  }
}

/** A check of whatever is at `path`. */
export type Check<T> = (value: unknown, path: string) => T;
export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ProgramError(path, 'an object');
  return value as Fields;
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ProgramError(path, 'a string');
  return value;
}

/** An integer in `[0, limit)`. */
export function index(value: unknown, path: string, limit = 2 ** 53): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) >= limit)
    throw new ProgramError(path, limit < 2 ** 53 ? `an index below ${limit}` : 'a non-negative integer');
  return value as number;
}

export function oneOf(value: unknown, path: string, allowed: readonly string[]): void {
  if (!allowed.includes(value as string)) throw new ProgramError(path, `one of ${allowed.join(', ')}`);
}

export function list<T>(value: unknown, path: string, check: Check<T>): readonly T[] {
  if (!Array.isArray(value)) throw new ProgramError(path, 'a list');
  return Array.from(value, (item, i) => check(item, `${path}[${i}]`));
}

/** `value` is none of `known`, and is one of them from now on. */
export function unique(value: string, path: string, known: Set<string>): void {
  if (known.has(value)) throw new ProgramError(path, 'unique');
  known.add(value);
}
