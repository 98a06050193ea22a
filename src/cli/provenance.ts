/** Says in an artifact's manifest what it was compiled from, and by what. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Provenance } from '../compiler/artifact/manifest.ts';
import { sha256 } from '../program/sha256.ts';
import type { Io } from './io.ts';

/** The version of this package. */
export function readVersion(io: Io): string {
  const { version } = JSON.parse(readFileSync(join(io.packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** `texts` are those of all files that were read for `spec`. The same spec gives the same answer in every folder. */
export async function provenanceOf(spec: string, texts: ReadonlyMap<string, string>, io: Io): Promise<Provenance> {
  const library = join(io.packageRoot, 'specs', sep);
  const name = (path: string): string => {
    const absolute = resolve(io.cwd, path);
    const base = absolute.startsWith(join(library, 'std', sep)) ? library : dirname(resolve(io.cwd, spec));
    return relative(base, absolute).replaceAll(sep, '/');
  };
  const sources = await Promise.all(
    [...texts].map(async ([path, text]) => [name(path), await sha256(new TextEncoder().encode(text))] as const),
  );
  return { compiler: `heddle ${readVersion(io)}`, sources: Object.fromEntries(sources) };
}
