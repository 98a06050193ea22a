/** Texts with labels, one a line: `label<TAB>text`, or a file for each class. */
import { basename } from 'node:path';
import type { Dataset } from '../dataset.ts';
import { DataError, type DataFiles } from '../files.ts';
import { LABEL_NAMES, TOKEN_NAMES } from '../names.ts';
import { encodeWords, numbersOf, tokenize } from '../vocabulary.ts';

export interface LabelledText {
  readonly title: string;
  /** The words of each line. */
  readonly words: readonly (readonly string[])[];
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

/**
 * One file is read as `label<TAB>text` lines; several are a class each, in the order of their names (`.neg` before
 * `.pos`). `classes` are those that labels shall count; otherwise labels that are the numbers from 0 on keep their
 * value, and names are sorted. Rejects with DataError.
 */
export async function readLabelled(
  paths: readonly string[],
  classes: readonly string[] | undefined,
  files: DataFiles,
): Promise<LabelledText> {
  const lines: { label: string; text: string }[] = [];
  for (const path of paths) {
    const text = decode(await files.unpacked(path));
    for (const [at, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '') continue;
      lines.push(paths.length > 1 ? { label: className(path, paths), text: line } : labelled(path, at + 1, line));
    }
  }
  const title = paths.join(', ');
  if (lines.length === 0) throw new DataError(`${title} has no lines of text`);
  const names = classes ?? sortedClasses(lines.map(({ label }) => label));
  const labels = lines.map(({ label }) => {
    const found = names.indexOf(label);
    if (found >= 0) return found;
    throw new DataError(`${title} has the label ${label}, which the training data do not have: ${names.join(', ')}`);
  });
  return { title, words: lines.map(({ text }) => tokenize(text)), labels: Int32Array.from(labels), classes: names };
}

/** UTF-8 where it is that, else latin-1, of which every byte is a character. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

function labelled(path: string, line: number, text: string): { label: string; text: string } {
  const tab = text.indexOf('\t');
  if (tab > 0) return { label: text.slice(0, tab).trim(), text: text.slice(tab + 1) };
  throw new DataError(
    `${path}, line ${line}: expected a label, a tab and a text, found ${JSON.stringify(text.slice(0, 40))}`,
  );
}

/** What tells a file from the others: its ending where these differ (`neg`, `pos`), else its name. */
function className(path: string, paths: readonly string[]): string {
  const ending = (name: string): string => /\.([^.]+)$/.exec(basename(name))?.[1] ?? basename(name);
  const endings = new Set(paths.map(ending));
  return endings.size === paths.length ? ending(path) : basename(path);
}

function sortedClasses(labels: readonly string[]): string[] {
  const names = [...new Set(labels)];
  if (!names.every((name) => /^\d+$/.test(name))) return names.sort();
  const largest = Math.max(...names.map(Number));
  if (largest > 100_000) throw new DataError(`the label ${largest} is too large to count classes from 0 on`);
  return Array.from({ length: largest + 1 }, (_, label) => String(label));
}

/** `ids: i32[length]`, cut or filled up with the padding's number, and `label: i32[]`. */
export function labelledDataset(text: LabelledText, tokens: readonly string[], length: number): Dataset {
  const numbers = numbersOf(tokens);
  const ids = new Int32Array(text.words.length * length);
  for (const [at, words] of text.words.entries())
    encodeWords(words, numbers, ids.subarray(at * length, (at + 1) * length));
  return {
    title: text.title,
    size: text.words.length,
    classes: text.classes,
    fields: [
      { name: 'ids', aliases: TOKEN_NAMES, dtype: 'i32', shape: [length] },
      { name: 'label', aliases: LABEL_NAMES, dtype: 'i32', shape: [] },
    ],
    write(index, _epoch, slot, into) {
      into[0]!.set(ids.subarray(index * length, (index + 1) * length), slot * length);
      into[1]![slot] = text.labels[index]!;
    },
  };
}
