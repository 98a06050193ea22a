/** The one expert that the body of a mixture is elaborated for: its number is open, its parameters are stacks. */
import type { Value } from '../../ir/graph.ts';

/** Stands in the paths of experts for their number. */
export const EXPERT = '{i}';

/** Where the body of a mixture is being elaborated. */
export interface ExpertScope {
  /** The path of an expert, `experts.{i}`. */
  readonly path: string;
  readonly count: number;
  /** What the body sees of its parameters and states, by their names: the tensor of one expert. */
  readonly own: Map<string, Value>;
}

/** The names of the tensors that a parameter inside of an expert is a stack of; undefined outside. */
export function memberNames(scope: ExpertScope | undefined, name: string): readonly string[] | undefined {
  if (!scope || !name.startsWith(`${scope.path}.`)) return undefined;
  return Array.from({ length: scope.count }, (_, expert) => numbered(scope, name, expert));
}

/** A path inside of the body as that of one expert. */
export function numbered({ path }: ExpertScope, name: string, expert: number): string {
  return `${path.slice(0, -EXPERT.length)}${expert}${name.slice(path.length)}`;
}
