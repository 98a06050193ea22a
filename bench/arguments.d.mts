export interface Arguments {
  readonly models: readonly string[];
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly threads: readonly number[];
}

export function readArguments(
  args: readonly string[],
  known: { readonly models: readonly string[]; readonly peers: readonly string[] },
): Arguments;
