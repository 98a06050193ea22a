/** Compiles the models of a sub-case, runs them, and holds their results against the stored ones. */
import { expect, test } from 'vitest';
import { DiagnosticSink } from '../../../src/compiler/base/diagnostic.ts';
import { gradientGraph } from '../../../src/compiler/autodiff/request.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import type { Tensor, Tolerance } from '../../../src/compiler/ir/op.ts';
import { ops } from '../../../src/compiler/ops/table.ts';
import { describeReference } from '../../support/reference.ts';
import { elaboratedOfText, renderAll, storedTensor, withRun, type AnyTarget } from '../../support/specs.ts';
import { expectClose, tensorOf } from '../../support/tensors.ts';
import { callOf, type Call, type Form, type Table, type Written } from './form.ts';
import { bundlesOf, readBundle, type StatedTolerance, type SubCase } from './read.ts';

/** A model of a sub-case, and the operands that it takes as inputs and as parameters. */
interface Model {
  readonly text: string;
  readonly written: Written;
}

/** The models that a form makes of a sub-case: with literal sizes, and with dims where it names some. */
function modelsOf(form: Form, { attributes, tensors }: SubCase): Model[] {
  const operands = operandsOf(tensors);
  const shapes = operands.map(([name, { shape }]) => [name, shape.map(String)] as const);
  const literal = callOf(attributes, new Map(shapes));
  const names = form.dims?.(literal) ?? {};
  const symbolic = shapes.map(([name, sizes]) => {
    const own = names[name]?.split(' ') ?? [];
    // An axis of size 1 may be there to be repeated.
    return [name, sizes.map((size, axis) => (size === '1' || (own[axis] ?? '.') === '.' ? size : own[axis]!))] as const;
  });
  const dims = new Set(symbolic.flatMap(([, sizes]) => sizes.filter((size) => Number.isNaN(Number(size)))));
  const calls = dims.size === 0 ? [literal] : [literal, callOf(attributes, new Map(symbolic))];
  return calls.map((call, at) => {
    const result = form.write(call);
    const written = typeof result === 'string' ? { body: result } : result;
    return { text: textOf(written, call, operands, at === 0 ? [] : [...dims]), written };
  });
}

function textOf(written: Written, call: Call, operands: Operands, dims: readonly string[]): string {
  const { preamble = '', body, parameters = {}, updates } = written;
  const inputs = operands.filter(([name]) => parameters[name] === undefined);
  return [
    preamble,
    `${updates ? 'train' : 'model'} Case {`,
    ...(dims.length > 0 ? [`dims ${dims.join(', ')}`] : []),
    ...inputs.map(([name, { dtype }]) => `input ${name}: ${dtype}[${call.sizes(name).join(', ')}]`),
    body,
    '}',
  ].join('\n');
}

type Operands = readonly (readonly [name: string, tensor: Tensor])[];

function operandsOf(tensors: SubCase['tensors']): Operands {
  return [...tensors].flatMap(([key, tensor]) =>
    key.startsWith('in.') && !key.startsWith('in.cot.') ? [[key.slice('in.'.length), tensor] as const] : [],
  );
}

/** The model's graph, with what a step writes into states among its outputs. */
function graphOf({ text, written: { updates = {} } }: Model): Graph {
  const elaborated = elaboratedOfText(text);
  const further = Object.entries(updates).map(([name, path]) => {
    const update = elaborated.updates.find(({ state }) => state === path);
    if (!update) throw new Error(`nothing is written into ${path}`);
    return { name, value: update.value };
  });
  return { ...elaborated.graph, outputs: [...elaborated.graph.outputs, ...further] };
}

/** Runs models of a sub-case on the targets. */
async function checkModels(models: readonly Model[], subCase: SubCase, targets: readonly AnyTarget[]): Promise<void> {
  const operands = operandsOf(subCase.tensors);
  for (const model of models) {
    const { parameters = {} } = model.written;
    const stored = operands.flatMap(([name, { shape, data }]) => {
      const path = parameters[name];
      return path === undefined ? [] : [[path, storedTensor(shape, data)] as const];
    });
    const inputs = Object.fromEntries(operands.filter(([name]) => parameters[name] === undefined));
    const graph = graphOf(model);
    for (const target of targets) {
      const outputs = await withRun(graph, target, new Map(stored), (run) => run(inputs));
      expectResults(outputs, subCase, target, `${target}: ${model.text}`);
    }
  }
}

/** Truths of the bundles are PyTorch's own f64; a last digit may differ between its exp and ours. */
const F64: Tolerance = { absolute: 1e-12, relative: 1e-11 };

/** Truths by result: in f64 where there is one, integers, and buffers after the call. */
function truthsOf(tensors: SubCase['tensors']): Map<string, { readonly key: string; readonly truth: Tensor }> {
  const truths = new Map<string, { key: string; truth: Tensor }>();
  for (const [at, truth] of tensors) {
    const [, kind, wide, name] = /^(out|buf)(64)?\.(.*)$/.exec(at) ?? [];
    if (name !== undefined && (wide || !truths.has(name))) truths.set(name, { key: `${kind}.${name}`, truth });
  }
  return truths;
}

/** Every result: in f64 closely, in f32 by the sidecar's tolerances, integers exactly. */
function expectResults(
  outputs: ReadonlyMap<string, Tensor>,
  { name, tensors, tolerances }: SubCase,
  target: AnyTarget,
  what: string,
): void {
  const truths = truthsOf(tensors);
  expect(truths.size).toBeGreaterThan(0);
  for (const [result, { key, truth }] of truths) {
    const place = `${name}/${key} on ${what}`;
    const got = outputs.get(result);
    if (!got) throw new Error(`no result ${place}`);
    expect(got.shape, place).toEqual(truth.shape);
    if (target === 'reference') expectClose(got.data, truth.data, F64, place);
    else expectStated(got, truth, tolerances[key]!, place);
  }
}

