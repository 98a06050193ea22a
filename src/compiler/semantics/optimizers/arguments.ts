/** How arguments of optimizers and schedules are declared, and the check of one value. */
import type { Setting, Settings } from './optimizer.ts';

/** Limits of a number, or of every number of a list. */
export interface Range {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
}

export type ArgumentType =
  | { readonly kind: 'float'; readonly range?: Range }
  | { readonly kind: 'int'; readonly range?: Range }
  | { readonly kind: 'bool' }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  /** `length` numbers; as many as there are where it is absent. */
  | { readonly kind: 'list'; readonly of: 'int' | 'float'; readonly length?: number; readonly range?: Range };

export interface ArgumentRecord {
  readonly name: string;
  readonly type: ArgumentType;
  readonly doc: string;
  /** Absent: it has to be given. `null`: it is off, and may be given as `none`. */
  readonly default?: Setting;
  /** A schedule may stand for the number. */
  readonly scheduled?: true;
}

/** An optimizer or a schedule. */
export interface CallableRecord {
  readonly name: string;
  readonly doc: string;
  /** In positional order. */
  readonly arguments: readonly ArgumentRecord[];
  /** What is wrong with settings that are fine one by one. */
  readonly check?: (settings: Settings) => string | undefined;
}

/** `plain` as a setting of that type, or undefined when it is none. */
export function fitSetting(type: ArgumentType, plain: unknown): Setting | undefined {
  switch (type.kind) {
    case 'float':
      return typeof plain === 'number' && isWithin(plain, type.range) ? plain : undefined;
    case 'int':
      return typeof plain === 'number' && Number.isInteger(plain) && isWithin(plain, type.range) ? plain : undefined;
    case 'bool':
      return typeof plain === 'boolean' ? plain : undefined;
    case 'word':
      return typeof plain === 'string' && type.words.includes(plain) ? plain : undefined;
    case 'list': {
      if (!Array.isArray(plain) || (type.length !== undefined && plain.length !== type.length)) return undefined;
      const items = plain.map((item) => fitSetting({ kind: type.of, ...(type.range && { range: type.range }) }, item));
      return items.includes(undefined) ? undefined : (items as number[]);
    }
  }
}

function isWithin(value: number, { least, above, most, below }: Range = {}): boolean {
  if (!Number.isFinite(value)) return false;
  return (
    (least === undefined || value >= least) &&
    (above === undefined || value > above) &&
    (most === undefined || value <= most) &&
    (below === undefined || value < below)
  );
}

/** `a number of at least 0 and less than 1` */
export function describeType(type: ArgumentType): string {
  switch (type.kind) {
    case 'float':
      return `a number${describeRange(type.range)}`;
    case 'int':
      return `an int${describeRange(type.range)}`;
    case 'bool':
      return 'true or false';
    case 'word':
      return type.words.map((word) => JSON.stringify(word)).join(' or ');
    case 'list': {
      const count = type.length === undefined ? 'a list of' : `${type.length}`;
      return `${count} ${type.of === 'int' ? 'ints' : 'numbers'}${describeRange(type.range)}`;
    }
  }
}

function describeRange({ least, above, most, below }: Range = {}): string {
  const parts = [
    least !== undefined && `of at least ${least}`,
    above !== undefined && `greater than ${above}`,
    most !== undefined && `of at most ${most}`,
    below !== undefined && `less than ${below}`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}
