/** The routines of an entry as they are shipped, with everything between their kernels: what they answer in the end. */
import { bindArguments, splitParameter, type Tensor } from '../../compiler/index.ts';
import { deviation } from '../../compiler/inspect/verify/compare.ts';
import { type Arithmetic, disturbed, evaluateGraph, exact } from '../../compiler/inspect/verify/evaluate.ts';
import { LOGITS, TOKEN } from '../../program/generation.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import { createGenerativeModel } from '../../runtime/generate/model.ts';
import type { Inputs } from '../../runtime/model.ts';
import { OPTIMIZER } from '../../runtime/train/initial-weights.ts';
import { createTrainer } from '../../runtime/train/trainer.ts';
import { uniform } from '../../program/seeded.ts';
import { modelOf, partsOf } from '../runnable.ts';
import { interpreted, toInput } from './draw.ts';
import { DISTURBANCES, type ResultDeviation, type VerifySettings } from './kernels.ts';
import { type Given, type Routine, SAMPLING, type Subject, textInputs } from './subject.ts';
import type { Alter, Candidate } from './targets.ts';

/** An output of a routine, and how far each target is from the reference. */
export interface OutputRow {
  /** Empty where routines are not told apart. */
  readonly routine: string;
  readonly name: string;
  readonly type: string;
  /** By the name of the candidate. */
  readonly found: ReadonlyMap<string, ResultDeviation>;
}

/** Tensors by routine and name, `step loss`. */
type Answers = ReadonlyMap<string, Tensor>;
type Found = ReadonlyMap<string, ArrayLike<number>>;

/** Where a routine's outputs are told from those of others. */
function keyOf(routine: string, output: string): string {
  return `${routine} ${output}`;
}

export async function verifyWhole(
  subject: Subject,
  candidates: readonly Candidate[],
  { seed, alter = (emitted) => emitted, update }: VerifySettings,
): Promise<OutputRow[]> {
  update('computing the reference of all outputs');
  const random = uniform(`whole ${seed}`);
  const wanted = answersOf(subject, exact);
  const others = Array.from({ length: DISTURBANCES }, () => answersOf(subject, disturbed(random)));
  const found = new Map<string, Found>();
  for (const candidate of candidates) {
    update(`all outputs on ${candidate.name}`);
    found.set(candidate.name, await answersOn(subject, candidate, alter));
  }
  return [...wanted].flatMap(([key, tensor]): OutputRow[] => {
    const [routine = '', ...name] = key.split(' ');
    const spread = others.map((one) => one.get(key)!);
    const deviations = [...found].flatMap(([candidate, answers]) => {
      const data = answers.get(key);
      const { shape } = tensor;
      return data ? [[candidate, { ...deviation(data, tensor, spread), result: 0, shape }] as const] : [];
    });
    const type = `${tensor.dtype}[${tensor.shape.join(', ')}]`;
    return [{ routine, name: name.join(' '), type, found: new Map(deviations) }];
  });
}

/** What the reference answers. */
function answersOf(subject: Subject, arithmetic: Arithmetic): Answers {
  const { module, routines } = subject;
  if (module.training) return trainingAnswers(subject, arithmetic);
  return new Map(
    routines.flatMap((routine) =>
      [...outputsOf(routine, arithmetic)].flatMap(([name, { tensor, into }]) =>
        into === undefined ? [[keyOf(routine.name, name), tensor] as const] : [],
      ),
    ),
  );
}

interface Output {
  readonly tensor: Tensor;
  readonly into: string | undefined;
}

/** On what `given` is, in place of what the routine has. */
function outputsOf(routine: Routine, arithmetic: Arithmetic, given = routine.given): ReadonlyMap<string, Output> {
  const { fused } = routine;
  const isKnown = arithmetic === exact && given === routine.given;
  const values = isKnown ? routine.values : evaluateGraph(fused, bindArguments(fused, given), arithmetic);
  return new Map(fused.outputs.map(({ name, value, into }) => [name, { tensor: values.get(value)!, into }]));
}

