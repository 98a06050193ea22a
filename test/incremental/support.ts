/** Derived routines run by the interpreter, beside the model that they come from. */
import { expect } from 'vitest';
import { DiagnosticSink, type Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import { generationGraphs, type GenerationGraphs } from '../../src/compiler/incremental/generation.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { Elaborated } from '../../src/compiler/semantics/elaborated.ts';
import { elaboratedOfText, renderAll } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';

type Tensors = ReadonlyMap<string, Tensor>;

/** Why a model cannot be continued. */
export function faultsOf(elaborated: Elaborated): readonly Diagnostic[] {
  const sink = new DiagnosticSink();
  expect(generationGraphs(elaborated, ops, sink)).toBeUndefined();
  return sink.items;
}

/** The routines; fails with the rendered diagnostics where there are none. */
export function routinesOf(elaborated: Elaborated): GenerationGraphs {
  const sink = new DiagnosticSink();
  const found = generationGraphs(elaborated, ops, sink);
  if (!found) throw new Error(renderAll(sink.items));
  for (const graph of [found.prefill, found.step]) expect(verify(graph, ops)).toEqual([]);
  return found;
}

const BLOCKS = `
  import { Embedding, Linear, PositionEmbedding } from "std/nn"
  import { SparseMoE } from "std/moe"

  block Attention(heads: int)(x: f32[b, t, c]) -> f32[b, t, c] {
    q, k, v = unstack(x |> Linear(3 * c) |> rearrange("b t (s h e) -> s b h t e", s: 3, h: heads), axis: 0)
    return attention(q, k, v, causal: true) |> rearrange("b h t e -> b t (h e)") |> Linear(c)
  }
`;

/** A model of five tokens with x: f32[batch, time, 4], which the body goes on with; at most six of them in a row. */
export function modelOf(
  body: string,
  {
    dims = 'batch, time <= 6',
    input = 'i32[batch, time]',
    output = 'x |> Linear(5) as head',
    before = '',
    more = '',
  } = {},
): Elaborated {
  return elaboratedOfText(
    `${BLOCKS}
    ${before}
    model M {
      dims ${dims}
      input idx: ${input}
      ${more}
      x = idx |> Embedding(5, 4) as tokens
      ${body}
      output logits = ${output}
      generate idx along time from logits
    }`,
    { entry: 'M' },
  );
}

export interface Prompts {
  /** The tokens of each sequence: all that are there in the end. */
  readonly texts: readonly (readonly number[])[];
  /** How many of them are the prompt. */
  readonly lengths: readonly number[];
}

export function drawParameters(graph: Graph, seed: number): Tensors {
  const random = randomNumbers(seed);
  return new Map(
    parameterTensors(graph.parameters).map(({ name, type }) => [
      name,
      randomTensor(type.dtype, concreteShape(type.shape, new Map()), random, [-0.7, 0.7]),
    ]),
  );
}

const SAMPLING: Tensors = new Map([
  ['sample.temperature', tensorOf('f32', [], [0])],
  ['sample.top_k', tensorOf('i32', [], [0])],
  ['sample.top_p', tensorOf('f32', [], [1])],
  ['sample.penalty', tensorOf('f32', [], [1])],
  ['random.key', tensorOf('u32', [2], [1, 2])],
]);

const PADDING = 0;

/**
 * The scores after each token behind the prompts, through prefill and steps: for every step those of all sequences. All
 * sequences are continued until the shortest text has ended.
 */
export function continued(
  { prefill, step, generation }: GenerationGraphs,
  { texts, lengths }: Prompts,
  parameters: Tensors,
  others: Tensors = new Map(),
): readonly Tensor[] {
  const batch = texts.length;
  const longest = Math.max(...lengths);
  const symbols = new Map([['batch', batch]]);
  let kept: Tensors = new Map(
    (prefill.kept ?? []).map(({ name, value }) => {
      const shape = concreteShape(value.type.shape, symbols);
      // What has not been written must not be read.
      return [
        name,
        { dtype: value.type.dtype, shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(NaN) },
      ];
    }),
  );
  const run = (graph: Graph, inputs: Tensors): Tensor => {
    const given = new Map([...others, ...SAMPLING, ...inputs]);
    const outputs = interpret(graph, {
      inputs: given,
      parameters,
      kept,
      symbols: graph === step ? symbols : new Map(),
    });
    kept = new Map(graph.outputs.flatMap(({ name, into }) => (into === undefined ? [] : [[into, outputs.get(name)!]])));
    return outputs.get('logits')!;
  };
  const prompt = texts.flatMap((text, row) =>
    Array.from({ length: longest }, (_, at) => (at < lengths[row]! ? text[at]! : PADDING)),
  );
  const scores = [
    run(
      prefill,
      new Map([
        [generation.input, tensorOf('i32', [batch, longest], prompt)],
        ['generate.lengths', tensorOf('i32', [batch], lengths)],
      ]),
    ),
  ];
  const steps = Math.min(...texts.map((text, row) => text.length - lengths[row]!));
  for (let at = 0; at < steps; at++) {
    const past = lengths.map((length) => length + at);
    const tokens = texts.map((text, row) => text[past[row]!]!);
    scores.push(
      run(
        step,
        new Map([
          [generation.input, tensorOf('i32', [batch, 1], tokens)],
          ['generate.past', tensorOf('i32', [batch], past)],
        ]),
      ),
    );
  }
  return scores;
}

export interface Comparison {
  readonly seed?: number;
  /** Inputs besides the tokens. */
  readonly others?: Tensors;
  /** The axes of the scores of the whole graph, and those of the tokens in the same order; b: batch, t: time, v: scores. */
  readonly axes?: 'btv' | 'tbv' | 'bvt';
  /** Where the number of texts is fixed, the whole graph gets all of them, padded behind. */
  readonly together?: boolean;
}

/** Expects the scores of the derived routines to be those that the whole graph gives each text alone. */
export function expectSame(elaborated: Elaborated, prompts: Prompts, comparison: Comparison = {}): void {
  const { seed = 1, others = new Map(), axes = 'btv', together = false } = comparison;
  const parameters = drawParameters(elaborated.graph, seed);
  const graphs = routinesOf(elaborated);
  const { input, output, vocabulary } = graphs.generation;
  const graph = { ...elaborated.graph, outputs: elaborated.graph.outputs.filter(({ name }) => name === output) };
  const scoresOf = (texts: readonly (readonly number[])[]): ((row: number, position: number) => Float64Array) => {
    const [batch, time] = [texts.length, Math.max(...texts.map(({ length }) => length))];
    const at = (row: number, position: number): number => texts[row]![position] ?? PADDING;
    const isTurned = axes === 'tbv';
    const tokens = Array.from({ length: batch * time }, (_, i) =>
      isTurned ? at(i % batch, Math.floor(i / batch)) : at(Math.floor(i / time), i % time),
    );
    const inputs = new Map([...others, [input, tensorOf('i32', isTurned ? [time, batch] : [batch, time], tokens)]]);
    const { data } = interpret(graph, { inputs, parameters }).get(output)!;
    const sizes = { b: batch, t: time, v: vocabulary };
    return (row, position) =>
      Float64Array.from({ length: vocabulary }, (_, v) => {
        const index = { b: row, t: position, v };
        return data[[...axes].reduce((place, axis) => place * sizes[axis as 'b'] + index[axis as 'b'], 0)]!;
      });
  };
  const all = together ? scoresOf(prompts.texts) : undefined;
  const scores = continued(graphs, prompts, parameters, others);
  prompts.texts.forEach((text, row) => {
    const wanted = all ?? scoresOf([text]);
    scores.forEach(({ data }, at) => {
      const position = prompts.lengths[row]! + at - 1;
      const got = data.subarray(row * vocabulary, (row + 1) * vocabulary);
      const truth = wanted(all ? row : 0, position);
      expectClose(got, truth, { absolute: 1e-10, relative: 1e-10 }, `scores after token ${position} of text ${row}`);
    });
  });
}
