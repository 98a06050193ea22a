import type { Row } from './report/figures.mjs';

export const trainings: readonly { readonly name: string; readonly title: string }[];

export function trainersFor(measured: {
  readonly builds: readonly { readonly name: string }[];
  readonly threads: readonly number[];
  readonly chosenPeers: readonly string[];
  readonly place: 'node' | 'chromium';
}): (Row['contestant'] & { readonly call?: string; readonly module?: string })[];
