/** Loads the model of a compiled artifact that generates from its files. */
import { checkLoadOptions, openArtifact, type ArtifactFiles, type LoadOptions } from '../artifact.ts';
import { createGenerativeModel, type GenerativeModel } from './model.ts';

/** Loads the program, its kernels and its weights. Rejects with HeddleError, or with the reason of `signal`. */
export async function loadArtifact(files: ArtifactFiles, options: LoadOptions = {}): Promise<GenerativeModel> {
  checkLoadOptions(files, 'load', options);
  return openArtifact(files, options, createGenerativeModel);
}
