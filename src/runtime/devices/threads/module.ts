/** Modules over shared memory: the same bytes but for a bit in the flags of the memory's import. */
import { HeddleError } from '../../errors.ts';

const IMPORT_SECTION = 2;
/** What an import may be, as far as the compiler writes it. */
const KIND = { memory: 2, global: 3 };
const SHARED = 2;

/**
 * The module with its memory declared as shared (WebAssembly binary format, sections "Import Section" and "Limits", and the
 * threads proposal's limits). Throws HeddleError 'program-malformed' when it imports no memory.
 */
export function withSharedMemory(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const flags = memoryFlagsAt(module);
  if (flags === undefined) throw new HeddleError('program-malformed', 'the WebAssembly module imports no memory');
  const shared = module.slice();
  shared[flags]! |= SHARED;
  return shared;
}

function memoryFlagsAt(bytes: Uint8Array): number | undefined {
  // Behind the magic number and the version.
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = number();
    if (id !== IMPORT_SECTION) {
      at += size;
      continue;
    }
    for (let left = number(); left > 0; left--) {
      // The names of the module and of the import.
      for (let names = 2; names > 0; names--) {
        const length = number();
        at += length;
      }
      const kind = bytes[at++];
      if (kind === KIND.memory) return at;
      if (kind !== KIND.global) return undefined;
      // The type of its values, and whether it changes.
      at += 2;
    }
    return undefined;
  }
  return undefined;
}
