/** Taps: outputs of named instances as further outputs of an entry. */
import type { GraphOutput } from '../ir/graph.ts';
import type { Elaborated } from './elaborate.ts';

/**
 * An output for every instance whose path matches one of the patterns: `layers.*.attn` (`*` is one segment, `**` any
 * number). An instance with several results gives `path.0`, `path.1` …
 */
export function tapOutputs(
  elaborated: Elaborated,
  patterns: readonly string[],
): { outputs: GraphOutput[]; unmatched: string[] } {
  const taken = new Set(elaborated.graph.outputs.map((output) => output.name));
  const matchers = patterns.map((pattern) => ({ pattern, expression: pathExpression(pattern), matched: false }));
  const outputs: GraphOutput[] = [];
  for (const [path, values] of elaborated.instances) {
    const hits = matchers.filter(({ expression }) => expression.test(path));
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

function pathExpression(pattern: string): RegExp {
  const parts = pattern.split('.').map((segment) => {
    if (segment === '**') return '.*';
    return segment.split('*').map(escapeText).join('[^.]*');
  });
  return new RegExp(`^${parts.join('\\.')}$`);
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
