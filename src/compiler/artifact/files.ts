/**
 * The files of a compiled artifact, as names and bytes. Pure: where they go is the caller's business.
 */
import type { FileFacts, ModelFacts } from '../../program/manifest.ts';
import type { Program, TensorSpec } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { sha256 } from '../../program/sha256.ts';
import { writeSafetensors } from '../interop/safetensors.ts';
import { declarations } from './declarations.ts';
import { manifestOf, type Provenance } from './manifest.ts';

export interface ArtifactFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ArtifactParts {
  readonly program: Program;
  readonly facts: ModelFacts;
  readonly provenance: Provenance;
  /** The WebAssembly module, when compiled for wasm. */
  readonly wasm?: Uint8Array<ArrayBuffer> | undefined;
  /** The text of the kernels module, when compiled for js. */
  readonly js?: string | undefined;
  /** The texts of the shader modules, when compiled for webgpu. */
  readonly wgsl?: readonly string[] | undefined;
  /** Values of the parameters by name; those the program does not use are left out. */
  readonly weights?: ReadonlyMap<string, StoredTensor> | undefined;
  /** The bundled runtime, with webgpu where there are `wgsl` modules: a script that declares `heddle`. */
  readonly runtimeSource: string;
}

/**
 * The whole artifact; it runs from any folder or server and needs nothing else. `index.js` holds the digest of the
 * manifest, and the manifest those of all other files.
 */
export async function artifactFiles(parts: ArtifactParts): Promise<ArtifactFile[]> {
  const { program, facts, provenance, wasm, js, wgsl } = parts;
  const weights = parts.weights && usedWeights(program, parts.weights);
  const files: ArtifactFile[] = [
    textFile('index.d.ts', declarations(program, weights !== undefined)),
    textFile('program.json', JSON.stringify(program)),
    // Whatever package the folder is put into, its scripts are modules.
    textFile('package.json', '{"type":"module"}\n'),
  ];
  if (wasm) files.push({ name: 'program.wasm', bytes: wasm });
  if (js !== undefined) files.push(textFile('kernels.js', js));
  if (wgsl !== undefined) files.push(textFile('shaders.json', JSON.stringify(wgsl)));
  if (weights) files.push({ name: 'weights.safetensors', bytes: writeSafetensors(weights) });
  const manifest = manifestOf(program, facts, provenance, await factsOf(files));
  const manifestFile = textFile('manifest.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
  const { sha256: digest } = await fileFacts(manifestFile);
  return [textFile('index.js', loaderSource(parts, digest, weights !== undefined)), manifestFile, ...files];
}

async function factsOf(files: readonly ArtifactFile[]): Promise<{ readonly [name: string]: FileFacts }> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, await fileFacts(file)] as const)));
}

async function fileFacts({ bytes }: ArtifactFile): Promise<FileFacts> {
  return { bytes: bytes.length, sha256: await sha256(bytes) };
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
function loaderSource(
  { program, wasm, js, wgsl, runtimeSource }: ArtifactParts,
  digest: string,
  hasWeights: boolean,
): string {
  const url = (name: string): string => `new URL('./${name}', import.meta.url)`;
  const files = [`manifest: ${url('manifest.json')}`, `digest: '${digest}'`, `program: ${url('program.json')}`];
  if (wasm) files.push(`wasm: ${url('program.wasm')}`);
  if (js !== undefined) files.push(`js: ${url('kernels.js')}`, `importJs: () => import('./kernels.js')`);
  if (wgsl !== undefined) files.push(`webgpu: ${url('shaders.json')}`, 'createGpuModel: heddle.createGpuModel');
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
