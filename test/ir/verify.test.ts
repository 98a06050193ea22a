/** The verifier: one broken graph for each of its invariants. */
import { describe, expect, test } from 'vitest';
import type { Graph, Node, Region, Value } from '../../src/compiler/ir/graph.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';

function graphOf(...lines: readonly string[]): Graph {
  const result = parseGraph(`graph G {\n${lines.join('\n')}\n}`, ops);
  if ('error' in result) throw new Error(`line ${result.line}: ${result.error}`);
  return result.graph;
}

const INPUT = ['dim n', 'input x %0: f32[n, 3]'];

function faults(...lines: readonly string[]): string[] {
  return verify(graphOf(...INPUT, ...lines), ops);
}

const sound = graphOf(
  ...INPUT,
  '%1: f32[n, 3] = fusion(%0) {body: region(%2: f32[n, 3]) { %3: f32[n, 3] = neg(%2) return %3 }, kind: "pointwise"}',
  '%4: f32[n, 3] = softmax(%1) {axis: -1}',
  'output y %4',
);

/** `sound` with another fused node. */
function withFused(change: (region: Region, node: Node) => Partial<Region>): string[] {
  const [fused, ...rest] = sound.nodes;
  const region = fused!.attributes['body'] as Region;
  const body: Region = { ...region, ...change(region, fused!) };
  return verify({ ...sound, nodes: [{ ...fused!, attributes: { ...fused!.attributes, body } }, ...rest] }, ops);
}

test('a sound graph has no faults', () => {
  expect(verify(sound, ops)).toEqual([]);
});

