/**
 * Asks what was loaded for answers to inputs that a seed decides, and holds them against those that were stored when it was
 * compiled, or that another device gives. It finds a device that computes wrongly, not one that rounds otherwise.
 */
import type { GenerationSpec } from '../program/generation.ts';
import type { ElementType, Program, TargetName } from '../program/program.ts';
import { seededElement } from '../program/seeded.ts';
import { sampled, type SelfTest } from '../program/self-test.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../program/size.ts';
import type { Choice } from './choice.ts';
import { HeddleError } from './errors.ts';
import type { Inputs, Outputs } from './model.ts';
import type { TensorInfo } from './tensors.ts';

/** What can be tested: a model, with or without `generate`, and a trainer. */
export interface Testable {
  /** Set by a load that chose the device. */
  readonly choice?: Choice;
  readonly inputs: readonly TensorInfo[];
  dispose(): void;
}

/** The members of a model, of one that generates, and of a trainer that are used here. */
interface Runs {
  run(inputs: Inputs, options: object): Promise<Outputs>;
}
interface Generates {
  generate(prompt: readonly number[], options: object): AsyncIterable<{ readonly logits?: Float32Array }>;
}
interface Trains {
  predict(batch: Inputs): Promise<Outputs>;
  evaluate(batches: readonly Inputs[]): Promise<{ readonly loss: number }>;
  step(batch: Inputs): Promise<{ readonly loss: number }>;
  save(): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>;
  load(bytes: Uint8Array<ArrayBuffer>): Promise<void> | void;
}

export type Answers = SelfTest['answers'];

/** What is asked. */
export interface Question extends Pick<SelfTest, 'limits'> {
  readonly dims: Dims;
  readonly generation?: GenerationSpec | undefined;
  /** Whether a training has an optimizer. */
  readonly learns?: boolean;
  /** What of an output is an answer; by default, some elements. */
  readonly sample?: typeof sampled;
}

/** Leaves what was loaded as it was. Rejects with HeddleError. */
export async function answersOf(loaded: Testable, question: Question): Promise<Answers> {
  const { dims, generation, sample = sampled } = question;
  const answers: { [name: string]: (number | null)[] } = {};
  const add = (outputs: { readonly [name: string]: { readonly data: ArrayLike<number> } }): void => {
    for (const [name, { data }] of Object.entries(outputs)) answers[name] = sample(data);
  };
  const inputs = seededInputs(loaded.inputs, question);
  if ('predict' in loaded) {
    const trainer = loaded as Testable & Trains;
    add(await trainer.predict(inputs));
    add({ loss: { data: [(await trainer.evaluate([inputs])).loss] } });
    if (question.learns) add({ 'loss after a step': { data: [await lossAfterStep(trainer, inputs)] } });
    return answers;
  }
  add(await (loaded as Testable & Runs).run(inputs, { dims: Object.fromEntries(dims) }));
  if (generation) {
    const others = Object.fromEntries(generation.inputs.map((name) => [name, inputs[name]!]));
    const prompt = Array.from(
      { length: Math.min(3, generation.max - 1) },
      (_, at) => (5 * at + 1) % generation.vocabulary,
    );
    let at = 0;
    for await (const { logits } of (loaded as Testable & Generates).generate(prompt, {
      tokens: 2,
      temperature: 0,
      logits: true,
      inputs: others,
    }))
      add({ [`logits of token ${at++}`]: { data: logits! } });
  }
  return answers;
}

/** A training that is put back to where it was. A loss that is not finite is no number. */
async function lossAfterStep(trainer: Trains, batch: Inputs): Promise<number> {
  const saved = await trainer.save();
  try {
    await trainer.step(batch);
    return (await trainer.evaluate([batch])).loss;
  } catch (error) {
    if (error instanceof HeddleError && error.code === 'not-finite') return NaN;
    throw error;
  } finally {
    await trainer.load(saved);
  }
}

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

function seededInputs(inputs: readonly TensorInfo[], { dims, limits }: Question): Inputs {
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const sizes = shape.map((size) => evaluateSize(size, dims));
      const data = new ARRAYS[dtype as ElementType](sizes.reduce((product, size) => product * size, 1));
      const next = seededElement(name, dtype, Math.max(1, limits[name] ?? 2));
      for (let at = 0; at < data.length; at++) data[at] = next();
      return [name, { data, shape: sizes }];
    }),
  );
}

/** In parts of the largest element of an output: what sums in another order come to in deep models is a hundredth of it. */
const TOLERANCE = 1e-3;
/** The same where tensors between kernels are stored as f16, with eleven bits. */
const HALF_TOLERANCE = 5e-2;

