export function mainEngine<E extends { readonly engine: string }>(report: { readonly engines: readonly E[] }): E;
export function withFigures(text: string, block: string, name?: string): string;
