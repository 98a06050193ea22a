import type { Row } from './report/figures.mjs';

export interface Training {
  readonly name: string;
  readonly title: string;
}

export const trainings: readonly Training[];

export function trainersFor(
  training: Training,
  measured: {
    readonly builds: readonly { readonly name: string }[];
    readonly threads: readonly number[];
    readonly chosenPeers: readonly string[];
    readonly place: 'node' | 'chromium';
  },
): (Row['contestant'] & { readonly call?: string; readonly module?: string })[];
