/** Bundles the runtime; answers its text, or writes it to `outfile`. */
export function bundleRuntime(outfile?: string): Promise<string | undefined>;
