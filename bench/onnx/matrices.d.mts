export function transposed<T extends Float32Array | Int8Array>(data: T, shape: readonly [number, number]): T;
export function quantizeColumns(
  weight: Float32Array,
  shape: readonly [number, number],
): { readonly data: Int8Array; readonly scales: Float32Array };
