/** `optimizer adamw(lr: cosine(…)) { group … }`: checked against the records, and made plain data. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import type { GraphParameter } from '../ir/graph.ts';
import { tensorNames } from '../ir/parameter-tensors.ts';
import type { Argument, CallExpr, Expr, Name, OptimizerStatement } from '../syntax/ast.ts';
import { evaluateExpression, lookupName } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { describeType, fitSetting, type ArgumentRecord, type CallableRecord } from './optimizers/arguments.ts';
import type { Optimizer, Schedule, Setting, Settings } from './optimizers/optimizer.ts';
import { optimizerRecords, stepArguments } from './optimizers/records.ts';
import { scheduleRecords } from './optimizers/schedules.ts';
import { pathPattern } from './path-pattern.ts';
import { numberOf, printValue, type StaticValue } from './values.ts';

/** An optimizer before it is known which parameters there are. */
export interface OptimizerChoice {
  readonly name: string;
  readonly step: Settings;
  readonly settings: Settings;
  readonly groups: readonly {
    readonly patterns: readonly PatternChoice[];
    readonly settings: Settings;
  }[];
}

interface PatternChoice {
  readonly text: string;
  readonly span: Span;
}

/** Undefined after a report. */
export function evaluateOptimizer(frame: Frame, statement: OptimizerStatement): OptimizerChoice | undefined {
  const { name } = statement;
  const record = optimizerRecords.find((one) => one.name === name.text);
  if (!record) {
    reportUnknown(frame, 'HED2530', name, 'optimizer', optimizerRecords);
    return undefined;
  }
  const all = { ...record, arguments: [...record.arguments, ...stepArguments] };
  const settings = evaluateSettings(frame, all, statement.arguments, statement.span);
  if (!settings) return undefined;
  const groups = statement.groups.map((group) => {
    const own = evaluateOverrides(frame, record, group.settings);
    const merged = own && { ...pick(settings, record.arguments), ...own };
    return { patterns: group.patterns, settings: merged && isConsistent(frame, record, merged, group.span) };
  });
  const sound = groups.flatMap(({ patterns, settings: merged }) => (merged ? [{ patterns, settings: merged }] : []));
  if (sound.length < groups.length) return undefined;
  return {
    name: record.name,
    step: pick(settings, stepArguments),
    settings: pick(settings, record.arguments),
    groups: sound,
  };
}

function pick(settings: Settings, list: readonly ArgumentRecord[]): Settings {
  return Object.fromEntries(list.map(({ name }) => [name, settings[name]!]));
}

/** Every argument of the record, from the call or its default; undefined after a report. */
function evaluateSettings(
  frame: Frame,
  record: CallableRecord,
  list: readonly Argument[],
  span: Span,
): Settings | undefined {
  const given = evaluateOverrides(frame, record, list);
  if (!given) return undefined;
  const settings: { [name: string]: Setting } = {};
  for (const { name, default: usual, doc } of record.arguments) {
    const value = Object.hasOwn(given, name) ? given[name] : usual;
    if (value === undefined) {
      report(frame, 'HED2532', span, `\`${record.name}\` needs \`${name}\``, { notes: [`${name}: ${doc}`] });
      return undefined;
    }
    settings[name] = value;
  }
  return isConsistent(frame, record, settings, span);
}

function isConsistent(frame: Frame, record: CallableRecord, settings: Settings, span: Span): Settings | undefined {
  const problem = record.check?.(settings);
  if (problem === undefined) return settings;
  report(frame, 'HED2532', span, problem);
  return undefined;
}

/** The arguments that are given; undefined after a report. */
function evaluateOverrides(frame: Frame, record: CallableRecord, list: readonly Argument[]): Settings | undefined {
  const settings: { [name: string]: Setting } = {};
  let sound = true;
  for (const [at, argument] of list.entries()) {
    const wanted = argument.name
      ? record.arguments.find((one) => one.name === argument.name?.text)
      : record.arguments[at];
    if (!wanted) {
      reportSurplus(frame, record, argument);
      sound = false;
    } else if (Object.hasOwn(settings, wanted.name)) {
      report(frame, 'HED2305', argument.span, `\`${wanted.name}\` of \`${record.name}\` is given twice`);
      sound = false;
    } else {
      const value = evaluateSetting(frame, record, wanted, argument.value);
      if (value === undefined) sound = false;
      else settings[wanted.name] = value;
    }
  }
  return sound ? settings : undefined;
}

function reportSurplus(frame: Frame, record: CallableRecord, { name, span }: Argument): void {
  const names = record.arguments.map((one) => one.name);
  const similar = name && closest(name.text, names);
  const what = name ? `has no argument \`${name.text}\`` : `takes ${names.length} arguments`;
  report(frame, 'HED2532', name?.span ?? span, `\`${record.name}\` ${what}`, {
    hint: similar ? `did you mean \`${similar}\`?` : `it has ${names.join(', ')}`,
  });
}

function evaluateSetting(
  frame: Frame,
  record: CallableRecord,
  wanted: ArgumentRecord,
  expr: Expr,
): Setting | undefined {
  const call = scheduleCall(frame, expr);
  if (call && wanted.scheduled) return evaluateSchedule(frame, call.callee, call);
  const value = call ? undefined : evaluateExpression(frame, expr);
  if (value?.kind === 'error') return undefined;
  if (value?.kind === 'none' && wanted.default === null) return null;
  const fitted = value && fitSetting(wanted.type, plainOf(value));
  if (fitted !== undefined) return fitted;
  const found = value ? `\`${printValue(value)}\`` : 'a schedule';
  const what = `${describeType(wanted.type)}${wanted.scheduled ? ' or a schedule' : ''}`;
  report(frame, 'HED2532', expr.span, `\`${wanted.name}\` of \`${record.name}\` is ${what}, found ${found}`);
  return undefined;
}

