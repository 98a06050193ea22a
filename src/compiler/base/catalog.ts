/**
 * Every diagnostic code, once. The first digit tells the stage: 1 lexis and syntax, 2 names, values and shapes,
 * 3 weights and other files, 4 command line, 5 inputs at run time.
 */
import { semanticEntries } from './catalog-semantics.ts';

export interface CatalogEntry {
  /** The mistake in a few words. */
  readonly title: string;
  /** What it means and how to mend it, for `heddle explain`. */
  readonly explanation: string;
}

const entries = {
  HED1001: {
    title: 'unexpected character',
    explanation: 'The text holds a character that starts no token of the language.',
  },
  HED1002: { title: 'syntax error', explanation: 'The parser met a token that cannot stand there.' },
  ...semanticEntries,
} as const satisfies Record<string, CatalogEntry>;

export type Code = keyof typeof entries;
export const catalog: Readonly<Record<Code, CatalogEntry>> = entries;
