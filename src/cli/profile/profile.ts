/** `heddle profile`: where the time of a run goes, by kernel and by block, beside what the machine can do. */
import { printFlame } from '../../compiler/inspect/profile/page.ts';
import { makeReport, type ProfileReport } from '../../compiler/inspect/profile/report.ts';
import {
  blockCells,
  BLOCKS_HEAD,
  PROFILE_HEAD,
  profileCells,
  profileJson,
  summaryCells,
} from '../../compiler/inspect/profile/table.ts';
import type { TargetName } from '../../program/program.ts';
import { ELEMENT_BYTES, elementCount } from '../../program/safetensors.ts';
import { evaluateSize, type Dims } from '../../program/size.ts';
import { checkMemory } from '../../runtime/devices/device.ts';
import { bindDims } from '../../runtime/dims.ts';
import { givenInputs } from '../../program/training.ts';
import { readInputs } from '../../runtime/inputs.ts';
import { modelRoutine } from '../../runtime/routine.ts';
import { checkDims, type GivenDims } from '../dims.ts';
import { EXIT, Failure, printNote, UsageError } from '../errors.ts';
import { checkWritable, exists, isFolder, writeWhole } from '../files.ts';
import { colorsFor, type Io, withProgress } from '../io.ts';
import { type EngineOptions, type GivenInput, inputsOf } from '../runnable.ts';
import { chooseInputs, type InputFile, readInputFile } from '../run.ts';
import type { SpecOptions } from '../spec.ts';
import { alignColumns, count } from '../table.ts';
import { measureCeilings } from './ceilings.ts';
import { type Effort, repetitionNote } from './measure.ts';
import { measureTrial } from './measure-trial.ts';
import { drawInput } from './random.ts';
import { compileSubject, loadSubject, type Subject } from './subject.ts';

export interface ProfileOptions extends SpecOptions, EngineOptions {
  readonly inputs?: string;
  readonly dims?: GivenDims;
  readonly target?: TargetName;
  readonly runs?: number;
  readonly seconds?: number;
  readonly depth?: number;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly out?: string;
}

export async function profile(path: string, options: ProfileOptions, io: Io): Promise<number> {
  if (options.runs !== undefined && options.seconds !== undefined)
    throw new UsageError('--runs and --seconds say the same in two ways; give one of them');
  if (!exists(path, io)) throw new Failure(`there is no spec and no artifact ${path}`);
  if (options.out !== undefined) checkWritable(options.out, io);
  const file = options.inputs === undefined ? undefined : await readInputFile(options.inputs, io);
  const known = file ? { ...options, atHand: [...file.found.keys()] } : options;
  const subject = await withProgress(io, `compiling ${path}`, () => open(path, known, io));
  const report = await withProgress(io, `measuring ${subject.model.name}`, (update) =>
    measure(subject, file, options, update, io),
  );
  if (options.out !== undefined) await writeWhole(options.out, new TextEncoder().encode(printFlame(report)), io);
  if (options.json) io.stdout.write(`${JSON.stringify(profileJson(report), undefined, 2)}\n`);
  else io.stdout.write(reportText(report, options, io));
  return EXIT.fine;
}

const SPEC_ONLY = ['entry', 'set', 'given', 'weights', 'rename', 'tap', 'quantize'] as const;

async function open(path: string, options: ProfileOptions, io: Io): Promise<Subject> {
  const { target } = options;
  const wasmOnly = (['simd', 'tile', 'threads'] as const).find((name) => options[name] !== undefined);
  if (wasmOnly && target !== undefined && target !== 'wasm')
    throw new UsageError(`--${wasmOnly} is for wasm and cannot be combined with --target ${target}`);
  if (!isFolder(path, io)) return compileSubject(path, target ?? 'wasm', options, io);
  const wrong = SPEC_ONLY.find((name) => options[name] !== undefined);
  if (wrong) throw new UsageError(`--${wrong} is for specs, but ${path} is an artifact, which is compiled already`);
  return loadSubject(path, target, options, io);
}

const DEFAULT_SECONDS = 3;

/** How often steps are measured, and how often those of the ceilings, which do nothing else and soon show their best. */
function effortsOf({ runs, seconds = DEFAULT_SECONDS }: ProfileOptions): {
  readonly steps: Effort;
  readonly ceilings: Effort;
} {
  if (runs === undefined) return { steps: lasting(seconds), ceilings: lasting(1.5) };
  const few = Math.min(runs, 20);
  return { steps: { least: runs, most: runs, seconds: 0 }, ceilings: { least: few, most: few, seconds: 0 } };
}

