/** From a loaded file to graph IR: one entry with its settings, every shape checked. */
import { closest } from '../base/suggest.ts';
import { diagnostic, DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Dim } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import type { EntryDeclaration } from '../syntax/ast.ts';
import { parseValue } from '../syntax/parse.ts';
import type { Elaborated, TrainProgram } from './elaborated.ts';
import { settleGeneration } from './entry-statements.ts';
import { evaluateExpression } from './expressions.ts';
import { fileFrame, fileScope } from './file-scope.ts';
import type { Elaboration, Frame, InputChoice } from './frame.ts';
import { coerce, evaluateSetting } from './hyperparameters.ts';
import type { Module } from './modules.ts';
import { reportUnaffecting, reportUnreached, unaffectingParameters, unreachedParameters } from './reachability.ts';
import { Scope } from './scope.ts';
import { runBody } from './statements.ts';
import { settleTrain } from './train-statements.ts';
import { describeApplication, StructureRecorder } from './structure.ts';
import type { StaticValue } from './values.ts';

/** `name=text` as given on the command line. */
export interface Setting {
  readonly name: string;
  readonly text: string;
}

export interface ElaborateOptions {
  readonly settings: readonly Setting[];
  /** What the compile-time bool `training` is; absent: true in a train entry, false in a model. */
  readonly training?: boolean;
  /** The optional inputs that the entry is elaborated with; each must be one. Without any: none. */
  readonly given?: readonly string[];
  /** Names of tensors at hand: those that are optional inputs are given too. */
  readonly atHand?: readonly string[];
}

export function entriesOf(module: Module): EntryDeclaration[] {
  return [...module.declarations.values()].filter(
    (declaration) => declaration.kind === 'model' || declaration.kind === 'train',
  );
}

/** The entry called `name`, or the only one, or the only model; undefined after a report. */
export function findEntry(
  module: Module,
  name: string | undefined,
  sink: DiagnosticSink,
): EntryDeclaration | undefined {
  const entries = entriesOf(module);
  const names = entries.map((entry) => entry.name.text);
  if (name === undefined) {
    const models = entries.filter((entry) => entry.kind === 'model');
    if (entries.length === 1 || models.length === 1) return models[0] ?? entries[0];
    const message =
      entries.length === 0
        ? `${module.source.path} declares no model`
        : `${module.source.path} declares several entries`;
    sink.report(
      diagnostic('HED4001', undefined, message, {
        hint:
          entries.length === 0
            ? 'blocks and functions are imported by a file that declares a `model`'
            : `choose one with --entry: ${names.join(', ')}`,
      }),
    );
    return undefined;
  }
  const found = entries.find((entry) => entry.name.text === name);
  if (!found) {
    const similar = closest(name, names);
    sink.report(
      diagnostic('HED4002', undefined, `${module.source.path} declares no entry \`${name}\``, {
        hint: similar
          ? `did you mean \`${similar}\`?`
          : names.length > 0
            ? `it declares ${names.join(', ')}`
            : undefined,
      }),
    );
  }
  return found;
}

/** The state an elaboration starts from. */
export function newElaboration(
  module: Module,
  ops: OpTable,
  sink: DiagnosticSink,
  inputChoice: InputChoice,
  isEvaluation = false,
): Elaboration {
  const bounds = new Map<string, Dim>();
  const builder = new Builder(ops, bounds);
  return {
    sink,
    ops,
    builder,
    structure: new StructureRecorder(builder.nodes),
    inputChoice,
    isEvaluation,
    home: module.source,
    bounds,
    dims: [],
    dimSpans: new Map(),
    declared: new Map(),
    conditions: new Map(),
    inputs: [],
    optionalInputs: [],
    parameters: new Map(),
    sites: new Map(),
    states: new Map(),
    updates: new Map(),
    auxiliaries: [],
    brokenAuxiliaries: new Set(),
    mixtures: [],
    expert: undefined,
    train: { losses: [], metrics: [], optimizers: [] },
    outputs: [],
    outputStatements: 0,
    instances: new Map(),
    fileScopes: new Map(),
    reported: new Set(),
    draws: 0,
    steps: 0,
    isTooMuch: false,
  };
}