describe('a fault is found in', () => {
  test('dims: names and limits', () => {
    expect(verify(graphOf('dim n', 'dim n'), ops)).toEqual(['two dims are called n']);
    expect(verify({ ...graphOf(), dims: [{ name: 'n', max: -1 }] }, ops)).toEqual([
      'dim n has the limit -1, which is not a natural number',
    ]);
  });

  test('names of inputs, parameters and outputs', () => {
    expect(faults('input x %1: f32[]')).toEqual(['two inputs are called x']);
    expect(faults('param a.b %1: f32[]', 'param a.b %2: f32[]')).toEqual(['two parameters are called a.b']);
    expect(faults('output y %0', 'output y %0')).toEqual(['two outputs are called y']);
  });

  test('kept tensors: names, types and who writes them', () => {
    const kept = 'kept k %1: f32[n, 3]';
    expect(faults(kept, 'output next.k %0 into k')).toEqual([]);
    expect(faults(kept, 'kept k %2: f32[]')).toEqual(['two kept tensors are called k']);
    expect(faults(kept, 'param k %2: f32[]')).toEqual(['kept tensor k has the name of a parameter']);
    expect(faults(kept, '%2: f32[3, n] = transpose(%0) {permutation: [1, 0]}', 'output next.k %2 into k')).toEqual([
      'output next.k: f32[3, n] goes into k: f32[n, 3]',
    ]);
    expect(faults('kept k %1: f32[m]')).toEqual(['%1 mentions m, which is no dim']);
  });

  test('members of stacks: names and number', () => {
    expect(faults('param a %1: f32[2, 3] of [a.0, a.1]')).toEqual([]);
    expect(faults('param a %1: f32[2, 3] of [a.0, b]', 'param b %2: f32[]')).toEqual(['two parameters are called b']);
    expect(faults('param a %1: f32[2, 3] of [a.0]')).toEqual(['parameter a, f32[2, 3], has 1 members']);
    expect(faults('param a %1: f32[0, 3] of []')).toEqual(['parameter a, f32[0, 3], has 0 members']);
    expect(faults('param a %1: f32[] of [a.0]')).toEqual(['parameter a, f32[], has 1 members']);
  });

  test('parameters with symbolic shapes', () => {
    expect(faults('param w %1: f32[n]')).toEqual(['parameter w has the shape f32[n], which is not static']);
  });

  test('dims that are not declared, in shapes, attributes and conditions', () => {
    expect(faults('require <n - 4> "far"', 'require <m - n> "further"')).toEqual([
      'condition "further" mentions m, which is no dim',
    ]);
    expect(verify(graphOf('input x %0: f32[m]'), ops)).toEqual(['%0 mentions m, which is no dim']);
    expect(faults('%1: f32[m] = full() {shape: [<m>], value: 0, dtype: "f32"}')).toEqual([
      '%1 = full mentions m, which is no dim',
      '%1 mentions m, which is no dim',
    ]);
  });

  test('ids in use twice', () => {
    const [input] = sound.inputs;
    const twin: Value = { ...input!.value };
    expect(verify({ ...sound, parameters: [{ name: 'w', value: twin, origin: { path: '' } }] }, ops)).toContain(
      'two values have the id 0, one as parameter w',
    );
    expect(verify({ ...sound, nodes: [...sound.nodes, sound.nodes[1]!] }, ops)).toEqual([
      '%4 is made twice, again as a result of softmax',
    ]);
    expect(withFused(({ parameters }) => ({ parameters: [{ ...parameters[0]!, id: 0 }] }))).toContain(
      'two values have the id 0, one as a parameter in fusion',
    );
  });

  test('uses before definitions', () => {
    expect(verify({ ...sound, nodes: sound.nodes.toReversed() }, ops)).toEqual([
      '%4 = softmax uses %1 before it is made',
    ]);
    expect(withFused(({ nodes }) => ({ nodes: [{ ...nodes[0]!, inputs: [sound.inputs[0]!.value] }] }))).toEqual([
      '%3 = neg uses %0 before it is made',
    ]);
  });

  test('ops of another table, and operands of another number', () => {
    const [fused, softmax] = sound.nodes;
    const foreign = { ...softmax!, op: { ...softmax!.op } };
    expect(verify({ ...sound, nodes: [fused!, foreign] }, ops)).toEqual(['%4 = softmax is not an op of the table']);
    expect(faults('%1: f32[n, 3] = add(%0)')).toEqual(['%1 = add: add takes 2 operands, not 1']);
    expect(faults('%1: f32[n, 3] = concat() {axis: 0}')).toEqual([
      '%1 = concat: concat takes 1 or more operands, not 0',
    ]);
  });

  test('attributes that are missing, unknown or of another kind', () => {
    expect(faults('%1: f32[n, 3] = softmax(%0)')).toEqual(['%1 = softmax: attribute axis is missing']);
    expect(faults('%1: f32[n, 3] = softmax(%0) {axis: 0.5}')).toEqual([
      '%1 = softmax: attribute axis is not of kind axis',
    ]);
    expect(faults('%1: f32[n, 3] = softmax(%0) {axis: null}')).toEqual([
      '%1 = softmax: attribute axis is not of kind axis',
    ]);
    expect(faults('%1: f32[n, 3] = relu(%0) {slope: 1}')).toEqual(['%1 = relu: attribute slope is not declared']);
  });

  test('types that differ from what the op infers', () => {
    expect(faults('%1: f32[3, n] = neg(%0)')).toEqual([
      '%1 = neg is recorded as (f32[3, n]) but inferred as (f32[n, 3])',
    ]);
    expect(faults('%1: f32[n, 3] = and(%0, %0)')).toEqual(['%1 = and: `and` takes bool, not f32[n, 3]']);
  });

  test('regions whose parameters or results do not match', () => {
    const other: Value = { id: 9, type: { dtype: 'i32', shape: [] } };
    expect(withFused(() => ({ parameters: [other] }))).toContain(
      '%1 = fusion: its region takes (i32[]), not (f32[n, 3])',
    );
    expect(withFused(() => ({ results: [] }))).toContain('%1 = fusion: its region gives (), not (f32[n, 3])');
    expect(withFused(() => ({ results: [sound.inputs[0]!.value] }))).toEqual([
      "%1 = fusion: its region's result %0 is not made inside",
    ]);
  });

  test('outputs that are not made', () => {
    const value: Value = { id: 9, type: { dtype: 'f32', shape: [] } };
    expect(verify({ ...sound, outputs: [{ name: 'y', value }] }, ops)).toEqual([
      'output y is %9, which is not made in the graph',
    ]);
  });

  test('outputs that go into no parameter, into one of another type, or twice into one', () => {
    const graph = graphOf('param w %0: f32[3]\n state s %1: i32[3]\n %2: f32[3] = neg(%0)\n output a %2 into w');
    const [output] = graph.outputs;
    const faults = (...into: string[]): string[] =>
      verify({ ...graph, outputs: into.map((name) => ({ ...output!, name: `next.${name}`, into: name })) }, ops);
    expect(faults('w')).toEqual([]);
    expect(faults('v')).toEqual(['output next.v goes into v, which is no parameter and is not kept']);
    expect(faults('s')).toEqual(['output next.s: f32[3] goes into s: i32[3]']);
    expect(verify({ ...graph, outputs: [output!, { ...output!, name: 'b' }] }, ops)).toEqual(['two outputs go into w']);
  });
});
