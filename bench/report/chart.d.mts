import type { Figure } from './figures.mjs';

export function drawChart(
  title: string,
  subtitle: string,
  groups: readonly { readonly title: string; readonly figures: readonly Figure[] }[],
): string;
