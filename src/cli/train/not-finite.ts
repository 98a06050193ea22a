/** Looks for where a loss that is infinite or NaN comes from: the first tensor that is, in the order of the spec. */
import { compileGraph, type Graph, positionAt, tensorNames } from '../../compiler/index.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import type { Inputs, OutputTensor } from '../../runtime/model.ts';
import type { Trainer } from '../../runtime/train/trainer.ts';
import { Failure } from '../errors.ts';
import { modelOf } from '../runnable.ts';
import type { Tensors } from '../spec.ts';
import { type Known, positionsFault } from './positions.ts';
import { storedWeights } from './trainer.ts';

type GraphNode = Graph['nodes'][number];
type Origin = GraphNode['origin'];
type Value = GraphNode['results'][number];

export interface Suspects {
  /** The entry as it is for training. */
  readonly graph: Graph;
  readonly trainer: Pick<Trainer, 'weights' | 'batches' | 'update'>;
  readonly frozen: Tensors;
  readonly seed: number;
  readonly step: number;
  /** The last batch of the step. */
  readonly inputs: Inputs;
  /** What is not finite: the loss of the batch, or the parameters after its update. */
  readonly message: string;
  /** What the data are. */
  readonly data: string;
}

/** The node with the first result that is not finite, and what is wrong with the positions that it takes. */
interface Found {
  readonly node: GraphNode;
  readonly fault: string | undefined;
}

const SMALLER_STEPS = 'a smaller learning rate, a warm-up or clip_norm may help';
const OTHER_SIZES =
  'labels and tokens must fit the sizes of the entry: set those (--set NAME=VALUE), or take other data';

/** What to tell the user: the step, and where the first value that is not finite comes from. */
export async function explainNotFinite(suspects: Suspects): Promise<Failure> {
  const { trainer, message, graph, step } = suspects;
  const failure = (
    note: string,
    hint = step === 1 ? SMALLER_STEPS : `the last checkpoint is from before; ${SMALLER_STEPS}`,
  ): Failure => new Failure(`step ${step}: ${message}`, { notes: [note], hint });
  const weights = new Map([...suspects.frozen, ...(await storedWeights(trainer))]);
  const input = Object.entries(suspects.inputs).find(
    ([, given]) => typeof given === 'object' && 'data' in given && hasNotFinite(given.data),
  );
  if (input) return failure(`the input ${input[0]} has values that are not finite: the data are to blame`);
  const weight = [...weights].find(([, { dtype, bytes }]) => dtype === 'F32' && hasNotFinite(floatsOf(bytes)))?.[0];
  if (weight !== undefined) {
    const origin = graph.parameters.find((one) => tensorNames(one).includes(weight))?.origin;
    const when = trainer.update === 0 ? 'from the beginning' : `since a gradient of step ${trainer.update} or before`;
    return failure(`${weight} has values that are not finite ${when}${origin ? placeOf(origin) : ''}`);
  }
  const found = await firstNotFinite(suspects, weights);
  if (!found) return failure('computed by itself, every tensor before the loss is finite');
  const where = describe(found.node);
  if (found.fault === undefined) return failure(where);
  return new Failure(`step ${step}: ${message}`, {
    notes: [where, found.fault, `the data: ${suspects.data}`],
    hint: OTHER_SIZES,
  });
}

function floatsOf(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const own = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(own.buffer, own.byteOffset, own.length / 4);
}

function hasNotFinite(values: unknown): boolean {
  return values instanceof Float32Array && values.some((value) => !Number.isFinite(value));
}

/** The same batch once more, forward only, with every intermediate result kept. */
async function firstNotFinite(
  { graph, trainer, seed, inputs }: Suspects,
  weights: Tensors,
): Promise<Found | undefined> {
  const tensors = graph.nodes.flatMap((node) =>
    node.results.flatMap((value) => (['f32', 'i32'].includes(value.type.dtype) ? [{ node, value }] : [])),
  );
  const outputs = tensors.map(({ value }, at) => ({ name: String(at), value }));
  const whole: Graph = { ...graph, outputs };
  const model = await modelOf(compileGraph(whole, { targets: ['js'] }), 'js', weights, {});
  try {
    const key = Uint32Array.of(seed, trainer.batches);
    const isRandom = graph.inputs.some(({ name }) => name === RANDOM_KEY);
    const results = await model.run({ ...inputs, ...(isRandom && { [RANDOM_KEY]: key }) });
    const node = tensors.find((_, at) => hasNotFinite(results[String(at)]?.data))?.node;
    const known = (value: Value): Known | undefined => {
      const name = graph.inputs.find((input) => input.value === value)?.name;
      if (name !== undefined) return tensorOf(inputs[name]);
      const at = tensors.findIndex((tensor) => tensor.value === value);
      return at < 0 ? weightOf(value, graph, weights) : results[String(at)];
    };
    return node && { node, fault: positionsFault(node, known) };
  } finally {
    model.dispose();
  }
}

/** Batches hold tensors with their shapes. */
function tensorOf(given: Inputs[string] | undefined): Known | undefined {
  return typeof given === 'object' && 'data' in given && given.shape
    ? { data: given.data, shape: given.shape }
    : undefined;
}

/** The shape of a parameter; the values are not looked at. */
function weightOf(value: Value, { parameters }: Graph, weights: Tensors): Known | undefined {
  const parameter = parameters.find((one) => one.value === value);
  const stored = parameter && weights.get(tensorNames(parameter)[0]!);
  const stack = parameter?.members ? [parameter.members.length] : [];
  return stored && { data: stored.bytes, shape: [...stack, ...stored.shape] };
}

/** The name of the first parameter or state with a value that is infinite or NaN. */
export function weightNotFinite(weights: ReadonlyMap<string, OutputTensor>): string | undefined {
  return [...weights].find(([, { data }]) => hasNotFinite(data))?.[0];
}

function describe({ op, origin }: GraphNode): string {
  const where = origin.path === '' ? '' : ` of ${origin.path}`;
  return `the first tensor that is not finite is the result of ${op.name}${where}${placeOf(origin)}`;
}

/** `, net.model:7:3: log(x)` */
function placeOf({ span }: Origin): string {
  if (!span) return '';
  const { line, column } = positionAt(span.source, span.start);
  const text = span.source.text.slice(span.start, span.end).replace(/\s+/g, ' ');
  return `, ${span.source.path}:${line}:${column}: ${text.length > 80 ? `${text.slice(0, 80)} …` : text}`;
}
