/** Reads files of an artifact: through fetch, or from the disk where there is one. */
import { HeddleError, reasonOf } from './errors.ts';

/** Node's own modules, without an import that bundlers for browsers would trip over. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs/promises'): {
    readFile(path: URL | string): Promise<Uint8Array<ArrayBuffer>>;
  };
}

/**
 * The bytes behind a URL. A string without a scheme is relative to the page, or a path where there is a file system.
 * Rejects with HeddleError 'file'.
 */
export async function readBytes(location: URL | string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { process } = globalThis as { readonly process?: NodeProcess };
    const disk = process?.getBuiltinModule?.('node:fs/promises');
    if (disk && !isRemote(location)) return await disk.readFile(toPath(location));
    const response = await fetch(location);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new HeddleError('file', `${String(location)} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** A letter and a colon may be a drive; a scheme is longer. */
function isRemote(location: URL | string): boolean {
  return /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(String(location));
}

function toPath(location: URL | string): URL | string {
  return typeof location === 'string' && location.startsWith('file:') ? new URL(location) : location;
}
