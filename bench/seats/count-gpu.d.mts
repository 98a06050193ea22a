export function countGpu(scope?: object): {
  during(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>>;
};
