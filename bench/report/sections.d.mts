import type { Figure } from './figures.mjs';

export function speedTable(
  model: { readonly title: string },
  prepared: { readonly multiplyAdds: number },
  figures: readonly Figure[],
): string;