function expectStated(got: Tensor, truth: Tensor, stated: StatedTolerance, place: string): void {
  const { exact, tol, rtol, atol } = stated;
  if (exact !== true) expect(tol, place).toBeDefined();
  expectClose(got.data, truth.data, { absolute: tol ?? 0, relative: 0 }, place);
  if (rtol !== undefined && atol !== undefined)
    expectClose(got.data, truth.data, { absolute: atol, relative: rtol }, place);
}

/** Gradients by operand, in f64. */
function gradientsOf(tensors: SubCase['tensors']): Map<string, Tensor> {
  const prefix = 'grad64.in.';
  const named = [...tensors].map(([key, tensor]) => [key.slice(prefix.length), key, tensor] as const);
  return new Map(named.flatMap(([name, key, tensor]) => (key.startsWith(prefix) ? [[name, tensor] as const] : [])));
}

/** Gradients of the loss by every operand that has one: the sum of the results times their cotangents, or a result alone. */
async function checkGradients(
  models: readonly Model[],
  subCase: SubCase,
  targets: readonly AnyTarget[],
): Promise<void> {
  const wanted = gradientsOf(subCase.tensors);
  if (wanted.size === 0) return;
  const operands = operandsOf(subCase.tensors);
  const given = [...subCase.tensors].filter(([key]) => key.startsWith('in.cot.'));
  const cotangents = new Map(given.map(([key, tensor]) => [key.slice('in.'.length), tensor]));
  // Where there are none, the case's one result is the loss.
  if (cotangents.size === 0) {
    const [[result]] = [...truthsOf(subCase.tensors)] as [[string, unknown]];
    cotangents.set(`cot.${result}`, tensorOf('f32', [], [1]));
  }
  for (const model of models) {
    const { parameters = {} } = model.written;
    const stored = operands.flatMap(([name, { shape, data }]) =>
      parameters[name] === undefined ? [] : [[parameters[name], storedTensor(shape, data)] as const],
    );
    const place = (name: string): string =>
      parameters[name] === undefined ? `in.${name}` : `param.${parameters[name]}`;
    const graph = gradientGraphOf(model, [...wanted.keys()].map(place), [...cotangents.keys()]);
    const inputs = Object.fromEntries([...operands.filter(([name]) => !parameters[name]), ...cotangents]);
    for (const target of targets) {
      const outputs = await withRun(graph, target, new Map(stored), (run) => run(inputs));
      for (const [name, truth] of wanted) {
        const got = outputs.get(`grad.${place(name)}`)!;
        const what = `${subCase.name}/grad.in.${name} on ${target}: ${model.text}`;
        expect(got.shape, what).toEqual(truth.shape);
        // Elements of a gradient are sums of terms of the largest one's size.
        const largest = truth.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        if (target === 'reference')
          expectClose(got.data, truth.data, { absolute: F64.relative * largest, relative: 0 }, what);
        else expectStated(got, truth, subCase.tolerances[`grad.in.${name}`]!, what);
      }
    }
  }
}

function gradientGraphOf({ text }: Model, patterns: readonly string[], cotangents: readonly string[]): Graph {
  const { train: _, ...elaborated } = elaboratedOfText(text);
  const sink = new DiagnosticSink();
  const request = { patterns, cotangents: cotangents.map((name) => name.slice('cot.'.length)) };
  const graph = gradientGraph(elaborated, request, ops, sink);
  if (!graph) throw new Error(`${renderAll(sink.items)}\n${text}`);
  return graph;
}

function modelsOfBundle(table: Table, bundle: string, subCase: SubCase): readonly Model[] {
  return [table[bundle]!].flat().flatMap((one) => modelsOf(one, subCase));
}

/** The results of a family's bundles on the targets: every sub-case in every form, with literal sizes and with dims. */
export function testResults(family: string, table: Table, targets: readonly AnyTarget[]): void {
  describeReference(`${family} as models agree with PyTorch`, `oracle/shared/${family}`, () => {
    test('every bundle is written', () => {
      expect(Object.keys(table).sort()).toEqual(bundlesOf(family).sort());
    });

    test.each(Object.keys(table))('%s', async (bundle) => {
      for (const subCase of readBundle(`${family}/${bundle}`))
        await checkModels(modelsOfBundle(table, bundle, subCase), subCase, targets);
    });
  });
}

/**
 * Their gradients. On webgpu each sub-case in one form, by turns: a software driver takes long to build the kernels of
 * all.
 */
export function testGradients(family: string, table: Table, targets: readonly AnyTarget[]): void {
  describeReference(`gradients of ${family} agree with PyTorch`, `oracle/shared/${family}`, () => {
    test.each(Object.keys(table))('%s', async (bundle) => {
      const all = targets.filter((target) => target !== 'webgpu');
      for (const [turn, subCase] of readBundle(`${family}/${bundle}`).entries()) {
        const models = modelsOfBundle(table, bundle, subCase);
        await checkGradients(models, subCase, all);
        if (targets.includes('webgpu')) await checkGradients([models[turn % models.length]!], subCase, ['webgpu']);
      }
    });
  });
}

/** Both. */
export function testFamily(family: string, table: Table, targets: readonly AnyTarget[]): void {
  testResults(family, table, targets);
  testGradients(family, table, targets);
}
