// Runs every generator of scripts/generate in one process: `node scripts/generate.mjs` writes the files that are not up to
// date, and with `--check` only names them. A module there that exports a function `generate…` is one; it answers texts
// by path.
import { readdirSync } from 'node:fs';
import { writeOrCheck } from './generate/files.mjs';

const folder = new URL('generate/', import.meta.url);
const modules = await Promise.all(
  readdirSync(folder)
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => import(new URL(name, folder).href)),
);
const generators = modules.flatMap((module) =>
  Object.entries(module).flatMap(([name, value]) => (/^generate[A-Z]/.test(name) ? [value] : [])),
);
const files = await Promise.all(generators.map((generate) => generate()));
writeOrCheck(Object.assign({}, ...files), 'scripts/generate.mjs');
