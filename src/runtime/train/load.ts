/** Loads the trainer of a compiled artifact from its files. */
import { checkLoadOptions, openArtifact, type ArtifactFiles, type LoadOptions } from '../artifact.ts';
import { HeddleError } from '../errors.ts';
import { isSeed } from '../random-key.ts';
import { createTrainer, type Trainer } from './trainer.ts';

export interface TrainerOptions extends LoadOptions {
  /** Where initial values, dropout and the like begin: a u32, by default 0. The same seed gives the same bits. */
  readonly seed?: number;
}

/**
 * Loads the program, its kernels and the weights that are given, and draws the others. Rejects with HeddleError, or with
 * the reason of `signal`.
 */
export async function loadTrainer(files: ArtifactFiles, options: TrainerOptions = {}): Promise<Trainer> {
  checkLoadOptions(files, 'loadTrainer', options, ['seed']);
  const { seed = 0 } = options;
  if (!isSeed(seed))
    throw new HeddleError('option', `the option seed is ${String(seed)}; it can be an integer from 0 to 4294967295`);
  return openArtifact(files, options, (parts) => createTrainer({ ...parts, seed }));
}
