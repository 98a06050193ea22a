/**
 * Tensors of the data that another run computes, once for each example: the answers of a teacher. They are those of the
 * examples as they are, without augmentation.
 */
import { Batches } from '../../data/batches.ts';
import { type Dataset, type Field, withField } from '../../data/dataset.ts';
import type { Examples } from '../../data/open.ts';
import { sameVocabulary } from '../../data/vocabulary.ts';
import { compileGraph, elaborateWhole, type Graph } from '../../compiler/index.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import type { Model } from '../../runtime/model.ts';
import { Failure, Rejected } from '../errors.ts';
import { makeHost, shownPath } from '../host.ts';
import type { Io } from '../io.ts';
import { modelOf } from '../runnable.ts';
import { readTensors, specPath, type Tensors } from '../spec.ts';
import { bindFields, inputsOf } from './bind.ts';
import type { CacheRequest, RunConfig } from './config.ts';
import { RunFolder } from './run-folder.ts';

/** The parts of the data that have values of their own. */
type PartName = 'train' | 'evaluation';

/** Computes what is asked for: tensors `train.FIELD` and `evaluation.FIELD`. Rejects with Failure and Rejected. */
export async function computeCaches(
  data: Examples,
  { caches, batch }: Pick<RunConfig, 'caches' | 'batch'>,
  update: (text: string) => void,
  io: Io,
): Promise<Tensors> {
  const all = new Map<string, StoredTensor>();
  for (const request of caches) {
    const { field } = request;
    if (data.plain.fields.some(({ name }) => name === field) || all.has(`train.${field}`))
      throw new Failure(`there is a tensor ${field} already, so that none is computed by --cache`, {
        hint: 'give it another name, and bind that: --bind INPUT=NAME',
      });
    const teacher = await openTeacher(request, data, io);
    try {
      const parts: readonly (readonly [PartName, Dataset | undefined])[] = [
        ['train', data.plain],
        ['evaluation', data.evaluation],
      ];
      for (const [part, dataset] of parts)
        if (dataset) all.set(`${part}.${request.field}`, await answers(teacher, dataset, batch, request, update));
    } finally {
      teacher.model.dispose();
    }
  }
  return all;
}

/** The data with the tensors that were computed for them. */
export function withCaches(data: Examples, caches: readonly CacheRequest[], tensors: Tensors): Examples {
  const attach = (part: PartName, dataset: Dataset): Dataset =>
    caches.reduce((whole, { field: name }) => {
      const { shape, bytes } = tensors.get(`${part}.${name}`)!;
      const field: Field = { name, aliases: [], dtype: 'f32', shape: shape.slice(1) };
      const own = bytes.slice();
      return withField(whole, field, new Float32Array(own.buffer));
    }, dataset);
  const { evaluation } = data;
  return {
    ...data,
    train: attach('train', data.train),
    plain: attach('train', data.plain),
    ...(evaluation && { evaluation: attach('evaluation', evaluation) }),
  };
}

interface Teacher {
  readonly model: Model;
  readonly output: string;
  readonly config: RunConfig;
}

/** The entry of a run, with its last weights, as it is without training. */
async function openTeacher({ run, output }: CacheRequest, data: Examples, io: Io): Promise<Teacher> {
  const folder = new RunFolder(shownPath(run, io.cwd), io);
  const config = folder.readConfig();
  const vocabulary = folder.readVocabulary();
  if (vocabulary && data.vocabulary && !sameVocabulary(vocabulary, data.vocabulary))
    throw new Failure(`${folder.path} was trained with another vocabulary`, {
      hint: `take its own: --vocabulary ${folder.path}/vocabulary.json`,
    });
  const whole = elaborated(config, output, data, io);
  const chosen = chooseOutput(whole, output, folder.path);
  const graph = neededFor(whole, chosen);
  const weights = new Map([
    ...folder.readTensors('frozen'),
    ...(await readTensors({ path: shownPath(folder.last(), io.cwd), prefix: '' }, io)),
  ]);
  const compiled = compileGraph(graph, { targets: [config.target] });
  return { model: await modelOf(compiled, config.target, weights, {}), output: chosen, config };
}

function elaborated(config: RunConfig, output: string | undefined, data: Examples, io: Io): Graph {
  const { entry, settings, given } = config;
  const options = {
    ...(entry !== undefined && { entry }),
    settings,
    given,
    atHand: data.plain.fields.map(({ name }) => name),
    training: false,
  };
  const path = specPath(shownPath(config.spec, io.cwd), io);
  const plain = elaborateWhole(path, options, makeHost(io));
  if (!plain.result) throw new Rejected(plain.diagnostics);
  if (output === undefined || plain.result.graph.outputs.some(({ name }) => name === output)) return plain.result.graph;
  const { result, diagnostics } = elaborateWhole(path, { ...options, taps: [output] }, makeHost(io));
  if (!result) throw new Rejected(diagnostics);
  return result.graph;
}

/** The output that is meant: the one of that name, or the only one that has a value for each example. */
function chooseOutput({ outputs }: Graph, wanted: string | undefined, run: string): string {
  const perExample = outputs.filter(({ value: { type } }) => type.dtype === 'f32' && type.shape.length > 1);
  const names = perExample.map(({ name }) => name);
  const meant = wanted === undefined ? names : names.filter((name) => name === wanted);
  if (meant.length === 1) return meant[0]!;
  throw new Failure(
    wanted === undefined
      ? `which of the outputs of ${run} is meant is not told`
      : `${run} has no f32 output ${wanted} with a row for each example`,
    {
      hint: names.length > 0 ? `there are ${names.join(', ')}: --cache FIELD=RUN:OUTPUT` : 'name an instance: RUN:net',
    },
  );
}

/** The graph with one output, and what that depends on. */
function neededFor(graph: Graph, output: string): Graph {
  const outputs = graph.outputs.filter(({ name }) => name === output);
  const needed = new Set(outputs.map(({ value }) => value));
  const nodes = graph.nodes.toReversed().filter(({ inputs, results }) => {
    const isNeeded = results.some((value) => needed.has(value));
    if (isNeeded) for (const value of inputs) needed.add(value);
    return isNeeded;
  });
  return {
    ...graph,
    nodes: nodes.toReversed(),
    outputs,
    inputs: graph.inputs.filter(({ value }) => needed.has(value)),
    parameters: graph.parameters.filter(({ value }) => needed.has(value)),
  };
}

async function answers(
  { model, output, config }: Teacher,
  dataset: Dataset,
  batch: number,
  { field }: CacheRequest,
  update: (text: string) => void,
): Promise<StoredTensor> {
  const binding = bindFields(model.inputs, dataset.fields, config.bind, batch);
  const batches = new Batches(dataset, { batch });
  let values: Float32Array<ArrayBuffer> | undefined;
  let shape: readonly number[] = [];
  for (let number = 0; number < batches.perEpoch; number++) {
    update(`computing ${field}: ${number * batch} of ${dataset.size} examples`);
    const results = await model.run(inputsOf(binding, batches.read(number)));
    const { data, shape: own } = results[output]!;
    shape = own.slice(1);
    const length = shape.reduce((product, size) => product * size, 1);
    values ??= new Float32Array(dataset.size * length);
    values.set(data as Float32Array, number * batch * length);
  }
  return { dtype: 'F32', shape: [dataset.size, ...shape], bytes: new Uint8Array(values!.buffer) };
}
