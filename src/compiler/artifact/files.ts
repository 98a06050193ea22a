/**
 * The files of a compiled artifact, as names and bytes. Pure: where they go is the caller's business.
 */
import type { Program, TensorSpec } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { writeSafetensors } from '../interop/safetensors.ts';
import { declarations } from './declarations.ts';

export interface ArtifactFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ArtifactParts {
  readonly program: Program;
  /** The WebAssembly module, when compiled for wasm. */
  readonly wasm?: Uint8Array<ArrayBuffer> | undefined;
  /** The text of the kernels module, when compiled for js. */
  readonly js?: string | undefined;
  /** Values of the parameters by name; those the program does not use are left out. */
  readonly weights?: ReadonlyMap<string, StoredTensor> | undefined;
  /** The bundled runtime: a script that declares `heddle`. */
  readonly runtimeSource: string;
}

/** The whole artifact; it runs from any folder or server and needs nothing else. */
export function artifactFiles(parts: ArtifactParts): ArtifactFile[] {
  const { program, wasm, js } = parts;
  const weights = parts.weights && usedWeights(program, parts.weights);
  const files: ArtifactFile[] = [
    textFile('index.js', loaderSource(parts, weights !== undefined)),
    textFile('index.d.ts', declarations(program, weights !== undefined)),
    textFile('program.json', JSON.stringify(program)),
    // Whatever package the folder is put into, its scripts are modules.
    textFile('package.json', '{"type":"module"}\n'),
  ];
  if (wasm) files.push({ name: 'program.wasm', bytes: wasm });
  if (js !== undefined) files.push(textFile('kernels.js', js));
  if (weights) files.push({ name: 'weights.safetensors', bytes: writeSafetensors(weights) });
  return files;
}

function textFile(name: string, text: string): ArtifactFile {
  return { name, bytes: new TextEncoder().encode(text) };
}

function usedWeights(program: Program, given: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const targets = Object.values(program.targets);
  const used = new Set(
    targets.flatMap(({ weights }) => weights.map((weight: Pick<TensorSpec, 'name'>) => weight.name)),
  );
  return new Map([...given].filter(([name]) => used.has(name)));
}

/** Each file is named by a literal URL, which bundlers recognise. */
function loaderSource({ program, wasm, js, runtimeSource }: ArtifactParts, hasWeights: boolean): string {
  const url = (name: string): string => `new URL('./${name}', import.meta.url)`;
  const files = [`program: ${url('program.json')}`];
  if (wasm) files.push(`wasm: ${url('program.wasm')}`);
  if (js !== undefined) files.push(`js: () => import('./kernels.js')`);
  if (hasWeights) files.push(`weights: ${url('weights.safetensors')}`);
  // Only an identifier of the language can be a name, so that it cannot end the comment.
  return `// ${program.name}, compiled by Heddle: the runtime, then the loader.
${runtimeSource.trimEnd()}
export const { HeddleError } = heddle;
export const load = (options) => heddle.loadArtifact({
  ${files.join(',\n  ')},
}, options);
`;
}
