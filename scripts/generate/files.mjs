// What all generators share: the project's modules as they stand in its sources, and files that are written or checked.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import * as prettier from 'prettier';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The exports of a module written in TypeScript; `source` imports relative to the project's folder. */
export async function loadSource(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'warning',
  });
  // A file within the project, so that the packages it imports are found.
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, 'node_modules/.cache/heddle-'));
  try {
    const file = join(folder, 'source.mjs');
    writeFileSync(file, outputFiles[0].contents);
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text in the project's layout, if it is of a kind that prettier knows. */
export async function laidOut(path, text) {
  const file = join(root, path);
  const { inferredParser } = await prettier.getFileInfo(file);
  if (!inferredParser) return text;
  return prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file });
}

/** Names of the files, of those given with their texts, that say something else. */
export function staleFiles(files) {
  return Object.keys(files).filter((path) => read(path) !== files[path]);
}

/** Writes the files; with `--check` only names those that are not up to date, and exits with 1 if there are any. */
export function writeOrCheck(files, script) {
  const stale = staleFiles(files);
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is not up to date: run node ${script}`);
    if (stale.length > 0) process.exitCode = 1;
    return;
  }
  for (const path of stale) {
    writeFileSync(join(root, path), files[path]);
    console.log(`wrote ${path}`);
  }
}

function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
