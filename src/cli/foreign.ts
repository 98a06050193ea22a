/** Results of a run that belong to parameters, under the names that a rename map gives these elsewhere. */
import { DiagnosticSink } from '../compiler/index.ts';
import { invertRename } from '../compiler/interop/rename.ts';
import { withoutPrefix } from '../compiler/interop/weights.ts';
import type { StoredTensor } from '../program/safetensors.ts';
import { printDiagnostics, Rejected } from './errors.ts';
import type { Io } from './io.ts';
import { readRenameMap, type SpecOptions } from './spec.ts';

type Named = readonly (readonly [name: string, tensor: StoredTensor])[];

/** What the names of gradients of parameters and of states begin with. */
const PREFIXES = ['grad.param.', 'buf.'];

/** The tensors in their order, those of parameters under foreign names where the options name a map. Throws Rejected. */
export async function underForeignNames(tensors: Named, options: SpecOptions, io: Io): Promise<Named> {
  const sink = new DiagnosticSink();
  const map = await readRenameMap(options, io, sink);
  if (!map) return tensors;
  const others = tensors.filter(([name]) => !PREFIXES.some((prefix) => name.startsWith(prefix)));
  const all = new Map(tensors);
  const renamed = PREFIXES.flatMap((prefix) => {
    const own = withoutPrefix(all, prefix);
    const foreign = invertRename(map, own, sink) ?? new Map<string, StoredTensor>();
    return [...foreign].map(([name, tensor]) => [`${prefix}${name}`, tensor] as const);
  });
  if (sink.hasErrors) throw new Rejected(sink.items);
  printDiagnostics(sink.items, io);
  return [...others, ...renamed];
}
