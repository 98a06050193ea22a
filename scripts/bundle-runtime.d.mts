/** Bundles the runtime; answers its text, or writes it to `outfile`. */
export function bundleRuntime(options?: {
  /** With the GPU's device, for training, for generation, or for that with the GPU's device. */
  readonly kind?: 'webgpu' | 'train' | 'train-webgpu' | 'generate' | 'generate-webgpu';
  readonly outfile?: string;
}): Promise<string | undefined>;

/** The same for the script of the workers that run a model's threads. */
export function bundleWorker(options?: { readonly outfile?: string }): Promise<string | undefined>;
