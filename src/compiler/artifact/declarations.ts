/** Writes the types of an artifact's `index.js`: literal input, output and dimension names, their arrays and shapes. */
import { ERROR_CODES } from '../../program/error-codes.ts';
import {
  isCounting,
  type ElementType,
  type Program,
  type ProgramTiles,
  type TargetProgram,
  type TensorSpec,
} from '../../program/program.ts';
import { namesIn, printShape, type SizeExpr } from '../../program/size.ts';
import { givenInputs } from '../../program/training.ts';
import { members, property, quoted } from './declaration-text.ts';
import { choiceMember, choiceType, deviceOptions } from './device-declarations.ts';
import { generateMethod, generationTypes } from './generation-declarations.ts';

/** The array that holds elements of each type, and the elements of a plain array. */
const TYPES: Readonly<Record<ElementType, { readonly array: string; readonly element: string }>> = {
  f32: { array: 'Float32Array', element: 'number' },
  i32: { array: 'Int32Array', element: 'number' },
  u32: { array: 'Uint32Array', element: 'number' },
  bool: { array: 'Uint8Array', element: 'boolean' },
};

/** The text of `index.d.ts`. `hasWeights` tells whether the artifact carries its weights. */
export function declarations(program: Program, hasWeights: boolean): string {
  const [target] = Object.values(program.targets);
  const { routines: [routine] = [], weights = [] } = target ?? {};
  const { outputs = [] } = routine ?? {};
  const inputs = givenInputs(routine?.inputs ?? []);
  const draws = inputs.length < (routine?.inputs.length ?? 0);
  const needsWeights = !hasWeights && weights.length > 0;
  return [
    `/** Types of ${program.name}, compiled by Heddle. */`,
    SHARED,
    ...deviceTypes(program),
    dimTypes(program),
    inputTypes(program, inputs),
    outputTypes(program, outputs),
    runOptions(program, inputs, outputs, draws),
    LOAD_PROGRESS,
    ...choiceType(program),
    loadOptions(program, { isNeeded: needsWeights, doc: needsWeights ? 'The weights' : 'Other weights' }),
    ...(program.generation ? [generationTypes(inputs, program.generation)] : []),
    model(program, inputs, outputs),
    errorClass(),
    `/** Loads the model from the files beside this one. Rejects with HeddleError, or with the reason of \`signal\`. */
export function load(options${needsWeights ? '' : '?'}: LoadOptions): Promise<Model>;
`,
  ].join('\n\n');
}

export const SHARED = `/** Row-major values whose shape follows from their number, or values with their shape. */
export type Tensor<Values, Shape extends readonly number[]> =
  Values | { readonly data: Values; readonly shape?: Shape };

/** An input or output. In \`shape\`, names are those of dimensions, and lists are sums, products and the like of sizes. */
export interface TensorInfo<Name extends string, Type extends string, Shape extends readonly unknown[]> {
  readonly name: Name;
  readonly dtype: Type;
  readonly shape: Shape;
}`;

/** Which weights an artifact is given. */
export interface WeightsOption {
  readonly isNeeded: boolean;
  readonly doc: string;
}

export const LOAD_PROGRESS = `export interface LoadProgress {
  /** The files arrive at the same time; \`pipelines\` are kernels that are compiled for the GPU; \`prepare\` is what is computed once for all runs. */
  readonly phase: 'program' | 'kernels' | 'weights' | 'pipelines' | 'prepare';
  /** Bytes; in the phase \`pipelines\` kernels, and in \`prepare\` kernel calls. */
  readonly loaded: number;
  /** Absent where a server does not say how long a file is. */
  readonly total?: number;
}`;

function describe({ dtype, shape }: TensorSpec): string {
  return dtype + printShape(shape);
}

export function targetTypes(program: Program): string {
  return Object.keys(program.targets).map(quoted).join(' | ');
}

/** Every element has a label, as older compilers want all or none: dimensions their names. */
function tupleType(shape: readonly SizeExpr[]): string {
  const axes = shape.map((size, axis) => {
    const label = typeof size === 'string' ? size : `axis${axis}`;
    return `${label}: ${typeof size === 'number' ? size : 'number'}`;
  });
  return `readonly [${axes.join(', ')}]`;
}

/** A size as `TensorInfo` shows it. */
function sizeType(size: SizeExpr): string {
  if (typeof size === 'object') return `readonly [${size.map((part) => sizeType(part)).join(', ')}]`;
  return typeof size === 'number' ? String(size) : quoted(size);
}

