/** Whether the passes kept what the routines mean; before any target, as kernels are made of what passes leave. */
import { compileGraph, interpret } from '../../compiler/index.ts';
import { reasonOf } from '../../runtime/errors.ts';
import type { Routine } from './subject.ts';

/** In double precision, results differ by the order of additions only. */
const TOLERANCE = 1e-9;

/** What passes have made of a routine, where it is something else; undefined where it means the same. */
export function passFault({ name, graph, fused, given, values }: Routine): string | undefined {
  const truth = interpret(graph, given);
  const changed = fused.outputs.find((output) => {
    const { data } = truth.get(output.name)!;
    const found = values.get(output.value)!.data;
    const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    return !data.every((value, at) => Object.is(value, found[at]) || Math.abs(value - found[at]!) <= TOLERANCE * scale);
  });
  return changed && `the passes change the output ${changed.name} of ${name}: ${faultyPass(graph, given)}`;
}

/** Interprets before and after each pass, to name the first that changes a result. */
function faultyPass(graph: Routine['graph'], given: Routine['given']): string {
  try {
    compileGraph(graph, { targets: [] }, { check: given });
    return 'none of them does by itself';
  } catch (error) {
    return reasonOf(error);
  }
}
