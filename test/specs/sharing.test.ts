/**
 * Parameters that a model reads in several places: they are stored once, and their gradient is the sum of those of copies, one
 * for each place.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileGraph, elaborateGradients } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { placePersistent } from '../../src/program/memory.ts';
import type { TargetProgram } from '../../src/program/program.ts';
import { parseSafetensors, type StoredTensor } from '../../src/program/safetensors.ts';
import { graphOf, renderAll, runnerOf, settings, specFile, specHost } from '../support/specs.ts';
import { randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { compiledTraining, trainerOf } from '../support/trainers.ts';
import { drawWeights } from './drawn.ts';

type Settings = { readonly [name: string]: unknown };

/** A model that shares parameters, and the same one with a copy for each place that reads them. */
interface Sharing {
  readonly name: string;
  readonly file: string;
  readonly entry: string;
  readonly settings: Settings;
  readonly apart: {
    readonly settings?: Settings;
    /** What stands in the spec, and what in that with copies. */
    readonly passage?: readonly [string, string];
  };
  readonly input: { readonly name: string; readonly rows: readonly (readonly number[])[] };
  /** The copies of a parameter of the model; itself, where it is not shared. */
  copies(name: string): readonly string[];
}

const ALBERT_SIZES = {
  vocab: 11,
  max_position: 8,
  embedding_size: 6,
  hidden_size: 12,
  heads: 3,
  intermediate: 10,
} as const;

const both =
  (first: string, second: string) =>
  (name: string): readonly string[] =>
    name === first ? [first, second] : [name];

const CASES: readonly Sharing[] = [
  {
    name: 'Llama, head and embedding',
    file: 'llama.model',
    entry: 'Llama',
    settings: { vocab_size: 11, dim: 8, n_layers: 2, n_heads: 4, n_kv_heads: 2, hidden_dim: 10, max_seq_len: 8 },
    apart: {
      passage: [
        'einsum("b t d, v d -> b t v", h, tok_embeddings.weight)',
        'h |> Linear(vocab_size, bias: false) as head',
      ],
    },
    input: {
      name: 'idx',
      rows: [
        [3, 1, 3, 9, 0],
        [10, 2, 2, 7, 5],
      ],
    },
    copies: both('tok_embeddings.weight', 'head.weight'),
  },
  {
    name: 'the character GPT, head and embedding',
    file: 'gpt.model',
    entry: 'CharGPT',
    settings: { vocab_size: 11, block_size: 8, n_embed: 8, n_head: 2, n_layer: 2, tied: true },
    apart: { settings: { tied: false } },
    input: {
      name: 'idx',
      rows: [
        [3, 1, 3, 9, 0],
        [10, 2, 2, 7, 5],
      ],
    },
    copies: both('wte.weight', 'lm_head.weight'),
  },
  {
    name: 'ALBERT, its head and embedding',
    file: 'albert.model',
    entry: 'AlbertForMaskedLM',
    settings: { ...ALBERT_SIZES, layers: 2 },
    apart: {
      passage: [
        'output logits: f32[batch, length, vocab] = predictions(hidden, albert.embeddings.word_embeddings.weight)',
        'param decoder: f32[vocab, embedding_size] = zeros()\n' +
          '  output logits: f32[batch, length, vocab] = predictions(hidden, decoder)',
      ],
    },
    input: {
      name: 'ids',
      rows: [
        [3, 1, 3, 9, 0],
        [10, 2, 2, 7, 5],
      ],
    },
    copies: both('albert.embeddings.word_embeddings.weight', 'decoder'),
  },
  {
    name: 'ALBERT, its layers',
    file: 'albert.model',
    entry: 'Albert',
    settings: { ...ALBERT_SIZES, layers: 3 },
    apart: { settings: { groups: 3 } },
    input: {
      name: 'ids',
      rows: [
        [3, 1, 3, 9, 0],
        [10, 2, 2, 7, 5],
      ],
    },
    copies: (name) =>
      name.includes('_groups.0.') ? [0, 1, 2].map((at) => name.replace('_groups.0.', `_groups.${at}.`)) : [name],
  },
];