export function dimTypes({ name, dims }: Program): string {
  const lines = dims.flatMap((dim) => [
    ...(dim.max === undefined ? [] : [`/** At most ${dim.max}. */`]),
    `readonly ${property(dim.name)}: number;`,
  ]);
  return `/** The dimensions of ${name} that a run decides. */\nexport interface Dims ${members(lines)}`;
}

export function inputTypes(program: Program, inputs: readonly TensorSpec[]): string {
  const lines = inputs.flatMap((input) => {
    const { array, element } = TYPES[input.dtype];
    const scalar = input.shape.length === 0 ? `${element} | ` : '';
    const tensor = `Tensor<${array} | readonly ${element}[], ${tupleType(input.shape)}>`;
    const onGpu = program.targets.webgpu ? ` | DeviceTensor<${tupleType(input.shape)}>` : '';
    return [`/** ${describe(input)} */`, `readonly ${property(input.name)}: ${scalar}${tensor}${onGpu};`];
  });
  return `/** The inputs of ${program.name}. */\nexport interface Inputs ${members(lines)}`;
}

/** Of programs for webgpu, tensors that stay on the GPU. */
export function deviceTypes({ targets }: Program): string[] {
  if (!targets.webgpu) return [];
  return [
    `/** GPUBuffer, where its type is known. */
export type DeviceBuffer = typeof globalThis extends { readonly GPUBuffer: { readonly prototype: infer Known } }
  ? Known
  : { readonly size: number; readonly usage: number };

/** A buffer of the GPU that runs the model: its elements in row-major order, four bytes each, bool as 0 or 1. */
export interface DeviceTensor<Shape extends readonly number[]> {
  readonly buffer: DeviceBuffer;
  readonly shape: Shape;
}`,
  ];
}

/** `kind` says what the data are. */
export function outputTypes(
  program: Program,
  outputs: readonly TensorSpec[],
  kind = 'views that are valid until the next run, of shared memory where there are threads',
): string {
  const lines = outputs.flatMap((output) => {
    const { array } = TYPES[output.dtype];
    const type = `{ readonly data: ${array}; readonly shape: ${tupleType(output.shape)} }`;
    return [`/** ${describe(output)} */`, `readonly ${property(output.name)}: ${type};`];
  });
  return `/** The outputs of ${program.name}: ${kind}. */
export interface Outputs ${members(lines)}`;
}

/** Dimensions of which no input says anything: every run must be told them. */
function untoldDims({ dims }: Program, inputs: readonly TensorSpec[]): string[] {
  const told = new Set(inputs.flatMap(({ shape }) => shape.flatMap((size) => [...namesIn(size)])));
  return dims.flatMap(({ name }) => (told.has(name) ? [] : [name]));
}

function runOptions(
  program: Program,
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  draws: boolean,
): string {
  const untold = untoldDims(program, inputs);
  const needed = untold.length > 0 ? ` & Pick<Dims, ${untold.map(quoted).join(' | ')}>` : '';
  const receivers = outputs.map(({ name, dtype }) => `readonly ${property(name)}?: ${TYPES[dtype].array};`).join(' ');
  return `export interface RunOptions ${members([
    '/** Dimensions that the shapes of the inputs do not tell. */',
    `readonly dims${needed ? '' : '?'}: Partial<Dims>${needed};`,
    ...(draws
      ? [
          '/** The random numbers of a run are those of its seed, an integer from 0, the default, to 2^32 - 1. */',
          'readonly seed?: number;',
        ]
      : []),
    '/** Arrays to receive outputs, which then outlive the next run. */',
    `readonly outputs?: { ${receivers} };`,
  ])}`;
}

/** What a load takes: `weights` says of which, and whether they are needed; `more` are options besides. */
export function loadOptions(program: Program, weights: WeightsOption, more: readonly string[] = []): string {
  return `export interface LoadOptions ${members([
    '/** What runs the kernels; by default wasm where it is compiled in and allowed, else js, else webgpu. */',
    `readonly target?: ${targetTypes(program)};`,
    ...deviceOptions(program),
    ...(program.targets.wasm
      ? [
          '/** Which module of wasm runs; by default relaxed, with fused multiply-adds, where the engine has relaxed SIMD. */',
          "readonly simd?: 'strict' | 'relaxed';",
          ...tileOption(program.targets.wasm),
        ]
      : []),
    ...(program.targets.webgpu
      ? [
          '/** For webgpu, in place of navigator.gpu: in Node, what create([]) of the package webgpu answers; or a GPUDevice to share. */',
          'readonly gpu?: { requestAdapter(options?: object): Promise<object | null> } | { createBuffer(descriptor: never): object };',
          '/** For webgpu, which GPU of a machine that has two; by default the faster one. */',
          "readonly powerPreference?: 'high-performance' | 'low-power';",
        ]
      : []),
    ...(program.targets.wasm
      ? [
          '/** How many threads run the model on wasm: 1 by default, at most 64. */',
          'readonly threads?: number;',
          '/** Told in one line what is other than it should be, in place of `console.warn`. */',
          'readonly onWarning?: (message: string) => void;',
        ]
      : []),
    `/** ${weights.doc}, a safetensors file: its location or its bytes. */`,
    `readonly weights${weights.isNeeded ? '' : '?'}: URL | string | Uint8Array | ArrayBuffer;`,
    ...more,
    '/** Told of what has arrived and been prepared. What it throws ends the load. */',
    'readonly onProgress?: (progress: LoadProgress) => void;',
    '/** Ends the load, which then rejects with its reason. */',
    'readonly signal?: AbortSignal;',
  ])}`;
}