/** `cosine(…)`: a call of what is no name of the spec; its own names come first. */
function scheduleCall(frame: Frame, expr: Expr): (CallExpr & { readonly callee: Name }) | undefined {
  if (expr.kind !== 'call' || expr.callee.kind !== 'name') return undefined;
  const { text } = expr.callee;
  const isSchedule = scheduleRecords.some((one) => one.name === text) && !frame.scope.lookup(text);
  return isSchedule || !lookupName(frame, text) ? { ...expr, callee: expr.callee } : undefined;
}

function evaluateSchedule(frame: Frame, name: Name, call: CallExpr): Schedule | undefined {
  const record = scheduleRecords.find((one) => one.name === name.text);
  if (!record) {
    reportUnknown(frame, 'HED2531', name, 'schedule', scheduleRecords);
    return undefined;
  }
  const settings = evaluateSettings(frame, record, call.arguments, call.span);
  return settings && { kind: 'schedule', name: record.name, settings };
}

function reportUnknown(
  frame: Frame,
  code: 'HED2530' | 'HED2531',
  name: Name,
  what: string,
  records: readonly CallableRecord[],
): void {
  const names = records.map((one) => one.name);
  const similar = closest(name.text, names);
  report(frame, code, name.span, `there is no ${what} \`${name.text}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : `${what}s are ${names.join(', ')}`,
  });
}

/** Numbers, bools, strings and lists of them as JavaScript has them. */
function plainOf(value: StaticValue): unknown {
  if (value.kind === 'bool') return value.value;
  if (value.kind === 'string') return value.text;
  if (value.kind === 'list' || value.kind === 'tuple') return value.elements.map(plainOf);
  return numberOf(value);
}

/**
 * Deals the trainable parameters out to the groups: each goes to the first group with a pattern for it. Patterns match the
 * tensors that files name; those of a stack are learned together, so that a group takes all of them or none.
 */
export function settleOptimizer(frame: Frame, { name, step, settings, groups }: OptimizerChoice): Optimizer {
  const parameters = [...frame.elaboration.parameters.values()];
  // Only f32 has gradients.
  const learning = parameters.filter(({ state, frozen, value }) => !state && !frozen && value.type.dtype === 'f32');
  const trainable = learning.flatMap(tensorNames);
  const taken = new Set<GraphParameter>();
  const dealt = groups.map((group) => {
    const matched = new Set<string>();
    for (const { text, span } of group.patterns) {
      const matcher = pathPattern(text);
      const matches = trainable.filter((path) => matcher.test(path));
      if (matches.length === 0) reportUnmatched(frame, text, span, trainable);
      for (const path of matches) matched.add(path);
    }
    const own = learning.filter((one) => !taken.has(one) && tensorNames(one).some((path) => matched.has(path)));
    for (const parameter of own) {
      taken.add(parameter);
      if (!tensorNames(parameter).every((path) => matched.has(path)))
        reportDivided(frame, group.patterns, parameter, matched);
    }
    return { ...group, patterns: group.patterns.map((one) => one.text), parameters: namesOf(own) };
  });
  const rest = learning.filter((one) => !taken.has(one));
  return { name, step, groups: [...dealt, { patterns: [], settings, parameters: namesOf(rest) }] };
}

function namesOf(parameters: readonly GraphParameter[]): string[] {
  return parameters.map(({ name }) => name);
}

/** Some members of a stack would be in a group that others are not in. */
function reportDivided(
  frame: Frame,
  patterns: readonly PatternChoice[],
  { members = [] }: GraphParameter,
  matched: ReadonlySet<string>,
): void {
  const inside = members.filter((path) => matched.has(path));
  const outside = members.find((path) => !matched.has(path))!;
  const blamed = patterns.find(({ text }) => members.some((path) => pathPattern(text).test(path)))!;
  const what = `${inside.length} of ${members.length} experts: \`${inside[0]}\`, but not \`${outside}\``;
  report(frame, 'HED2534', blamed.span, `the group takes ${what}`, {
    hint: 'experts are stored and learned together: `*` in place of the number takes all of them',
  });
}

function reportUnmatched(frame: Frame, pattern: string, span: Span, trainable: readonly string[]): void {
  const matcher = pathPattern(pattern);
  const all = [...frame.elaboration.parameters.values()].flatMap(tensorNames);
  const fixed = all.find((path) => matcher.test(path));
  const [example] = trainable;
  const paths = example && `paths begin with the instance, as \`${example}\` does; \`**\` is any number of segments`;
  const similar = similarPattern(pattern, trainable);
  const proposal = similar === undefined ? paths : `did you mean "${similar}"?`;
  report(frame, 'HED2533', span, `no trainable parameter matches "${pattern}"`, {
    severity: 'warning',
    hint: fixed === undefined ? proposal : `\`${fixed}\` matches, but it is frozen or a state`,
  });
}

/** The pattern that matches something with each of its unknown words replaced by the nearest of the paths. */
function similarPattern(pattern: string, trainable: readonly string[]): string | undefined {
  const words = new Set(trainable.flatMap((path) => path.split('.')));
  const segments = pattern.split('.').map((one) => (words.has(one) ? one : (closest(one, words) ?? one)));
  const similar = segments.join('.');
  const matcher = pathPattern(similar);
  return trainable.some((path) => matcher.test(path)) ? similar : undefined;
}