/** How far the answers of a device may differ, in parts of the largest element of an output. */
export function toleranceOn(device: TargetName, { targets }: Program): number {
  const isHalf = device === 'webgpu' && targets.webgpu?.buffers.some(({ half }) => half);
  return isHalf ? HALF_TOLERANCE : TOLERANCE;
}

/** Where answers differ, in one line; undefined where they agree. */
export function difference(found: Answers, wanted: Answers, tolerance = TOLERANCE): string | undefined {
  for (const [name, values] of Object.entries(wanted)) {
    const own = found[name] ?? [];
    const largest = values.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
    const at = values.findIndex((value, place) => {
      const other = own[place];
      return value === null || typeof other !== 'number'
        ? value !== other
        : Math.abs(other - value) > tolerance * largest;
    });
    if (at >= 0) return `${name} is ${shown(own[at])} where it should be ${shown(values[at])}`;
  }
  return undefined;
}

function shown(answer: number | null | undefined): string {
  return answer === null ? 'not finite' : String(answer);
}

/** What a load has for a self-test. */
export interface TestParts {
  readonly loaded: Testable;
  readonly program: Program;
  readonly device: TargetName;
  /** Devices that the artifact has beside webgpu. */
  readonly others: readonly TargetName[];
  /** Reads `self-test.json`, where it is there and the weights are those that it is of. */
  readonly stored: (() => Promise<Uint8Array<ArrayBuffer>>) | undefined;
  /** Loads the same on another device. */
  readonly load: (device: TargetName) => Promise<Testable>;
  readonly warn: (message: string) => void;
}

/** What is wrong with the device of what was loaded; undefined where nothing is, or nothing can be told. */
export async function faultOf(parts: TestParts): Promise<string | undefined> {
  const { loaded, program, device, stored, warn } = parts;
  if (stored) return faultBy(loaded, device, program, storedIn(await stored()));
  const other = parts.others.find((name) => name !== device);
  const question = other && smallQuestion(program);
  if (!question) {
    warn(`there is no self-test: the artifact has nothing to compare ${device} with`);
    return undefined;
  }
  const reference = await parts.load(other);
  try {
    return await faultBy(loaded, device, program, {
      ...question,
      answers: await answersTo(reference, program, question),
    });
  } finally {
    reference.dispose();
  }
}

/** Throws HeddleError 'program-malformed'. */
function storedIn(bytes: Uint8Array<ArrayBuffer>): SelfTest {
  const malformed = 'self-test.json is not what the compiler wrote';
  try {
    const test = JSON.parse(new TextDecoder().decode(bytes)) as Partial<SelfTest> | null;
    if (test?.dims && test.limits && test.answers) return test as SelfTest;
  } catch (error) {
    throw new HeddleError('program-malformed', malformed, { cause: error });
  }
  throw new HeddleError('program-malformed', malformed);
}

/** Where something loaded answers otherwise than it should, in one line. What fails in the course of it is wrong, too. */
async function faultBy(
  loaded: Testable,
  device: TargetName,
  program: Program,
  { dims, limits, answers }: SelfTest,
): Promise<string | undefined> {
  try {
    const found = await answersTo(loaded, program, { dims, limits });
    return difference(found, answers, toleranceOn(device, program));
  } catch (error) {
    if (error instanceof HeddleError) return error.message;
    throw error;
  }
}

/** The question of a test to a program. */
export async function answersTo(
  loaded: Testable,
  { generation, training }: Program,
  { dims, limits }: Pick<SelfTest, 'dims' | 'limits'>,
  sample = sampled,
): Promise<Answers> {
  const learns = training?.optimizer !== undefined;
  return answersOf(loaded, { dims: new Map(Object.entries(dims)), limits, generation, learns, sample });
}

/** Sizes that are tried, an odd one first, which leaves rests everywhere. */
const SIZES = [3, 2, 4, 8, 1, 16, 32, 64];

/** A test of the least dimensions for which all conditions hold; undefined where none of those tried are. */
export function smallQuestion({ dims, targets, generation }: Program): Pick<SelfTest, 'dims' | 'limits'> | undefined {
  const routines = Object.values(targets).flatMap((target) => target.routines);
  const conditions = routines.flatMap((routine) => routine.conditions ?? []);
  const limits = generation ? { [generation.input]: generation.vocabulary } : {};
  for (const size of SIZES) {
    const chosen = Object.fromEntries(dims.map(({ name, max = size }) => [name, Math.min(max, size)]));
    const values = new Map(Object.entries(chosen));
    if (conditions.every((condition) => holds(condition.size, values))) return { dims: chosen, limits };
  }
  return undefined;
}

function holds(size: SizeExpr, dims: Dims): boolean {
  try {
    return evaluateSize(size, dims) >= 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