function tileNames({ candidates }: ProgramTiles): string {
  return candidates.map(({ rows, columns }) => quoted(`${rows}x${columns}`)).join(' | ');
}

function tileOption({ tiles }: TargetProgram): string[] {
  if (!tiles) return [];
  const doc =
    '/** The register tile of the products on wasm; by default the fastest in a trial of a few milliseconds. */';
  return [doc, `readonly tile?: ${tileNames(tiles)};`];
}

/** What a model on wasm tells of how it runs. */
export function engineTypes({ tiles }: TargetProgram): string {
  const tile = tiles
    ? `  /** For wasm, the register tile of the products. */\n  readonly tile?: ${tileNames(tiles)};\n`
    : '';
  return `  /** For wasm, the module that runs. */\n  readonly simd?: 'strict' | 'relaxed';\n${tile}`;
}

/** What a program tells of its experts' work, if it counts that on any target. */
export function multiplyAddsType({ targets }: Program, what: string): string {
  if (!Object.values(targets).some(isCounting)) return '';
  return `  /**
   * Of the experts in the last ${what}: multiply-adds executed, and those if every expert saw every token. Absent before it.
   */
  readonly multiplyAdds?: { readonly executed: number; readonly dense: number } | undefined;
`;
}

/** The type of a list of `TensorInfo`. */
export function infoTypes(specs: readonly TensorSpec[]): string {
  const types = specs.map(({ name, dtype, shape }) => {
    const sizes = `readonly [${shape.map(sizeType).join(', ')}]`;
    return `TensorInfo<${quoted(name)}, ${quoted(dtype)}, ${sizes}>`;
  });
  return `readonly [${types.join(', ')}]`;
}

const KEEPING_RUN = `  /** The same on webgpu, but that the outputs in \`keep\` stay on the GPU, where they are valid until the next run. */
  run<Kept extends keyof Outputs>(
    inputs: Inputs,
    options: RunOptions & { readonly keep: readonly Kept[] },
  ): Promise<Omit<Outputs, Kept> & { readonly [Name in Kept]: DeviceTensor<Outputs[Name]['shape']> }>;
`;

function model(program: Program, inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): string {
  const optional = untoldDims(program, inputs).length > 0 ? '' : '?';
  return `export interface Model {
  readonly name: ${quoted(program.name)};
  readonly target: ${targetTypes(program)};
${program.targets.wasm ? engineTypes(program.targets.wasm) : ''}  /** How many threads run it. */
  readonly threads: number;
${choiceMember(program)}  readonly inputs: ${infoTypes(inputs)};
  readonly outputs: ${infoTypes(outputs)};
${multiplyAddsType(program, 'run')}  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites; await each before the next. Rejects with HeddleError.
   */
  run(inputs: Inputs, options${optional}: RunOptions): Promise<Outputs>;
${program.targets.webgpu ? KEEPING_RUN : ''}  /** The same, at once; on the main thread of a page by that thread alone. Throws HeddleError. */
  runSync(inputs: Inputs, options${optional}: RunOptions): Outputs;
${program.generation ? generateMethod(program.generation) : ''}  /** Frees the memory and ends the threads. Later runs fail with the code 'disposed'. */
  dispose(): void;
}`;
}

export function errorClass(): string {
  const codes = Object.entries(ERROR_CODES).map(([code, meaning]) => `/** ${meaning} */\n  | '${code}'`);
  return `export type ErrorCode =
  ${codes.join('\n  ')};

/** Every failure of the loader and the model. */
export class HeddleError extends Error {
  readonly code: ErrorCode;
}`;
}
