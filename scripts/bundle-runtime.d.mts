/** Bundles the runtime; answers its text, or writes it to `outfile`. */
export function bundleRuntime(options?: {
  /** With the GPU's device, or for training. */
  readonly kind?: 'webgpu' | 'train';
  readonly outfile?: string;
}): Promise<string | undefined>;

/** The same for the script of the workers that run a model's threads. */
export function bundleWorker(options?: { readonly outfile?: string }): Promise<string | undefined>;
