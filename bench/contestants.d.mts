import type { Row } from './report/figures.mjs';

export function contestantsFor(
  model: { readonly name: string; readonly int8?: boolean; readonly mostThreads?: number },
  measured: {
    readonly builds: readonly { readonly name: string }[];
    readonly threads: readonly number[];
    readonly chosenPeers: readonly string[];
    readonly place: 'node' | 'chromium';
  },
): (Row['contestant'] & { readonly call?: string; readonly reads?: string; readonly absent?: string })[];
