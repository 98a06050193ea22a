import { describe, expect, test } from 'vitest';
import { constant } from '../../src/compiler/dims/dim.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { printGraph } from '../../src/compiler/ir/printer.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { canonicalize } from '../../src/compiler/passes/canonicalize.ts';
import { cse } from '../../src/compiler/passes/cse.ts';
import { dce } from '../../src/compiler/passes/dce.ts';
import { expand } from '../../src/compiler/passes/expand.ts';
import { fold } from '../../src/compiler/passes/fold.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import type { Pass } from '../../src/compiler/passes/pass.ts';
import { PassError, runPasses } from '../../src/compiler/passes/run.ts';
import { graphOfText } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

function names(graph: Graph): string[] {
  return graph.nodes.map((node) => node.op.name);
}

function after(graph: Graph, ...some: readonly Pass[]): string[] {
  return names(runPasses(graph, some, ops, { verify: true }).graph);
}

function graphOn(expression: string): Graph {
  return graphOfText(`model M() { dims n\n input x: f32[n, 4]\n output y = ${expression} }`);
}

describe('expand', () => {
  test('leaves no composite, also none that a composite is made of', () => {
    const graph = runPasses(graphOn('std(softmax(x, axis: -1), axis: 0)'), [expand], ops, { verify: true }).graph;
    expect(graph.nodes.every((node) => node.op.body.kind !== 'composite')).toBe(true);
  });
});

describe('canonicalize', () => {
  test.each([
    ['a reshape to the same shape', 'reshape(x, [n, 4]) * 2'],
    ['a transposition of nothing', 'transpose(x, [0, 1]) * 2'],
    ['a whole slice', 'x[:, 0:4] * 2'],
    ['a concatenation of one', 'concat([x], axis: 0) * 2'],
  ])('drops %s', (_, expression) => {
    expect(
      after(graphOn(expression), expand, canonicalize).filter((name) => name !== 'constant' && name !== 'expand'),
    ).toEqual(['mul']);
  });

  test('drops an expansion of one element to one', () => {
    const graph = graphOn('expand(sum(x, axis: 1, keepdim: true), shape: [n, 1])');
    expect(after(graph, expand, canonicalize)).toEqual(['reduce_sum']);
  });

  test('keeps a transposition of equal sizes', () => {
    const graph = graphOfText('model M() { input x: f32[4, 4]\n output y = transpose(x) }');
    expect(after(graph, canonicalize)).toEqual(['transpose']);
  });

  test('makes a tree of a wide concatenation', () => {
    const graph = graphOn('concat([for i in 0..70 => x + i], axis: 1)');
    const { nodes } = runPasses(graph, [expand, canonicalize], ops, { verify: true }).graph;
    const widths = nodes.filter(({ op }) => op.name === 'concat').map(({ inputs }) => inputs.length);
    expect(Math.max(...widths)).toBe(8);
    expect(widths).toHaveLength(11);
  });

  test('makes one of reshapes in a row', () => {
    expect(after(graphOn('reshape(reshape(x, [2, n * 2]), [n * 4])'), canonicalize, dce)).toEqual(['reshape']);
  });
});

describe('fold, cse, dce', () => {
  test('arithmetic on scalar constants is done', () => {
    const graph = graphOfText('model M() { input x: f32[2]\n output y = x * (full([], 2.0) + full([], 3.0)) }');
    expect(after(graph, fold, dce)).toContain('mul');
    const constants = graphOn('x * 2 * 3');
    expect(after(constants, fold)).toEqual(names(constants));
  });

  test('equal computations happen once, others stay', () => {
    expect(after(graphOn('tanh(x) + tanh(x) * tanh(-x)'), cse).filter((name) => name === 'tanh')).toHaveLength(2);
    expect(
      after(graphOn('sum(x, axis: 0) + sum(transpose(x), axis: 1) + sum(x, axis: 0)'), cse).filter(
        (name) => name === 'sum',
      ),
    ).toHaveLength(2);
  });

  test('what no output needs is dropped', () => {
    const graph = graphOfText('model M() { input x: f32[2]\n unused = exp(x)\n output y = x * 2 }');
    expect(names(graph)).toContain('exp');
    expect(after(graph, dce)).not.toContain('exp');
  });
});

describe('the runner', () => {
  const graph = graphOn('softmax(x, axis: -1)');
  const check = { inputs: new Map([['x', tensorOf('f32', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]]), parameters: new Map() };

  test('shows the graph before and after every pass', () => {
    const seen: string[] = [];
    runPasses(graph, passes, ops, { onGraph: (name) => seen.push(name) });
    expect(seen).toEqual(['before', ...passes.map((pass) => pass.name)]);
  });

  test('names the pass that changed a result', () => {
    const wrong: Pass = {
      name: 'wrong',
      doc: '',
      run: (given) => ({
        ...given,
        outputs: given.outputs.map((output) => ({ ...output, value: given.inputs[0]!.value })),
      }),
    };
    expect(() => runPasses(graph, [expand, wrong, dce], ops, { check })).toThrow(
      new PassError('wrong', 'output y[0] changed from 0.03205860328008499 to 1'),
    );
  });

  test('names the pass that broke the graph', () => {
    const broken: Pass = { name: 'broken', doc: '', run: (given) => ({ ...given, nodes: given.nodes.slice(1) }) };
    expect(() => runPasses(graphOn('x * 2'), [broken], ops, { verify: true })).toThrow(PassError);
  });

  test('a graph with fused regions reads back as it prints', () => {
    const text = printGraph(runPasses(graph, passes, ops).graph);
    const read = parseGraph(text, ops);
    if ('error' in read) throw new Error(`${read.error} in line ${read.line}`);
    expect(printGraph(read.graph)).toBe(text);
    expect(read.graph.nodes[0]!.results[0]!.type.shape[1]!.key).toBe(constant(4).key);
  });
});
