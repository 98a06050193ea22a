export const models: readonly { readonly name: string; readonly int8?: boolean; readonly mostThreads?: number }[];
