/** Reference cases run by entries of specs/: inputs, parameters and results are matched by name. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { largestDifference, readCase, valuesOf, type ReferenceCase } from './reference.ts';
import { asTensor, graphOf, settings, specFile, specHost, withRun, type AnyTarget } from './specs.ts';

/** An entry that computes what a case holds. */
export interface CaseEntry {
  /** A file of specs/, or one of `texts`. */
  readonly spec: string;
  readonly entry: string;
  readonly settings?: { readonly [name: string]: unknown };
  /** Texts by path, before files. */
  readonly texts?: { readonly [path: string]: string };
  /** The instance that has the case's parameters, of a train entry. */
  readonly instance?: string;
  /** Names of the case's activations by those of the results that they are held against. */
  readonly activations?: { readonly [path: string]: string };
  /** The instances that have these results; without them, the results are those of instances with one each. */
  readonly taps?: readonly string[];
}

export function graphOfCase(given: ReferenceCase, entry: CaseEntry): Graph {
  const path = entry.texts?.[entry.spec] === undefined ? specFile(entry.spec) : entry.spec;
  const atHand = [...withoutPrefix(given.tensors, 'in.').keys()];
  const taps = entry.taps ?? Object.keys(entry.activations ?? {});
  return graphOf(
    path,
    { entry: entry.entry, settings: settings(entry.settings ?? {}), atHand, taps },
    specHost(entry.texts),
  );
}

/** The entry's outputs on the case's inputs and parameters. */
export async function runCase(
  given: ReferenceCase,
  entry: CaseEntry,
  target: AnyTarget,
): Promise<ReadonlyMap<string, Tensor>> {
  const graph = graphOfCase(given, entry);
  const own = withoutPrefix(given.tensors, 'param.');
  const weights = entry.instance ? new Map([...own].map(([name, one]) => [`${entry.instance}.${name}`, one])) : own;
  const inputs = inputsOf(graph, withoutPrefix(given.tensors, 'in.'));
  return withRun(graph, target, weights, (run) => run(inputs));
}

/** The entry's inputs among the case's. */
export function inputsOf(graph: Graph, stored: ReadonlyMap<string, StoredTensor>): { [name: string]: Tensor } {
  return Object.fromEntries(
    graph.inputs.map(({ name, value }) => {
      const tensor = stored.get(name);
      if (!tensor) throw new Error(`the case has no input ${name}`);
      return [name, asTensor(value.type.dtype, tensor)];
    }),
  );
}

/** How far each result is from the case's, in tolerances; the exact ones by whether they differ at all. */
export function deviations(
  given: ReferenceCase,
  entry: CaseEntry,
  outputs: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, number> {
  const { tensors, tolerances } = given;
  const found = new Map<string, number>();
  const compare = (ours: string, name: string, truth: string): void => {
    const { tol, exact } = tolerances[name]!;
    const difference = largestDifference(outputs.get(ours)!.data, valuesOf(tensors, truth));
    found.set(name, exact ? (difference === 0 ? 0 : Infinity) : difference / tol);
  };
  for (const ours of outputs.keys()) {
    const name = ours === 'loss' ? 'loss' : `out.${ours}`;
    if (tolerances[name]) compare(ours, name, tolerances[name].exact ? name : name.replace(/^out|^loss/, '$&64'));
  }
  for (const [path, name] of Object.entries(entry.activations ?? {})) compare(path, name, name);
  return found;
}

/** Runs the case and holds every result against it; `wanted` says which of its results must be among them. */
export async function expectCase(
  given: ReferenceCase,
  entry: CaseEntry,
  target: AnyTarget,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, Tensor>> {
  const outputs = await runCase(given, entry, target);
  const found = deviations(given, entry, outputs);
  const names = [...wanted, ...Object.values(entry.activations ?? {})];
  expect([...found.keys()].toSorted()).toEqual(names.toSorted());
  for (const [name, tolerances] of found) expect(tolerances, name).toBeLessThanOrEqual(1);
  return outputs;
}

/** A plausible mistake: the text of a file of specs/ with one passage replaced. */
export interface Mutant {
  readonly file: string;
  /** Where it occurs more than once, every occurrence. */
  readonly passage: string | RegExp;
  readonly mistake: string;
}

/**
 * The results with the mistake in the text are out of tolerance, the outputs by as much as the sidecar says that a
 * mutant of this name is; where those stay the same, the loss.
 */
export async function expectMutant(
  given: ReferenceCase,
  entry: CaseEntry,
  name: string,
  { file, passage, mistake }: Mutant,
): Promise<void> {
  const path = entry.texts?.[file] === undefined ? specFile(file) : file;
  const text = entry.texts?.[file] ?? readFileSync(path, 'utf8');
  expect(text, file).toMatch(passage);
  const { activations: _, ...plain } = entry;
  const mutated: CaseEntry = { ...plain, texts: { ...entry.texts, [path]: text.replaceAll(passage, mistake) } };
  const found = deviations(given, mutated, await runCase(given, mutated, 'reference'));
  const mutants = given.sidecar.mutants as { readonly [name: string]: { readonly out_over_tol: number } };
  const stated = mutants[name]!.out_over_tol;
  const outputs = [...found].filter(([result]) => result !== 'loss').map(([, off]) => off);
  if (stated === 0) expect(found.get('loss')).toBeGreaterThan(1);
  else expect(Math.abs(Math.max(...outputs) / stated - 1), `${Math.max(...outputs)} for ${stated}`).toBeLessThan(0.02);
}

/** `family/name` with the settings that its sidecar gives under the names of the entry's hyperparameters. */
export function caseWith(
  name: string,
  hyperparameters: readonly string[],
): { given: ReferenceCase; settings: { [name: string]: unknown } } {
  const given = readCase(name);
  const missing = hyperparameters.filter((one) => given.config[one] === undefined);
  if (missing.length > 0) throw new Error(`${name} has no ${missing.join(', ')}`);
  return { given, settings: Object.fromEntries(hyperparameters.map((one) => [one, given.config[one] ?? 'none'])) };
}
