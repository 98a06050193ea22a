interface Matrix {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export function mergedWeights(
  weights: ReadonlyMap<string, { readonly data: Float32Array }>,
  config: {
    readonly dim: number;
    readonly depth: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly length: number;
    readonly theta: number;
  },
): {
  readonly table: Matrix;
  readonly head: Matrix;
  readonly layers: readonly {
    readonly attention: Matrix;
    readonly out: Matrix;
    readonly halves: Matrix;
    readonly down: Matrix;
  }[];
  readonly rotations: Matrix;
};