/** Elaborates one entry. Reports every mistake it finds; undefined when there was an error. */
export function elaborate(
  module: Module,
  entry: EntryDeclaration,
  ops: OpTable,
  options: ElaborateOptions,
  sink: DiagnosticSink,
): Elaborated | undefined {
  const inputChoice = { given: options.given ?? [], atHand: options.atHand ?? [] };
  const elaboration = newElaboration(module, ops, sink, inputChoice, isEvaluation(entry, options.training));
  const elaborated = elaborateEntry(elaboration, module, entry, options);
  if (elaborated) warnOfParameters(elaborated, elaboration, module, entry, options);
  return elaborated;
}

/** Tells of parameters that reach nothing, or nothing that the entry learns by. */
function warnOfParameters(
  elaborated: Elaborated,
  elaboration: Elaboration,
  module: Module,
  entry: EntryDeclaration,
  options: ElaborateOptions,
): void {
  const { sites, sink, ops, steps } = elaboration;
  const suspects = unreachedParameters(elaborated);
  if (options.training !== false) {
    const idle = unaffectingParameters(elaborated).filter((path) => !suspects.includes(path));
    reportUnaffecting(idle, sites, sink);
  }
  if (suspects.length === 0 || steps > MAX_COMPARED) return;
  const inputs = elaborated.optionalInputs.map((input) => input.name);
  reportUnreached(unreachedOtherwise(module, entry, ops, options, inputs, suspects), sites, sink);
}

/** Applications and rounds of an entry that is elaborated in its other forms too, only to warn. */
const MAX_COMPARED = 10_000;

/** Which of the parameters matter neither in training nor with other optional inputs. */
function unreachedOtherwise(
  module: Module,
  entry: EntryDeclaration,
  ops: OpTable,
  options: ElaborateOptions,
  inputs: readonly string[],
  suspects: readonly string[],
): readonly string[] {
  let left = suspects;
  for (const training of [false, true]) {
    for (const given of [inputs, []]) {
      if (left.length === 0) return left;
      const sink = new DiagnosticSink();
      const inputChoice = { given, atHand: [] };
      const elaboration = newElaboration(module, ops, sink, inputChoice, isEvaluation(entry, training));
      const other = elaborateEntry(elaboration, module, entry, { ...options, training, given });
      // What cannot be compiled in that form tells nothing.
      const unreached = other ? new Set(unreachedParameters(other)) : undefined;
      left = unreached ? left.filter((path) => unreached.has(path) || !elaboration.parameters.has(path)) : [];
    }
  }
  return left;
}

function isEvaluation(entry: EntryDeclaration, training: boolean | undefined): boolean {
  return entry.kind === 'train' && training === false;
}

function elaborateEntry(
  elaboration: Elaboration,
  module: Module,
  entry: EntryDeclaration,
  options: ElaborateOptions,
): Elaborated | undefined {
  const { sink } = elaboration;
  const scope = new Scope(fileScope(elaboration, module));
  const training = options.training ?? entry.kind === 'train';
  const frame: Frame = { ...fileFrame(elaboration, module, scope), role: entry.kind, training };
  if (!bindSettings(frame, entry, options.settings)) return undefined;
  const { structure } = elaboration;
  structure.record(
    describeApplication(frame, entry),
    () => runBody(frame, entry.body),
    () => elaboration.outputs.map((output) => output.value),
  );
  checkGiven(elaboration, entry, options.given ?? []);
  const generation = settleGeneration(frame);
  const train = entry.kind === 'train' ? settleTrain(frame, entry.name) : undefined;
  if (entry.kind === 'model' && elaboration.outputStatements === 0 && !sink.hasErrors && !module.broken) {
    sink.report(
      diagnostic('HED2517', entry.name.span, `model \`${entry.name.text}\` has no output`, {
        hint: '`output name = …`',
      }),
    );
  }
  if (sink.hasErrors) return undefined;
  return {
    graph: graphOf(elaboration, entry.name.text, train),
    structure: structure.root!,
    instances: elaboration.instances,
    optionalInputs: elaboration.optionalInputs,
    updates: [...elaboration.updates.values()].map(({ state, value }) => ({ state, value })),
    auxiliaries: elaboration.auxiliaries,
    mixtures: elaboration.mixtures,
    ...(train && { train }),
    ...(generation && { generation }),
  };
}

