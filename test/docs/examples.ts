/**
 * The examples of the language reference. A fenced `model` block is a whole spec; `model error HED2205` and `model
 * warning HED2701` show a mistake. The `result` blocks behind a spec say what one of its entries gives, a line each:
 *
 *     entry Name                       which entry, where there are several
 *     set depth = 2                    a hyperparameter, as `--set` takes it
 *     given mask                       an optional input to compile with
 *     x = [[1, 2]]                     an input or a parameter; zeros() and ones() need none
 *     head.weight: f32[2, 3]           a parameter; where one is listed, all are
 *     -> y = [[3, 4]]                  an output, to the decimals that are written
 *     -> y: f32[batch, 2]              its type
 */
import type { DType, Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors, type ParameterTensor } from '../../src/compiler/ir/parameter-tensors.ts';
import { concreteShape, countOf, printType } from '../../src/compiler/ir/types.ts';
import { expect } from 'vitest';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { RANDOM_KEY } from '../../src/program/training.ts';
import { graphOf, specHost } from '../support/specs.ts';
import { expectClose, tensorOf } from '../support/tensors.ts';

export interface Example {
  /** The heading above it and the line of its fence. */
  readonly title: string;
  readonly text: string;
  readonly mistake?: { readonly severity: 'error' | 'warning'; readonly code: string };
  /** The texts of its result blocks. */
  readonly results: readonly string[];
}

/** Throws Error for a fence of these kinds that is written in another way. */
export function examplesIn(markdown: string): readonly Example[] {
  const examples: (Example & { readonly results: string[] })[] = [];
  let heading = '';
  for (const { 0: whole, index, groups } of markdown.matchAll(
    /^#+ (?<title>.*)$|^```(?<info>.*)\n(?<text>[^]*?)^```$/gm,
  )) {
    const { title, info = '', text = '' } = groups!;
    if (title !== undefined) heading = title;
    const [kind, severity, code, ...rest] = info.split(' ');
    if (kind === 'result') examples.at(-1)!.results.push(text);
    if (kind !== 'model') continue;
    const isMistake = severity === 'error' || severity === 'warning';
    if (rest.length > 0 || (severity !== undefined && (!isMistake || !code)))
      throw new Error(`unknown fence: ${whole}`);
    const line = markdown.slice(0, index).split('\n').length;
    examples.push({
      title: `${heading}, line ${line}`,
      text,
      ...(isMistake && { mistake: { severity, code: code! } }),
      results: [],
    });
  }
  return examples;
}

/** What a result block says. */
interface Result {
  readonly options: EntryOptions;
  readonly values: ReadonlyMap<string, string>;
  readonly parameters: readonly string[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly outputTypes: ReadonlyMap<string, string>;
}

function parseResult(text: string): Result {
  const [settings, given]: [{ name: string; text: string }[], string[]] = [[], []];
  const [values, outputs, outputTypes] = [
    new Map<string, string>(),
    new Map<string, string>(),
    new Map<string, string>(),
  ];
  const parameters: string[] = [];
  let entry: string | undefined;
  for (const line of text.trim().split('\n')) {
    const parts = /^(?<word>entry|set|given|->)? ?(?<name>[\w.]+)(?: = (?<value>.*)|: (?<type>.*))?$/.exec(
      line,
    )?.groups;
    const { word, name = '', value, type } = parts ?? {};
    if (word === 'entry') entry = name;
    else if (word === 'given') given.push(name);
    else if (word === 'set' && value !== undefined) settings.push({ name, text: value });
    else if (word === '->' && value !== undefined) outputs.set(name, value);
    else if (word === '->' && type !== undefined) outputTypes.set(name, type);
    else if (value !== undefined) values.set(name, value);
    else if (type !== undefined) parameters.push(`${name}: ${type}`);
    else throw new Error(`unknown line of a result: ${line}`);
  }
  return {
    options: { settings, given, ...(entry !== undefined && { entry }) },
    values,
    parameters,
    outputs,
    outputTypes,
  };
}

/** Elaborates what the result is of, runs it in doubles, and compares. */
export function expectResult(path: string, text: string, result: string): void {
  const { options, values, parameters, outputs, outputTypes } = parseResult(result);
  const graph = graphOf(path, options, specHost({ [path]: text }));
  const tensors = parameterTensors(graph.parameters);
  if (parameters.length > 0) {
    expect(tensors.map(({ name, type }) => `${name}: ${printType(type)}`)).toEqual(parameters);
  }
  for (const [name, type] of outputTypes) expect(printType(outputOf(graph, name).type), name).toBe(type);
  if (outputs.size === 0) return;
  const used = new Set([...graph.inputs, ...tensors].map(({ name }) => name));
  expect(
    [...values.keys()].filter((name) => !used.has(name)),
    'values for nothing',
  ).toEqual([]);
  const found = interpret(graph, {
    inputs: new Map(graph.inputs.map(({ name, value }) => [name, given(values, name, value.type.dtype)])),
    parameters: new Map(tensors.map((one) => [one.name, parameterOf(values, one)])),
  });
  for (const [name, wanted] of outputs) expectTensor(name, found.get(name), wanted, outputOf(graph, name).type.dtype);
}

function outputOf(graph: Graph, name: string): Graph['outputs'][number]['value'] {
  const output = graph.outputs.find((one) => one.name === name);
  if (!output) throw new Error(`there is no output ${name}`);
  return output.value;
}

function expectTensor(name: string, found: Tensor | undefined, written: string, dtype: DType): void {
  const wanted = readTensor(written, dtype);
  const decimals = Math.max(0, ...[...written.matchAll(/\.(\d+)/g)].map(([, digits]) => digits!.length));
  expect(found?.shape, `the shape of ${name}, ${[...found!.data].join(' ')}`).toEqual(wanted.shape);
  expectClose(
    found!.data,
    wanted.data,
    { absolute: 0.51 * 10 ** -decimals * (decimals > 0 ? 1 : 1e-6), relative: 0 },
    name,
  );
}

/** Without a seed, runs draw by that of 0. */
function given(values: ReadonlyMap<string, string>, name: string, dtype: DType): Tensor {
  if (name === RANDOM_KEY) return tensorOf(dtype, [2], [0, 0]);
  const written = values.get(name);
  if (written === undefined) throw new Error(`the result gives no value for ${name}`);
  return readTensor(written, dtype);
}

function parameterOf(values: ReadonlyMap<string, string>, { name, type, parameter }: ParameterTensor): Tensor {
  const { initial } = parameter;
  const start = !values.has(name) && initial?.kind === 'constant' ? initial.value : undefined;
  if (start === undefined) return given(values, name, type.dtype);
  const shape = concreteShape(type.shape, new Map());
  return tensorOf(
    type.dtype,
    shape,
    Array.from({ length: countOf(shape) }, () => start),
  );
}

type Nested = number | boolean | string | readonly Nested[];

/** JSON, in which `nan`, `inf` and `-inf` may stand too. */
function readTensor(written: string, dtype: DType): Tensor {
  const nested = JSON.parse(written.replace(/-?\b(?:nan|inf)\b/g, (word) => `"${word}"`)) as Nested;
  const shape: number[] = [];
  for (let at = nested; Array.isArray(at); at = at[0]!) shape.push(at.length);
  return tensorOf(dtype, shape, numbersIn(nested));
}

function numbersIn(nested: Nested): number[] {
  if (typeof nested === 'string') return [special.get(nested)!];
  return typeof nested === 'object' ? nested.flatMap(numbersIn) : [Number(nested)];
}

const special: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);
