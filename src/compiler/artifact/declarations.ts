/** Writes the types of an artifact's `index.js`: literal input, output and dimension names, and their arrays. */
import { ERROR_CODES } from '../../program/error-codes.ts';
import type { ElementType, Program, TargetProgram, TensorSpec } from '../../program/program.ts';
import { printShape } from '../../program/size.ts';

/** The array that holds elements of each type, and the elements of a plain array. */
const TYPES: Readonly<Record<ElementType, { readonly array: string; readonly element: string }>> = {
  f32: { array: 'Float32Array', element: 'number' },
  i32: { array: 'Int32Array', element: 'number' },
  u32: { array: 'Uint32Array', element: 'number' },
  bool: { array: 'Uint8Array', element: 'boolean' },
};

/** The text of `index.d.ts`. `hasWeights` tells whether the artifact carries its weights. */
export function declarations(program: Program, hasWeights: boolean): string {
  const [target] = Object.values(program.targets) as readonly TargetProgram[];
  const needsWeights = !hasWeights && target !== undefined && target.weights.length > 0;
  return [
    `/** Types of ${program.name}, compiled by Heddle. */`,
    SHARED,
    inputTypes(program, target?.inputs ?? []),
    outputTypes(program, target?.outputs ?? []),
    runOptions(program, target?.outputs ?? []),
    loadOptions(program, needsWeights),
    MODEL(Object.keys(program.targets).map(quoted).join(' | ')),
    errorClass(),
    `/** Loads the model from the files beside this one. Rejects with HeddleError. */
export function load(options${needsWeights ? '' : '?'}: LoadOptions): Promise<Model>;
`,
  ].join('\n\n');
}

const SHARED = `/** Row-major values whose shape follows from their number, or values with their shape. */
export type Tensor<Values> = Values | { readonly data: Values; readonly shape?: readonly number[] };`;

const MODEL = (targets: string): string => `export interface Model {
  readonly name: string;
  readonly target: ${targets};
  /**
   * Runs the model. Repeated runs with the same dimensions allocate no buffers and return the same object, whose data
   * the next run overwrites. Rejects with HeddleError.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The same, at once. Throws HeddleError. */
  runSync(inputs: Inputs, options?: RunOptions): Outputs;
  /** Frees the memory. Later runs fail with the code 'disposed'. */
  dispose(): void;
}`;

function quoted(text: string): string {
  return `'${text}'`;
}

/** A property name: quoted unless it is an identifier. */
function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function describe({ dtype, shape }: TensorSpec): string {
  return dtype + printShape(shape);
}

function members(lines: readonly string[]): string {
  return lines.length === 0 ? '{}' : `{\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}

function inputTypes(program: Program, inputs: readonly TensorSpec[]): string {
  const lines = inputs.flatMap((input) => {
    const { array, element } = TYPES[input.dtype];
    const scalar = input.shape.length === 0 ? `${element} | ` : '';
    return [
      `/** ${describe(input)} */`,
      `readonly ${property(input.name)}: ${scalar}Tensor<${array} | readonly ${element}[]>;`,
    ];
  });
  return `/** The inputs of ${program.name}. */\nexport interface Inputs ${members(lines)}`;
}

function outputTypes(program: Program, outputs: readonly TensorSpec[]): string {
  const lines = outputs.flatMap((output) => {
    const shape = output.shape.map((size) => (typeof size === 'number' ? size : 'number')).join(', ');
    return [
      `/** ${describe(output)} */`,
      `readonly ${property(output.name)}: { readonly data: ${TYPES[output.dtype].array}; readonly shape: readonly [${shape}] };`,
    ];
  });
  return `/** The outputs of ${program.name}: views that are valid until the next run. */
export interface Outputs ${members(lines)}`;
}

function runOptions(program: Program, outputs: readonly TensorSpec[]): string {
  const dims = program.dims.map(({ name }) => `readonly ${property(name)}?: number;`).join(' ');
  const receivers = outputs.map(({ name, dtype }) => `readonly ${property(name)}?: ${TYPES[dtype].array};`).join(' ');
  return `export interface RunOptions ${members([
    '/** Dimensions that the shapes of the inputs do not tell. */',
    `readonly dims?: { ${dims} };`,
    '/** Arrays to receive outputs, which then outlive the next run. */',
    `readonly outputs?: { ${receivers} };`,
  ])}`;
}

function loadOptions(program: Program, needsWeights: boolean): string {
  const targets = Object.keys(program.targets).map(quoted).join(' | ');
  return `export interface LoadOptions ${members([
    '/** What runs the kernels; by default wasm where it is compiled in and allowed, else js. */',
    `readonly target?: ${targets};`,
    needsWeights
      ? '/** The weights, a safetensors file: its location or its bytes. */'
      : '/** Other weights, a safetensors file: its location or its bytes. */',
    `readonly weights${needsWeights ? '' : '?'}: URL | string | Uint8Array | ArrayBuffer;`,
  ])}`;
}

function errorClass(): string {
  const codes = Object.entries(ERROR_CODES).map(([code, meaning]) => `/** ${meaning} */\n  | '${code}'`);
  return `export type ErrorCode =
  ${codes.join('\n  ')};

/** Every failure of the loader and the model. */
export class HeddleError extends Error {
  readonly code: ErrorCode;
}`;
}
