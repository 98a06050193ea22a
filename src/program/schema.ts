/**
 * Checks that a value read from `program.json` is a Program: types, indices in range, version. What passes here can be
 * run without further checks; what is only for training is checked by `training-schema.ts`. Knows nothing of where the value came from.
 */
import {
  PROGRAM_VERSION,
  SIMD_VARIANTS,
  type BufferSpec,
  type Program,
  type TargetProgram,
  type TensorSpec,
  type WeightSpec,
} from './program.ts';
import { index, list, oneOf, ProgramError, record, text, unique, type Check, type Fields } from './fields.ts';
import { checkDispatch, checkExecuted, checkGpu } from './gpu-schema.ts';
import { elementCount } from './safetensors.ts';
import type { SizeExpr } from './size.ts';

export { ProgramError } from './fields.ts';

/** Elements between places at which a GPU may bind a buffer. */
const WITHIN_ALIGNED = 64;

/** Size expressions nest no deeper than this in a sound program. */
const MAX_DEPTH = 64;

/** Returns `value` itself, typed. Throws ProgramError. */
export function checkProgram(value: unknown): Program {
  const program = record(value, '');
  if (program['version'] !== PROGRAM_VERSION) {
    const message = `the program has format version ${JSON.stringify(program['version'])}, this runtime reads ${PROGRAM_VERSION}`;
    throw new ProgramError('version', message, true);
  }
  text(program['name'], 'name');
  const dims = new Set<string>();
  list(program['dims'], 'dims', (item, path) => {
    const dim = record(item, path);
    unique(text(dim['name'], `${path}.name`), `${path}.name`, dims);
    if (dim['max'] !== undefined) index(dim['max'], `${path}.max`);
  });
  for (const [name, target] of Object.entries(record(program['targets'], 'targets'))) {
    if (target !== undefined) checkTarget(record(target, `targets.${name}`), `targets.${name}`, dims);
  }
  if (program['work'] !== undefined) {
    for (const [name, item] of Object.entries(record(program['work'], 'work'))) {
      const work = record(item, `work.${name}`);
      for (const figure of ['multiplyAdds', 'bytes'])
        if (work[figure] !== undefined) checkSize(work[figure], `work.${name}.${figure}`, dims);
    }
  }
  return value as Program;
}

function checkTarget(target: Fields, at: string, dims: ReadonlySet<string>): void {
  const size: Check<SizeExpr> = (value, path) => checkSize(value, path, dims);
  const buffers = list(target['buffers'], `${at}.buffers`, (item, path) => checkBuffer(record(item, path), path, size));
  const buffer: Check<number> = (value, path) => index(value, path, buffers.length);
  const number: Check<number> = (value, path) => index(value, path);
  const fixed: Check<SizeExpr> = (value, path) => checkSize(value, path, new Set());
  checkTensors(target['weights'], `${at}.weights`, number, buffer, checkWeight);
  const kernels = list(target['kernels'], `${at}.kernels`, text);
  const gpu = target['gpu'] === undefined ? undefined : checkGpu(target['gpu'], `${at}.gpu`, kernels.length);
  const tiles =
    target['tiles'] === undefined
      ? 0
      : checkTiles(record(target['tiles'], `${at}.tiles`), `${at}.tiles`, kernels.length);
  for (const role of ['loadSteps', 'steps'] as const) {
    list(target[role], `${at}.${role}`, (item, path) => {
      const step = record(item, path);
      index(step['kernel'], `${path}.kernel`, kernels.length);
      if (step['alternatives'] !== undefined) {
        list(step['alternatives'], `${path}.alternatives`, (alternative, place) => {
          const given = checkGuard(alternative, place, tiles, role === 'steps' ? size : fixed);
          index(given['kernel'], `${place}.kernel`, kernels.length);
        });
      }
      list(step['buffers'], `${path}.buffers`, buffer);
      list(step['sizes'], `${path}.sizes`, role === 'steps' ? size : number);
      text(step['origin'], `${path}.origin`);
      if (gpu) checkDispatch(step, path, gpu, { size: role === 'steps' ? size : fixed, buffer });
    });
  }
  checkRoutines(
    target['routines'],
    `${at}.routines`,
    (target['steps'] as readonly unknown[]).length,
    (routine, path) => {
      for (const role of ['inputs', 'outputs'] as const) checkTensors(routine[role], `${path}.${role}`, size, buffer);
      if (routine['conditions'] !== undefined) {
        list(routine['conditions'], `${path}.conditions`, (item, place) => {
          const condition = record(item, place);
          size(condition['size'], `${place}.size`);
          text(condition['message'], `${place}.message`);
        });
      }
      if (routine['dense'] !== undefined) size(routine['dense'], `${path}.dense`);
      if (routine['executed'] !== undefined) checkExecuted(routine['executed'], `${path}.executed`, { size, buffer });
      const table = record(routine['table'], `${path}.table`);
      list(table['buffers'], `${path}.table.buffers`, buffer);
      list(table['sizes'], `${path}.table.sizes`, size);
      if (table['choices'] !== undefined) {
        list(table['choices'], `${path}.table.choices`, (guards, place) =>
          list(guards, place, (guard, one) => checkGuard(guard, one, tiles, size)),
        );
      }
    },
  );
  checkRoles(target as unknown as TargetProgram, at);
}

