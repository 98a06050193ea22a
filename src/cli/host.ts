/** The compiler's outside world on the file system: where specs and the standard library lie, and how paths are shown. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceHost } from '../compiler/index.ts';
import type { Io } from './io.ts';

type Folders = Pick<Io, 'cwd' | 'packageRoot'>;

/**
 * Paths of the compiler are paths as they are shown. `std/…` is the standard library of this package; every other
 * specifier is relative to the importing file. `.model` may be left out.
 */
export function makeHost(folders: Folders): SourceHost {
  return {
    read(path) {
      try {
        return new TextDecoder().decode(readFileSync(resolve(folders.cwd, path)));
      } catch {
        return undefined;
      }
    },
    resolve(importer, specifier) {
      const base = specifier.startsWith('std/')
        ? join(folders.packageRoot, 'specs')
        : dirname(resolve(folders.cwd, importer));
      const path = resolve(base, specifier);
      return shownPath(extname(path) === '.model' ? path : `${path}.model`, folders.cwd);
    },
    beside(path) {
      try {
        const names = readdirSync(dirname(resolve(folders.cwd, path)));
        return names.filter((name) => extname(name) === '.model').map((name) => basename(name, '.model'));
      } catch {
        return [];
      }
    },
  };
}

/** The same host, which notes in `texts` what it has read. */
export function recordingHost(host: SourceHost, texts: Map<string, string>): SourceHost {
  return {
    ...host,
    read(path) {
      const text = host.read(path);
      if (text !== undefined) texts.set(path, text);
      return text;
    },
  };
}

/** A path in its shortest form: relative inside the working directory, and outside where that is shorter. */
export function shownPath(path: string, cwd: string): string {
  const absolute = resolve(cwd, path);
  const short = relative(cwd, absolute) || '.';
  const isInside = short !== '..' && !short.startsWith(`..${sep}`) && !isAbsolute(short);
  return isInside || short.length < absolute.length ? short : absolute;
}

/** The folder of this package, from `src/cli` as well as from `dist/src/cli`. */
export function findPackageRoot(from: string = import.meta.url): string {
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'specs', 'std'))) return folder;
    if (folder === dirname(folder)) throw new Error('the standard library (specs/std) is missing from the package');
  }
}
