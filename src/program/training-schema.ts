/** Checks what a program says of training. */
import { index, list, oneOf, ProgramError, record, text, unique, type Fields } from './fields.ts';
import type { Program } from './program.ts';
import { SCHEDULE_NAMES, scheduledRate } from './schedules.ts';
import type { ScheduleSpec } from './training.ts';

/** Expressions of the host nest no deeper than this in a sound program. */
const MAX_DEPTH = 64;

/**
 * Checks what `checkProgram` leaves out, as no model needs it: the TrainingSpec, and how weights are drawn. Throws
 * ProgramError.
 */
export function checkTrainingParts({ training, targets }: Program): void {
  if (training !== undefined) checkTraining(record(training, 'training'), 'training');
  for (const [name, target] of Object.entries(targets)) {
    target?.weights.forEach(({ initial }, at) => {
      if (initial !== undefined) checkDistribution(initial, `targets.${name}.weights[${at}].initial`);
    });
  }
}

function checkTraining(training: Fields, at: string): void {
  list(training['metrics'], `${at}.metrics`, text);
  if (index(training['accumulate'], `${at}.accumulate`) === 0) throw new ProgramError(`${at}.accumulate`, 'at least 1');
  const inputs = new Set<string>();
  list(training['scalars'], `${at}.scalars`, (item, path) => {
    const scalar = record(item, path);
    unique(text(scalar['input'], `${path}.input`), `${path}.input`, inputs);
    checkHostExpr(scalar['value'], `${path}.value`);
  });
  if (training['optimizer'] === undefined) return;
  const optimizer = record(training['optimizer'], `${at}.optimizer`);
  text(optimizer['name'], `${at}.optimizer.name`);
  list(optimizer['groups'], `${at}.optimizer.groups`, (item, path) => {
    const group = record(item, path);
    checkHostExpr(group['lr'], `${path}.lr`);
    list(group['parameters'], `${path}.parameters`, text);
  });
}

const OPERATORS = ['+', '-', '*', '/', '**'];

function checkHostExpr(value: unknown, path: string, depth = 0): void {
  if (Number.isFinite(value) || value === 'update') return;
  if (depth > MAX_DEPTH) throw new ProgramError(path, `nested at most ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) {
    const [operator, ...operands] = value as readonly unknown[];
    const count = operator === 'sqrt' ? 1 : OPERATORS.includes(operator as string) ? 2 : undefined;
    if (operands.length !== count) throw new ProgramError(path, 'an expression of the host');
    operands.forEach((operand, i) => checkHostExpr(operand, `${path}[${i + 1}]`, depth + 1));
    return;
  }
  const { schedule } = typeof value === 'object' && value !== null ? (value as Fields) : {};
  if (schedule === undefined) throw new ProgramError(path, 'an expression of the host');
  checkSchedule(record(schedule, `${path}.schedule`), `${path}.schedule`);
}

function checkSchedule(schedule: Fields, at: string): void {
  oneOf(schedule['name'], `${at}.name`, SCHEDULE_NAMES);
  const settings = record(schedule['settings'], `${at}.settings`);
  for (const [name, value] of Object.entries(settings)) {
    const path = `${at}.settings.${name}`;
    if (Array.isArray(value)) list(value, path, finite);
    else if (value !== null && typeof value !== 'boolean' && typeof value !== 'string') finite(value, path);
  }
  try {
    // The first and a late update read between them all that the schedule has.
    for (const t of [0, 2 ** 40]) scheduledRate(schedule as unknown as ScheduleSpec, t);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProgramError(`${at}.settings`, `what the schedule needs: ${error.message}`);
  }
}

/** The numbers of each distribution. */
const DISTRIBUTIONS: Readonly<Record<string, readonly string[]>> = {
  constant: ['value'],
  normal: ['mean', 'std'],
  uniform: ['low', 'high'],
  truncated_normal: ['mean', 'std', 'low', 'high'],
};

function checkDistribution(value: unknown, at: string): void {
  const distribution = record(value, at);
  const { kind } = distribution;
  oneOf(kind, `${at}.kind`, Object.keys(DISTRIBUTIONS));
  for (const name of DISTRIBUTIONS[kind as string]!) finite(distribution[name], `${at}.${name}`);
}

function finite(value: unknown, path: string): number {
  if (!Number.isFinite(value)) throw new ProgramError(path, 'a finite number');
  return value as number;
}