function lasting(seconds: number): Effort {
  return { least: 3, most: 2000, seconds };
}

async function measure(
  subject: Subject,
  file: InputFile | undefined,
  options: ProfileOptions,
  update: (text: string) => void,
  io: Io,
): Promise<ProfileReport> {
  const { model, program, target, declared, facts } = subject;
  const chosen = checkDims(options.dims ?? new Map(), { name: model.name, dims: declared });
  const inputs = file ? inputsOf(model, chooseInputs(model, file, io)) : randomInputs(subject, chosen, io);
  const given = Object.fromEntries(chosen);
  const routine = modelRoutine(program);
  const dims = bindDims(declared, readInputs(givenInputs(routine.inputs), inputs), given);
  const efforts = effortsOf(options);
  const trial = { model, inputs, options: { dims: given }, steps: routine };
  const { steps, whole, samples } = await measureTrial(trial, efforts.steps);
  await model.run(inputs, trial.options);
  const { multiplyAdds } = model;
  update('measuring the ceilings');
  const { simd, threads } = model;
  const engine = { ...(simd && { simd }), threads };
  const ceilings = await measureCeilings(target, engine, efforts.ceilings, io);
  model.dispose();
  return makeReport({
    name: model.name,
    target,
    engine: engineText(target, engine),
    dims,
    samples,
    whole,
    ...(multiplyAdds && { multiplyAdds }),
    ceilings,
    program,
    routine,
    facts: facts?.targets[target],
    times: steps,
  });
}

/** `wasm, relaxed SIMD, 2 threads, Node 24.1.0` */
function engineText(target: TargetName, { simd, threads = 1 }: EngineOptions): string {
  const module = simd === undefined ? [] : [`${simd} SIMD`];
  const team = threads === 1 ? [] : [count(threads, 'thread')];
  return [target, ...module, ...team, `Node ${process.versions.node}`].join(', ');
}

/**
 * Values for all inputs, of the sizes that the dimensions give. Throws UsageError for those without a size, HeddleError
 * 'memory' for inputs that are too large to run.
 */
function randomInputs({ model, declared, facts }: Subject, dims: Dims, io: Io): { [name: string]: GivenInput } {
  const missing = declared.filter(({ name }) => !dims.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    const example = missing.map((name) => `${name}=1`).join(',');
    throw new UsageError(
      `${model.name} needs a size for ${missing.join(' and ')}`,
      `give it with --dims ${example}, or inputs with --inputs FILE.safetensors`,
    );
  }
  if (model.inputs.length > 0) printNote('the inputs are random: there is no --inputs', io);
  const shapes = model.inputs.map(({ shape }) => shape.map((size) => evaluateSize(size, dims)));
  // The memory of a run holds all inputs, an element of any type in four bytes.
  checkMemory(ELEMENT_BYTES.F32 * shapes.reduce((total, sizes) => total + elementCount(sizes), 0));
  const tensors = model.inputs.map(({ name, dtype }, at) => {
    const limit = facts?.limits[name];
    const sizes = shapes[at]!;
    // Of an integer that is no position nothing is known, and small ones are as good as any.
    const bound = limit === undefined ? SMALL : Math.max(1, evaluateSize(limit, dims));
    return [name, drawInput(name, dtype, sizes, bound)] as const;
  });
  return inputsOf(model, new Map(tensors));
}

const SMALL = 2;

/** Rows of the table, of which the last sums up the others. */
const ROWS = 20;
const WIDTH = 100;
const DEPTH = 2;

function reportText(report: ProfileReport, { all = false, depth = DEPTH }: ProfileOptions, io: Io): string {
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const cells = profileCells(report, { all, most: all ? Infinity : ROWS });
  const rows = fitted([PROFILE_HEAD, ...cells], ['right', 'right', 'left', 'right', 'right', 'right', 'left']);
  const blocks = fitted([BLOCKS_HEAD, ...blockCells(report, depth)], ['left', 'right']);
  const table = ([head = '', ...lines]: readonly string[]): string[] => [dim(head), ...lines, ''];
  const note = report.target === 'webgpu' ? undefined : repetitionNote(report);
  const lines = [
    bold(report.name),
    ...alignColumns(summaryCells(report), ['left']),
    ...(note === undefined ? [] : [`${bold('note')}: ${note}`]),
    '',
    ...table(rows),
    ...(blocks.length > 1 ? table(blocks) : []),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Aligned rows that are cut where they leave the page. */
function fitted(rows: readonly (readonly string[])[], alignments: Parameters<typeof alignColumns>[1]): string[] {
  return alignColumns(rows, alignments).map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line));
}
