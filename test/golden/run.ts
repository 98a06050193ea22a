/**
 * Golden cases: a text file a case, its input above a line of its own and the expected output below it. A folder is a
 * suite; nothing is registered anywhere. `UPDATE_GOLDEN=1` writes what comes out now into the files, and adds the line
 * to files that have none, so a new case begins as its input alone.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const divider = '════════ expected ════════';

interface GoldenCase {
  readonly input: string;
  /** Absent where the file has no divider yet. */
  readonly expected: string | undefined;
}

/** Runs `produce` over the input of every file of `folder` that ends with `extension`. */
export function goldenSuite(
  folder: string,
  produce: (input: string, name: string) => string | Promise<string>,
  extension = '.txt',
): void {
  const files = readdirSync(folder).filter((file) => file.endsWith(extension));
  describe(basename(folder), () => {
    it.each(files.sort())('%s', async (file) => {
      const path = join(folder, file);
      const { input, expected } = read(path);
      const actual = withLineEnd(await produce(input, basename(file, extension)));
      if (process.env['UPDATE_GOLDEN'] === '1') {
        writeFileSync(path, `${withLineEnd(input)}${divider}\n${actual}`);
        return;
      }
      expect(expected, `${path} has no expectation yet; run with UPDATE_GOLDEN=1`).toBeDefined();
      expect(actual).toBe(expected);
    });
  });
}

function read(path: string): GoldenCase {
  const text = readFileSync(path, 'utf8');
  const at = text.indexOf(`${divider}\n`);
  if (at === -1) return { input: text, expected: undefined };
  return { input: text.slice(0, at), expected: text.slice(at + divider.length + 1) };
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
