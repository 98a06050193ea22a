/** Taps: outputs of named instances as further outputs of an entry. */
import { closest } from '../base/suggest.ts';
import type { GraphOutput } from '../ir/graph.ts';
import type { Elaborated } from './elaborated.ts';
import { pathPattern } from './path-pattern.ts';

/** For a pattern that matches none of the instances. */
export function suggestTap(pattern: string, instances: readonly string[]): string {
  if (instances.length === 0) return 'the entry has no instances';
  // Of repeated layers the pattern for all of them.
  const paths = new Set(instances.flatMap((path) => [path, path.replace(/(?<=^|\.)\d+(?=\.|$)/g, '*')]));
  const similar = closest(pattern, paths);
  if (similar !== undefined) return `did you mean \`${similar}\`?`;
  return `instances are ${instances.slice(0, 12).join(', ')}${instances.length > 12 ? ' …' : ''}`;
}

/**
 * An output for every instance whose path matches one of the patterns: `layers.*.attn` (`*` is one segment, `**` any
 * number). An instance with several results gives `path.0`, `path.1` …
 */
export function tapOutputs(
  elaborated: Pick<Elaborated, 'graph' | 'instances'>,
  patterns: readonly string[],
): { outputs: GraphOutput[]; unmatched: string[] } {
  const taken = new Set(elaborated.graph.outputs.map((output) => output.name));
  const matchers = patterns.map((pattern) => ({ pattern, matcher: pathPattern(pattern), matched: false }));
  const outputs: GraphOutput[] = [];
  for (const [path, values] of elaborated.instances) {
    const hits = matchers.filter(({ matcher }) => matcher.test(path));
    hits.forEach((hit) => (hit.matched = true));
    if (hits.length === 0) continue;
    values.forEach((value, at) => {
      const name = values.length === 1 ? path : `${path}.${at}`;
      if (taken.has(name)) return;
      taken.add(name);
      outputs.push({ name, value });
    });
  }
  return { outputs, unmatched: matchers.filter(({ matched }) => !matched).map(({ pattern }) => pattern) };
}