/** An evaluation, then as many batches as make an update, and the weights behind it. */
function trainingAnswers({ module, routines, weights, seed }: Subject, arithmetic: Arithmetic): Answers {
  const { accumulate, optimizer } = module.training!;
  const answers = new Map<string, Tensor>();
  const graphs = module.graphs.map(({ graph }) => graph);
  const parameters = interpreted(graphs, weights);
  for (const { parameters: own } of graphs) {
    for (const parameter of own) {
      const { initial, members = [parameter.name] } = parameter;
      for (const name of members) {
        const tensor = parameters.get(name)!;
        if (name.startsWith(OPTIMIZER) && initial?.kind === 'constant')
          parameters.set(name, { ...tensor, data: tensor.data.map(() => initial.value) });
      }
    }
  }
  const call = (routine: Routine, batch: number): void => {
    const inputs = new Map(routine.given.inputs);
    if (inputs.has(RANDOM_KEY))
      inputs.set(RANDOM_KEY, { dtype: 'u32', shape: [2], data: Float64Array.of(seed, batch) });
    for (const [name, { tensor, into }] of outputsOf(routine, arithmetic, { ...routine.given, inputs, parameters })) {
      const parameter = routine.fused.parameters.find((one) => one.name === into);
      if (!parameter) answers.set(keyOf(routine.name, name), tensor);
      else for (const [member, part] of splitParameter(parameter, tensor)) parameters.set(member, part);
    }
  };
  const named = (name: string): Routine => routines.find((one) => one.name === name)!;
  call(named('evaluate'), 0);
  if (!optimizer) return answers;
  for (let batch = 0; batch < accumulate; batch++) call(named(accumulate > 1 ? 'accumulate' : 'step'), batch);
  if (accumulate > 1) call(named('update'), 0);
  for (const [name, tensor] of parameters) if (!name.startsWith(OPTIMIZER)) answers.set(keyOf('weights', name), tensor);
  return answers;
}

/** What a target answers; some outputs cannot be asked for. */
async function answersOn(subject: Subject, candidate: Candidate, alter: Alter): Promise<Found> {
  const { module, compiled, weights } = subject;
  const { target, engine } = candidate;
  const emitted = alter(compiled, target);
  const found = new Map<string, ArrayLike<number>>();
  const add = (routine: string, outputs: { readonly [name: string]: { readonly data: ArrayLike<number> } }): void => {
    for (const [name, { data }] of Object.entries(outputs)) found.set(keyOf(routine, name), Array.from(data));
  };
  if (module.training) await trainOn(subject, candidate, alter, add);
  else if (module.generation) await generateOn(subject, candidate, alter, add);
  if (module.training) return found;
  const model = await modelOf(emitted, target, weights, engine);
  try {
    const { given, name } = subject.routines.find((one) => one.name === 'run')!;
    const options = { dims: Object.fromEntries(given.symbols), seed: subject.seed };
    add(name, await model.run(givenTo(given), options));
  } finally {
    model.dispose();
  }
  return found;
}

type Add = (routine: string, outputs: { readonly [name: string]: { readonly data: ArrayLike<number> } }) => void;

async function trainOn(
  { module, compiled, weights, routines, seed }: Subject,
  candidate: Candidate,
  alter: Alter,
  add: Add,
) {
  const { target, engine } = candidate;
  const trainer = await createTrainer({ ...(await partsOf(alter(compiled, target), target, weights, engine)), seed });
  try {
    const batch = givenTo(routines.find(({ name }) => name === 'evaluate')!.given, trainer.inputs);
    const { loss, metrics } = await trainer.evaluate([batch]);
    add('evaluate', { ...(await trainer.predict(batch)), ...numbers({ ...metrics, loss }) });
    if (!module.training!.optimizer) return;
    for (let at = 0; at < module.training!.accumulate; at++) {
      const step = await trainer.step(batch);
      const routine = module.training!.accumulate > 1 ? 'accumulate' : 'step';
      add(routine, numbers({ ...step.metrics, loss: step.loss }));
    }
    add('weights', Object.fromEntries(await trainer.weights()));
  } finally {
    trainer.dispose();
  }
}

async function generateOn(subject: Subject, { target, engine }: Candidate, alter: Alter, add: Add): Promise<void> {
  const { module, compiled, weights, routines, prompts, seed } = subject;
  const parts = await partsOf(alter(compiled, target), target, weights, engine);
  const model = await createGenerativeModel(parts);
  try {
    const { inputs } = routines.find(({ name }) => name === 'run')!.given;
    const options = { ...SAMPLING, seed, tokens: 2, logits: true, inputs: textInputs(module.generation!, inputs) };
    const steps = routines.filter(({ name }) => name !== 'run');
    let at = 0;
    for await (const { tokens, logits } of model.generate(prompts, options)) {
      const routine = steps[at++]!;
      add(routine.name, { [TOKEN]: { data: tokens }, [LOGITS]: { data: logits! } });
      // What follows another token is another text.
      const next = steps[at]?.given.inputs.get(module.generation!.input);
      if (next && next.data.some((token, row) => token !== tokens[row])) return;
    }
  } finally {
    model.dispose();
  }
}

function numbers(values: { readonly [name: string]: number }): {
  readonly [name: string]: { readonly data: number[] };
} {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { data: [value] }]));
}

/** The inputs that a caller gives. */
function givenTo({ inputs }: Given, wanted?: readonly { readonly name: string }[]): Inputs {
  const isWanted = (name: string): boolean =>
    name !== RANDOM_KEY && (!wanted || wanted.some((input) => input.name === name));
  return Object.fromEntries([...inputs].flatMap(([name, tensor]) => (isWanted(name) ? [[name, toInput(tensor)]] : [])));
}
