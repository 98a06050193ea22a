import type { Row } from './report/figures.mjs';

export interface GpuModel {
  readonly name: string;
}

export const gpuModels: readonly GpuModel[];

export function gpuContestantsFor(
  model: GpuModel,
  measured: { readonly builds: readonly { readonly name: string }[]; readonly chosenPeers: readonly string[] },
): (Row['contestant'] & { readonly module: string; readonly reads?: string; readonly options?: object })[];
