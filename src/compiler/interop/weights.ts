/** Brings the tensors of a weights file and the parameters of a model together, by name. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import { editDistance } from '../base/suggest.ts';
import { ConversionError, isConvertible, storedType, toElements } from '../../program/convert.ts';
import type { ElementType } from '../../program/program.ts';
import { parseSafetensors, SafetensorsError, type StoredTensor } from '../../program/safetensors.ts';

export interface WeightParameter {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  /** It may be missing: then its first value is drawn. */
  readonly isDrawn?: true;
}

type Tensors = ReadonlyMap<string, StoredTensor>;
type WeightCode = 'HED3002' | 'HED3003' | 'HED3004' | 'HED3005';

/** Parses a file; reports HED3001 and answers undefined when it is malformed. `path` is how the user names it. */
export function readWeights(path: string, bytes: Uint8Array<ArrayBuffer>, sink: DiagnosticSink): Tensors | undefined {
  try {
    return parseSafetensors(bytes).tensors;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    sink.report(diagnostic('HED3001', undefined, `${path} is no sound safetensors file: ${error.message}`));
    return undefined;
  }
}

/** The tensors whose names begin with `prefix`, without it. */
export function withoutPrefix(tensors: Tensors, prefix: string): Tensors {
  const chosen = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(chosen.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/**
 * A tensor for every parameter but those that may be drawn, in the parameter's own type, in the order of the parameters. Reports missing (HED3002),
 * surplus (HED3003), misshapen (HED3004) and wrongly typed (HED3005) tensors, all of a kind in one diagnostic;
 * undefined when there was one. `path` names the weights in messages.
 */
export function bindWeights(
  parameters: readonly WeightParameter[],
  tensors: Tensors,
  sink: DiagnosticSink,
  path = 'the weights',
): Tensors | undefined {
  const own = new Set(parameters.map(({ name }) => name));
  const surplus = [...tensors].filter(([name]) => !own.has(name));
  const missing = parameters.filter(({ name, isDrawn }) => !isDrawn && !tensors.has(name));
  const misshapen: string[] = [];
  let isTurned = false;
  const mistyped: string[] = [];
  const bound = new Map<string, StoredTensor>();
  for (const parameter of parameters) {
    const tensor = tensors.get(parameter.name);
    if (!tensor) continue;
    if (String(tensor.shape) !== String(parameter.shape)) {
      isTurned ||= String(tensor.shape.toReversed()) === String(parameter.shape);
      misshapen.push(`${parameter.name}: ${describeShape(tensor.shape)} against ${describe(parameter)}`);
      continue;
    }
    const converted = convert(tensor, parameter);
    if (typeof converted === 'string') mistyped.push(`${parameter.name}: ${converted}`);
    else bound.set(parameter.name, converted);
  }
  const report = (code: WeightCode, notes: string[], what: string, hint?: string): void => {
    if (notes.length > 0) sink.report(diagnostic(code, undefined, what, { notes, hint }));
  };
  report(
    'HED3002',
    missing.map((parameter) => `${parameter.name}: ${describe(parameter)}${suggestion(parameter, surplus)}`),
    `${path} lack ${count(missing.length, 'tensor')} of ${count(parameters.length, 'parameter')}`,
    surplus.length > 0 ? 'tensors under other names are mapped by `--rename MAP.json`' : undefined,
  );
  report(
    'HED3003',
    surplus.map(([name, { dtype, shape }]) => `${name}: ${dtype} ${describeShape(shape)}`),
    `${path} hold ${count(surplus.length, 'tensor')} that ${surplus.length === 1 ? 'belongs' : 'belong'} to no parameter`,
  );
  report(
    'HED3004',
    misshapen,
    `${path} hold ${count(misshapen.length, 'tensor')} of another shape than the parameter`,
    isTurned ? 'a rule of a rename map with `"transpose": true` turns a tensor' : undefined,
  );
  report('HED3005', mistyped, `${path} hold ${count(mistyped.length, 'tensor')} of another type than the parameter`);
  const isComplete = missing.length + surplus.length + misshapen.length + mistyped.length === 0;
  return isComplete ? bound : undefined;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function describeShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function describe({ dtype, shape }: WeightParameter): string {
  return dtype + describeShape(shape);
}

/** Of the unmatched tensors with the same shape, the one with the nearest name. */
function suggestion(parameter: WeightParameter, surplus: readonly (readonly [string, StoredTensor])[]): string {
  const alike = surplus.filter(([, { shape }]) => String(shape) === String(parameter.shape)).map(([name]) => name);
  if (alike.length === 0) return '';
  const distance = (name: string): number => editDistance(parameter.name, name);
  const nearest = alike.reduce((best, name) => (distance(name) < distance(best) ? name : best));
  return `; did you mean ${nearest}?`;
}

/** The tensor in the type of the parameter, or why it has none. */
function convert(tensor: StoredTensor, { dtype }: WeightParameter): StoredTensor | string {
  const wanted = storedType(dtype);
  if (tensor.dtype === wanted) return tensor;
  if (!isConvertible(tensor.dtype, dtype)) return `${tensor.dtype} does not convert to ${dtype}`;
  try {
    const elements = toElements(tensor, dtype);
    const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
    return { dtype: wanted, shape: tensor.shape, bytes };
  } catch (error) {
    if (error instanceof ConversionError) return error.message;
    throw error;
  }
}