/** At least one, with names of their own, which share out all steps in order; `check` looks at the rest of each. */
function checkRoutines(
  value: unknown,
  at: string,
  steps: number,
  check: (routine: Fields, path: string) => void,
): void {
  const names = new Set<string>();
  let end = 0;
  const routines = list(value, at, (item, path) => {
    const routine = record(item, path);
    unique(text(routine['name'], `${path}.name`), `${path}.name`, names);
    if (routine['first'] !== end) throw new ProgramError(`${path}.first`, `${end}, where the routine before it ends`);
    const last = index(routine['last'], `${path}.last`, steps + 1);
    if (last < end) throw new ProgramError(`${path}.last`, `at least ${end}`);
    const { lossReady } = routine;
    if (lossReady !== undefined && index(lossReady, `${path}.lossReady`, last + 1) < end)
      throw new ProgramError(`${path}.lossReady`, `at least ${end}`);
    end = last;
    check(routine, path);
  });
  if (routines.length === 0) throw new ProgramError(at, 'a list of at least one');
  if (end !== steps) throw new ProgramError(at, `a division of all ${steps} steps`);
}

function checkWeight(weight: Fields, path: string): void {
  if (weight['at'] !== undefined) index(weight['at'], `${path}.at`);
  for (const mark of ['state', 'frozen']) {
    if (weight[mark] !== undefined && weight[mark] !== true)
      throw new ProgramError(`${path}.${mark}`, 'true or absent');
  }
}

/** When a kernel is called, of a program with `tiles` tiles. */
function checkGuard(value: unknown, path: string, tiles: number, size: Check<SizeExpr>): Fields {
  const guard = record(value, path);
  if (guard['tile'] !== undefined) index(guard['tile'], `${path}.tile`, tiles);
  if (guard['atLeastZero'] !== undefined) size(guard['atLeastZero'], `${path}.atLeastZero`);
  return guard;
}

/** How many candidates there are. */
function checkTiles(tiles: Fields, at: string, kernels: number): number {
  const { length } = list(tiles['candidates'], `${at}.candidates`, (item, path) => {
    const tile = record(item, path);
    for (const side of ['rows', 'columns']) index(tile[side], `${path}.${side}`);
    index(tile['kernel'], `${path}.kernel`, kernels);
    index(tile['multiplyAdds'], `${path}.multiplyAdds`);
  });
  const sizes = list(tiles['buffers'], `${at}.buffers`, (size, path) => index(size, path));
  if (sizes.length !== 2) throw new ProgramError(`${at}.buffers`, 'a list of 2');
  const order = record(tiles['order'], `${at}.order`);
  for (const variant of SIMD_VARIANTS) {
    const place = `${at}.order.${variant}`;
    const worth = list(order[variant], place, (tile, path) => index(tile, path, length));
    if (worth.length === 0) throw new ProgramError(place, 'a list of at least one');
  }
  return length;
}

function checkBuffer(spec: Fields, path: string, size: Check<SizeExpr>): void {
  oneOf(spec['kind'], `${path}.kind`, ['persistent', 'staging', 'arena', 'kept']);
  if (spec['kind'] === 'arena' || spec['kind'] === 'kept') size(spec['size'], `${path}.size`);
  else index(spec['size'], `${path}.size`);
  if (spec['half'] !== undefined && spec['half'] !== true) throw new ProgramError(`${path}.half`, 'true');
  if (spec['within'] !== undefined) {
    const within = record(spec['within'], `${path}.within`);
    index(within['buffer'], `${path}.within.buffer`);
    index(within['at'], `${path}.within.at`);
  }
  for (const end of ['first', 'last']) {
    if (!Number.isSafeInteger(spec[end])) throw new ProgramError(`${path}.${end}`, 'an integer');
  }
}

function checkTensors(
  value: unknown,
  at: string,
  size: Check<SizeExpr>,
  buffer: Check<number>,
  checkRest?: (tensor: Fields, path: string) => void,
): void {
  const names = new Set<string>();
  list(value, at, (item, path) => {
    const tensor = record(item, path);
    unique(text(tensor['name'], `${path}.name`), `${path}.name`, names);
    oneOf(tensor['dtype'], `${path}.dtype`, ['f32', 'i32', 'u32', 'bool']);
    list(tensor['shape'], `${path}.shape`, size);
    buffer(tensor['buffer'], `${path}.buffer`);
    checkRest?.(tensor, path);
  });
}

