export const products: readonly { readonly name: string; readonly order: string }[];