/** The options of an entry, with the texts that stand in place of files. */
interface Form {
  readonly path: string;
  readonly options: EntryOptions;
  readonly host: ReturnType<typeof specHost>;
}

function formOf({ file, entry, settings: own, apart }: Sharing, isApart: boolean): Form {
  const path = specFile(file);
  const text = readFileSync(path, 'utf8');
  const { passage, settings: further } = isApart ? apart : {};
  if (passage) expect(text.split(passage[0]).length, passage[0]).toBe(2);
  const texts = passage ? { [path]: text.replace(passage[0], passage[1]) } : {};
  return { path, options: { entry, settings: settings({ ...own, ...further }) }, host: specHost(texts) };
}

const graphOfForm = ({ path, options, host }: Form): Graph => graphOf(path, options, host);

/** The gradients of all parameters, where the outputs are weighed by `cot.…`. */
async function gradientsOf(
  { path, options, host }: Form,
  weights: ReadonlyMap<string, StoredTensor>,
  inputs: { readonly [name: string]: Tensor },
  target: 'reference' | 'js' | 'wasm',
): Promise<ReadonlyMap<string, Float64Array>> {
  const cotangents = Object.keys(inputs).flatMap((name) => (name.startsWith('cot.') ? [name.slice(4)] : []));
  const { result, diagnostics } = elaborateGradients(path, options, { patterns: ['param.*'], cotangents }, host);
  if (!result) throw new Error(renderAll(diagnostics));
  const outputs = await (await runnerOf(result, target, weights))(inputs);
  const prefix = 'grad.param.';
  return new Map(
    [...outputs].flatMap(([name, { data }]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), Float64Array.from(data)] as const] : [],
    ),
  );
}

const sizeOf = (graph: Graph, names: readonly string[]): number =>
  graph.parameters
    .filter(({ name }) => names.includes(name))
    .reduce((sum, { value }) => sum + countOf(concreteShape(value.type.shape, new Map())), 0);

