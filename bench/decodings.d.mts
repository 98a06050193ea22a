import type { Row } from './report/figures.mjs';

export const decodings: readonly {
  readonly name: string;
  readonly title: string;
  readonly lengths: readonly number[];
}[];

export function decodersFor(measured: {
  readonly builds: readonly { readonly name: string }[];
  readonly threads: readonly number[];
  readonly chosenPeers: readonly string[];
}): (Row['contestant'] & { readonly module?: string })[];
