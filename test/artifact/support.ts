/** Artifacts of the sample program in folders of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles, type ArtifactFile, type ArtifactParts } from '../../src/compiler/artifact/files.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import type { SizeExpr } from '../../src/program/size.ts';
import type { Model } from '../../src/runtime/model.ts';
import { sampleKernels, sampleModule, sampleProgram, sampleWeights } from '../runtime/sample.ts';

export interface ArtifactModule {
  readonly load: (options?: LoadOptions) => Promise<Model>;
  readonly HeddleError: new () => Error;
}

/** Two tensors of [batch, 3], the limit, and the folded weights. */
const peakMemory: SizeExpr = ['+', ['*', 24, 'batch'], 16];

/** The sample, compiled for both targets, with its weights. */
export async function sampleParts(): Promise<ArtifactParts> {
  return {
    program: sampleProgram,
    facts: {
      parameters: { tensors: 1, elements: 3 },
      multiplyAdds: ['*', 3, 'batch'],
      peakMemory: { wasm: peakMemory, js: peakMemory },
    },
    provenance: { compiler: 'heddle 0.0.0', sources: { 'sample.model': '00' } },
    // Written by hand, without anything that relaxed SIMD would change.
    wasm: { strict: await sampleModule(), relaxed: await sampleModule() },
    // The kernels' text has no types: it is what this module was compiled to.
    js: `export const kernels = ${String(sampleKernels)};\n`,
    weights: sampleWeights,
    runtimeSource: (await bundleRuntime())!,
    workerSource: (await bundleWorker())!,
  };
}

export async function sampleArtifact(changes: Partial<ArtifactParts> = {}): Promise<ArtifactFile[]> {
  return artifactFiles({ ...(await sampleParts()), ...changes });
}

export function bytesOf(files: readonly ArtifactFile[], name: string): Uint8Array<ArrayBuffer> {
  return files.find((file) => file.name === name)!.bytes;
}

export function textOf(files: readonly ArtifactFile[], name: string): string {
  return new TextDecoder().decode(bytesOf(files, name));
}

/** Writes folders, which are removed after the file's tests. */
export function useFolders(): (files: readonly { name: string; bytes: Uint8Array }[]) => string {
  const folders: string[] = [];
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  return (files) => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-artifact-'));
    folders.push(folder);
    for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
    return folder;
  };
}

export async function importFrom(folder: string): Promise<ArtifactModule> {
  return (await import(pathToFileURL(join(folder, 'index.js')).href)) as ArtifactModule;
}