describe.each(CASES)('$name', (sharing) => {
  const [shared, apart] = [formOf(sharing, false), formOf(sharing, true)];
  const [graph, wide] = [graphOfForm(shared), graphOfForm(apart)];
  const names = graph.parameters.map(({ name }) => name);
  const surplus = names.flatMap((name) => sharing.copies(name).slice(1));

  test('is stored once', () => {
    expect(surplus.length).toBeGreaterThan(0);
    expect(wide.parameters.map(({ name }) => name).toSorted()).toEqual([...names, ...surplus].toSorted());
    const [own, more] = [graph, wide].map((one) => compileGraph(one, { targets: ['wasm'] }).program.targets.wasm!);
    expect(own!.weights.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    const bytesOf = (program: TargetProgram): number =>
      program.weights.reduce((sum, { shape }) => sum + 4 * countOf(shape), 0);
    expect(bytesOf(more!) - bytesOf(own!)).toBe(4 * sizeOf(wide, surplus));
    // A product packs its weights when it is loaded, beside those that are looked up in.
    expect(placePersistent(own!, 0).end).toBeLessThanOrEqual(placePersistent(more!, 0).end);
  });

  const { stored } = drawWeights(graph, 5);
  const copied = new Map(
    [...stored].flatMap(([name, tensor]) => sharing.copies(name).map((copy) => [copy, tensor] as const)),
  );
  const { name, rows } = sharing.input;
  const random = randomNumbers(6);
  const symbols = new Map(graph.dims.map((dim, at) => [dim.name, at === 0 ? rows.length : rows[0]!.length]));
  const inputs = {
    [name]: tensorOf('i32', [rows.length, rows[0]!.length], rows.flat()),
    ...Object.fromEntries(
      graph.outputs.map((output) => [
        `cot.${output.name}`,
        randomTensor('f32', concreteShape(output.value.type.shape, symbols), random),
      ]),
    ),
  };

  test.each([
    ['reference', 1e-12],
    ['wasm', 2e-5],
    ['js', 2e-5],
  ] as const)('has the sum of the gradients on %s', async (target, tolerance) => {
    const tied = await gradientsOf(shared, stored, inputs, target);
    const untied = await gradientsOf(apart, copied, inputs, 'reference');
    expect([...tied.keys()].toSorted()).toEqual(names.toSorted());
    for (const [parameter, gradient] of tied) {
      const parts = sharing.copies(parameter).map((copy) => untied.get(copy)!);
      const wanted = gradient.map((_, at) => parts.reduce((sum, part) => sum + part[at]!, 0));
      const size = Math.max(...parts.flatMap((part) => [...part].map(Math.abs)));
      const off = gradient.map((value, at) => Math.abs(value - wanted[at]!));
      // A bias of keys moves all scores alike, so that its gradient is rounding alone.
      const isIdle = parameter.endsWith('key.bias');
      expect(Math.max(...off), parameter).toBeLessThanOrEqual(tolerance * (isIdle ? 1 : size));
      if (!isIdle)
        for (const part of parts) expect(Math.max(...part.map(Math.abs)), parameter).toBeGreaterThan(size / 1000);
    }
  });
});

describe('ALBERT that learns hidden words', () => {
  const sizes = { ...ALBERT_SIZES, layers: 2, lr: 0.03, steps: 80, mask_token: 10 };
  const compiled = compiledTraining('albert.model', {
    entry: 'TrainAlbertForMaskedLM',
    settings: settings(sizes),
    given: ['labels'],
  });
  const TABLE = 'net.albert.embeddings.word_embeddings.weight';
  // The third word is always hidden; it follows from the first.
  const rows = Array.from({ length: 8 }, (_, at) => [at, (3 * at) % 10, 10, (at + 5) % 10]);
  const ids = { data: Int32Array.from(rows.flat()), shape: [8, 4] };
  const labels = {
    data: Int32Array.from(rows.flatMap(([first]) => [-100, -100, (first! + 1) % 10, -100])),
    shape: [8, 4],
  };

  test.each(['wasm', 'js'] as const)(
    'has one table, with one state of the optimizer, and learns it, on %s',
    async (target) => {
      const trainer = await trainerOf(compiled, { target, seed: 3 });
      const { tensors } = parseSafetensors(await trainer.save());
      const tables = [...tensors].filter(([, { shape }]) => String(shape) === '11,6').map(([name]) => name);
      expect(tables.toSorted()).toEqual(
        [TABLE, `optimizer.exp_avg.${TABLE}`, `optimizer.exp_avg_sq.${TABLE}`].toSorted(),
      );
      const losses: number[] = [];
      for (let step = 0; step < sizes.steps; step++) losses.push((await trainer.step({ ids, labels })).loss);
      // Of 11 words, without knowing anything.
      expect(losses[0]).toBeGreaterThan(Math.log(11) * 0.8);
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
      trainer.dispose();
    },
  );

  test('keeps nothing in memory but parameters and states, each once', () => {
    const { buffers, weights } = compiled.program.targets.wasm!;
    const kept = buffers.flatMap(({ kind, size }) => (kind === 'persistent' ? [size as number] : []));
    const sizes = weights.map(({ shape }) => countOf(shape));
    const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
    expect(ascending(kept)).toEqual(ascending(sizes));
  });

  test('hides words itself where it is given no labels', () => {
    const graph = graphOf(specFile('albert.model'), { entry: 'TrainAlbertForMaskedLM', settings: settings(sizes) });
    expect(graph.nodes.flatMap(({ op }) => (op.random ? [op.name] : []))).toEqual(['random_uniform', 'random_uniform']);
  });
});