/** The loss of a train entry comes first among the outputs, then its metrics. */
function graphOf(elaboration: Elaboration, name: string, train: TrainProgram | undefined): Graph {
  const trained = train ? [{ name: 'loss', value: train.loss }, ...train.metrics] : [];
  return {
    name,
    dims: elaboration.dims,
    ...(elaboration.conditions.size > 0 && { conditions: [...elaboration.conditions.values()] }),
    inputs: elaboration.inputs,
    parameters: [...elaboration.parameters.values()],
    nodes: elaboration.builder.nodes,
    outputs: [...trained, ...elaboration.outputs],
  };
}

/** Names that should be those of optional inputs, and are not. */
function checkGiven(elaboration: Elaboration, entry: EntryDeclaration, given: readonly string[]): void {
  const known = elaboration.optionalInputs.map((input) => input.name);
  for (const name of given) {
    if (known.includes(name) || elaboration.sink.hasErrors) continue;
    const similar = closest(name, known);
    elaboration.sink.report(
      diagnostic('HED4006', undefined, `\`${entry.name.text}\` has no optional input \`${name}\``, {
        hint: similar
          ? `did you mean \`${similar}\`?`
          : known.length > 0
            ? `its optional inputs are ${known.join(', ')}`
            : 'it has no optional inputs',
      }),
    );
  }
}

/** Gives every hyperparameter its value from the settings or its default; false after a report. */
function bindSettings(frame: Frame, model: EntryDeclaration, settings: readonly Setting[]): boolean {
  const { sink } = frame.elaboration;
  const values = new Map<string, StaticValue>();
  const known = model.hyperparameters.map((one) => one.name.text);
  let sound = true;
  for (const { name, text } of settings) {
    const parameter = model.hyperparameters.find((one) => one.name.text === name);
    if (!parameter) {
      const similar = closest(name, known);
      sink.report(
        diagnostic('HED4003', undefined, `\`${model.name.text}\` has no hyperparameter \`${name}\``, {
          hint: similar
            ? `did you mean \`${similar}\`?`
            : known.length > 0
              ? `it has ${known.join(', ')}`
              : 'it has no hyperparameters',
        }),
      );
      sound = false;
      continue;
    }
    const source: Source = { path: `--set ${name}`, text };
    const before = sink.items.length;
    const expr = parseValue(source, sink);
    const file = { ...frame, scope: fileScope(frame.elaboration, frame.module) };
    const value =
      sink.items.length > before
        ? undefined
        : evaluateSetting(file, expr, parameter.type, `\`${name}\``, parameter.span);
    if (!value || value.kind === 'error') sound = false;
    else values.set(name, value);
  }
  if (!sound) return false;
  for (const parameter of model.hyperparameters) {
    const name = parameter.name.text;
    const value = values.get(name) ?? defaultOf(frame, model, parameter);
    if (value.kind === 'error') sound = false;
    frame.scope.define({ name, value, span: parameter.span, role: 'hyperparameter' });
  }
  return sound;
}

function defaultOf(
  frame: Frame,
  model: EntryDeclaration,
  parameter: EntryDeclaration['hyperparameters'][number],
): StaticValue {
  if (!parameter.default) {
    const { sink } = frame.elaboration;
    sink.report(
      diagnostic('HED4004', parameter.span, `\`${model.name.text}\` needs a value for \`${parameter.name.text}\``, {
        hint: `give one with \`--set ${parameter.name.text}=…\``,
      }),
    );
    return { kind: 'error' };
  }
  const value = evaluateExpression(frame, parameter.default);
  return coerce(frame, value, parameter.type, parameter.default.span, `\`${parameter.name.text}\``, parameter.span);
}
