export interface Arguments {
  readonly models: readonly string[];
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly threads: readonly number[];
  readonly nodes?: readonly string[];
  readonly docs: boolean;
}

export function readArguments(
  args: readonly string[],
  known: { readonly models: readonly string[]; readonly peers: readonly string[] },
): Arguments;
