/**
 * The files of a compiled artifact, as names and bytes. Pure: where they go is the caller's business.
 */
import { absmaxName } from '../../program/channels.ts';
import { windowBytes, type FileFacts, type ModelFacts } from '../../program/manifest.ts';
import type { ProfileFacts } from '../../program/profile.ts';
import type { Program, SimdVariant, TensorSpec } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import type { SelfTest } from '../../program/self-test.ts';
import { sha256 } from '../../program/sha256.ts';
import type { Shader } from '../../program/shaders.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import { declarations } from './declarations.ts';
import { manifestOf, type Provenance } from './manifest.ts';
import { trainerDeclarations } from './trainer-declarations.ts';

export interface ArtifactFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ArtifactParts {
  readonly program: Program;
  readonly facts: ModelFacts;
  readonly provenance: Provenance;
  /** The WebAssembly modules, when compiled for wasm. */
  readonly wasm?: { readonly [variant in SimdVariant]: Uint8Array<ArrayBuffer> } | undefined;
  /** The text of the kernels module, when compiled for js. */
  readonly js?: string | undefined;
  /** The texts of the shader modules, when compiled for webgpu. */
  readonly wgsl?: readonly Shader[] | undefined;
  /** What `heddle profile` tells of the steps. */
  readonly profile?: ProfileFacts | undefined;
  /** Values of the parameters by name, and what those in bytes need; those the program does not use are left out. */
  readonly weights?: ReadonlyMap<string, StoredTensor> | undefined;
  /** What a model answers with these weights. */
  readonly selfTest?: SelfTest | undefined;
  /**
   * The bundled runtime, for training where the program trains, for generation where it generates, and with webgpu where
   * there are `wgsl` modules: a script that declares `heddle`.
   */
  readonly runtimeSource: string;
  /** The bundled script of the workers, which goes with `wasm`. */
  readonly workerSource: string;
}

const WEIGHTS_FILE = 'weights.safetensors';
const SELF_TEST_FILE = 'self-test.json';

/**
 * The whole artifact; it runs from any folder or server and needs nothing else. `index.js` holds the digest of the
 * manifest, and the manifest those of all other files.
 */
export async function artifactFiles(parts: ArtifactParts): Promise<ArtifactFile[]> {
  const { program, facts, provenance, wasm, js, wgsl } = parts;
  const weights = parts.weights && usedWeights(program, parts.weights);
  const files: ArtifactFile[] = [
    textFile('index.d.ts', (program.training ? trainerDeclarations : declarations)(program, weights !== undefined)),
    textFile('program.json', JSON.stringify(program)),
    // Whatever package the folder is put into, its scripts are modules.
    textFile('package.json', '{"type":"module"}\n'),
  ];
  if (wasm) {
    files.push({ name: 'program.wasm', bytes: wasm.strict });
    files.push({ name: 'program.relaxed.wasm', bytes: wasm.relaxed });
    files.push(textFile('worker.js', parts.workerSource));
  }
  if (js !== undefined) files.push(textFile('kernels.js', js));
  if (wgsl !== undefined) files.push(textFile('shaders.json', JSON.stringify(wgsl)));
  // Nothing that runs the program reads it, so that an application may leave it out.
  if (parts.profile) files.push(textFile('profile.json', JSON.stringify(parts.profile)));
  if (weights) files.push({ name: WEIGHTS_FILE, bytes: writeSafetensors(weights) });
  if (weights && parts.selfTest) files.push(textFile(SELF_TEST_FILE, JSON.stringify(parts.selfTest)));
  const manifest = manifestOf(program, facts, provenance, await factsOf(files));
  const manifestFile = textFile('manifest.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
  const { sha256: digest } = await fileFacts(manifestFile);
  return [textFile('index.js', loaderSource(parts, digest, weights !== undefined)), manifestFile, ...files];
}

async function factsOf(files: readonly ArtifactFile[]): Promise<{ readonly [name: string]: FileFacts }> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, await fileFacts(file)] as const)));
}

async function fileFacts({ name, bytes }: ArtifactFile): Promise<FileFacts> {
  const facts = { bytes: bytes.length, sha256: await sha256(bytes) };
  if (name !== WEIGHTS_FILE) return facts;
  const size = windowBytes(bytes.length);
  const digests: string[] = [];
  for (let at = 0; at < bytes.length; at += size) digests.push(await sha256(bytes.subarray(at, at + size)));
  return { ...facts, windows: { bytes: size, sha256: digests } };
}

function textFile(name: string, text: string): ArtifactFile {
  return { name, bytes: new TextEncoder().encode(text) };
}

function usedWeights(program: Program, given: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const targets = Object.values(program.targets);
  const used = new Set(
    targets.flatMap(({ weights }) => weights.map((weight: Pick<TensorSpec, 'name'>) => weight.name)),
  );
  const names = [...used].flatMap((name) => [absmaxName(name), name]);
  return new Map(names.flatMap((name) => (given.has(name) ? [[name, given.get(name)!] as const] : [])));
}

/** Each file is named by a literal URL, which bundlers recognise. */
function loaderSource(
  { program, wasm, js, wgsl, selfTest, runtimeSource }: ArtifactParts,
  digest: string,
  hasWeights: boolean,
): string {
  const url = (name: string): string => `new URL('./${name}', import.meta.url)`;
  const files = [`manifest: ${url('manifest.json')}`, `digest: '${digest}'`, `program: ${url('program.json')}`];
  if (wasm) {
    files.push(`wasm: { strict: ${url('program.wasm')}, relaxed: ${url('program.relaxed.wasm')} }`, 'tilesFound');
    // The form that bundlers know as a worker's script. In Node, `Worker` is not global.
    const start = `(Worker) => new Worker(${url('worker.js')}, { type: 'module' })`;
    files.push(`worker: { script: ${url('worker.js')}, start: ${start} }`);
  }
  if (js !== undefined) files.push(`js: ${url('kernels.js')}`, `importJs: () => import('./kernels.js')`);
  if (wgsl !== undefined) {
    files.push(`webgpu: ${url('shaders.json')}`);
    for (const name of ['createGpuSession', 'deviceTools']) files.push(`${name}: heddle.${name}`);
  }
  if (hasWeights) files.push(`weights: ${url('weights.safetensors')}`);
  if (hasWeights && selfTest) files.push(`selfTest: ${url(SELF_TEST_FILE)}`);
  const [name, loader] = program.training ? ['loadTrainer', 'loadTrainer'] : ['load', 'loadArtifact'];
  // Only an identifier of the language can be a name, so that it cannot end the comment.
  return `// ${program.name}, compiled by Heddle: the runtime, then the loader.
${runtimeSource.trimEnd()}
export const { HeddleError } = heddle;
${wasm ? 'const tilesFound = new Map();\n' : ''}export const ${name} = (options) => heddle.${loader}({
  ${files.join(',\n  ')},
}, options);
`;
}