/** Everything has its type; now each buffer must have the kind that its use needs. */
function checkRoles(target: TargetProgram, at: string): void {
  target.buffers.forEach((spec, i) => checkWithin(target, spec, `${at}.buffers[${i}].within`));
  const need = (buffer: number, kinds: readonly BufferSpec['kind'][], path: string): void => {
    const { kind } = target.buffers[buffer]!;
    if (!kinds.includes(kind)) throw new ProgramError(path, `in a buffer of kind ${kinds.join(' or ')}`);
  };
  const tensors = (list: readonly TensorSpec[], role: string): void =>
    list.forEach((tensor, i) => need(tensor.buffer, ['arena'], `${at}.${role}[${i}]`));
  target.routines.forEach(({ inputs, outputs, table, executed }, i) => {
    tensors(inputs, `routines[${i}].inputs`);
    tensors(outputs, `routines[${i}].outputs`);
    executed?.forEach(({ buffer }, j) => need(buffer, ['arena'], `${at}.routines[${i}].executed[${j}].buffer`));
    table.buffers.forEach((buffer, j) =>
      need(buffer, ['persistent', 'arena', 'kept'], `${at}.routines[${i}].table.buffers[${j}]`),
    );
  });
  target.weights.forEach(({ buffer }, i) => need(buffer, ['persistent', 'staging'], `${at}.weights[${i}]`));
  checkWeightsFill(target, `${at}.weights`);
  const steps = { loadSteps: ['persistent', 'staging'], steps: ['persistent', 'arena', 'kept'] } as const;
  for (const role of ['loadSteps', 'steps'] as const) {
    target[role].forEach((step, i) =>
      step.buffers.forEach((buffer, j) => need(buffer, steps[role], `${at}.${role}[${i}].buffers[${j}]`)),
    );
    target[role].forEach(({ indirect }, i) => {
      if (indirect !== undefined) need(indirect, ['arena'], `${at}.${role}[${i}].indirect`);
    });
  }
}

/** A buffer that lies in another ends there, too, and is there as long. */
function checkWithin(
  { buffers, gpu }: TargetProgram,
  { within, kind, size, first, last }: BufferSpec,
  at: string,
): void {
  if (!within) return;
  const outer = buffers[within.buffer];
  if (!gpu || !outer || outer.within) throw new ProgramError(at, 'in a buffer of a GPU that lies in no other');
  if (typeof size !== 'number' || typeof outer.size !== 'number' || within.at + size > outer.size)
    throw new ProgramError(at, 'of static size, and inside of the other buffer');
  if (outer.kind !== kind || outer.first > first || outer.last < last)
    throw new ProgramError(at, 'in a buffer of the same kind that lives as long');
  if (within.at % WITHIN_ALIGNED !== 0) throw new ProgramError(`${at}.at`, `a multiple of ${WITHIN_ALIGNED}`);
}

/** The weights of a buffer lie in it one after the other, and nothing else does. */
function checkWeightsFill({ buffers, weights }: TargetProgram, at: string): void {
  const byBuffer = new Map<number, WeightSpec[]>();
  for (const weight of weights) byBuffer.set(weight.buffer, [...(byBuffer.get(weight.buffer) ?? []), weight]);
  const placeOf = (weight: WeightSpec): string => `${at}[${weights.indexOf(weight)}]`;
  for (const [buffer, all] of byBuffer) {
    let end = 0;
    for (const weight of all.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))) {
      if ((weight.at ?? 0) !== end) throw new ProgramError(placeOf(weight), `at ${end}, where the one before it ends`);
      end += elementCount(weight.shape);
    }
    if (end !== buffers[buffer]!.size)
      throw new ProgramError(placeOf(all.at(-1)!), 'of the size of its buffer, with all others in it');
  }
}

const OPERATORS = ['+', '*', '//', 'min', 'max'];

function checkSize(value: unknown, path: string, dims: ReadonlySet<string>, depth = 0): SizeExpr {
  if (Number.isSafeInteger(value) || (typeof value === 'string' && dims.has(value))) return value as SizeExpr;
  if (!Array.isArray(value) || value.length < 2 || depth > MAX_DEPTH || !OPERATORS.includes(value[0]))
    throw new ProgramError(path, 'a size expression over the declared dimensions');
  if (value[0] === '//' && value.length !== 3) throw new ProgramError(path, 'a division of two sizes');
  value.slice(1).forEach((operand, i) => checkSize(operand, `${path}[${i + 1}]`, dims, depth + 1));
  return value as unknown as SizeExpr;
}
