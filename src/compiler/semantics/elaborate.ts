/** From a loaded file to graph IR: one entry with its settings, every shape checked. */
import { closest } from '../base/suggest.ts';
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Dim } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import type { ModelDeclaration } from '../syntax/ast.ts';
import { parseValue } from '../syntax/parse.ts';
import { evaluateExpression } from './expressions.ts';
import { fileFrame, fileScope } from './file-scope.ts';
import type { Elaboration, Frame } from './frame.ts';
import { coerce, evaluateSetting } from './hyperparameters.ts';
import type { Module } from './modules.ts';
import { Scope } from './scope.ts';
import { runBody } from './statements.ts';
import type { StaticValue } from './values.ts';

/** `name=text` as given on the command line. */
export interface Setting {
  readonly name: string;
  readonly text: string;
}

export interface ElaborateOptions {
  readonly settings: readonly Setting[];
  readonly training: boolean;
}

/** A checked entry. `instances` are the output values of its named instances, by path, for taps and listings. */
export interface Elaborated {
  readonly graph: Graph;
  readonly instances: ReadonlyMap<string, readonly Value[]>;
}

export function modelsOf(module: Module): ModelDeclaration[] {
  return [...module.declarations.values()].filter((declaration) => declaration.kind === 'model');
}

/** The entry called `name`, or the only one; undefined after a report. */
export function findEntry(
  module: Module,
  name: string | undefined,
  sink: DiagnosticSink,
): ModelDeclaration | undefined {
  const models = modelsOf(module);
  const names = models.map((model) => model.name.text);
  if (name === undefined) {
    if (models.length === 1) return models[0];
    const message =
      models.length === 0 ? `${module.source.path} declares no model` : `${module.source.path} declares several models`;
    sink.report(
      diagnostic('HED4001', undefined, message, {
        hint: models.length === 0 ? undefined : `choose one with --entry: ${names.join(', ')}`,
      }),
    );
    return undefined;
  }
  const found = models.find((model) => model.name.text === name);
  if (!found) {
    const similar = closest(name, names);
    sink.report(
      diagnostic('HED4002', undefined, `${module.source.path} declares no model \`${name}\``, {
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
export function newElaboration(ops: OpTable, sink: DiagnosticSink, training: boolean): Elaboration {
  const bounds = new Map<string, Dim>();
  return {
    sink,
    ops,
    builder: new Builder(ops, bounds),
    training,
    bounds,
    dims: [],
    conditions: new Map(),
    inputs: [],
    parameters: new Map(),
    outputs: [],
    outputStatements: 0,
    instances: new Map(),
    fileScopes: new Map(),
    reported: new Set(),
    steps: 0,
  };
}

/** Elaborates one model. Reports every mistake it finds; undefined when there was an error. */
export function elaborate(
  module: Module,
  model: ModelDeclaration,
  ops: OpTable,
  options: ElaborateOptions,
  sink: DiagnosticSink,
): Elaborated | undefined {
  const elaboration = newElaboration(ops, sink, options.training);
  const scope = new Scope(fileScope(elaboration, module));
  const frame: Frame = { ...fileFrame(elaboration, module, scope), role: 'model' };
  if (!bindSettings(frame, model, options.settings)) return undefined;
  runBody(frame, model.body);
  if (elaboration.outputStatements === 0 && !sink.hasErrors && !module.broken) {
    sink.report(
      diagnostic('HED2517', model.name.span, `model \`${model.name.text}\` has no output`, {
        hint: '`output name = …`',
      }),
    );
  }
  if (sink.hasErrors) return undefined;
  const graph: Graph = {
    name: model.name.text,
    dims: elaboration.dims,
    ...(elaboration.conditions.size > 0 && { conditions: [...elaboration.conditions.values()] }),
    inputs: elaboration.inputs,
    parameters: [...elaboration.parameters.values()],
    nodes: elaboration.builder.nodes,
    outputs: elaboration.outputs,
  };
  return { graph, instances: elaboration.instances };
}

/** Gives every hyperparameter its value from the settings or its default; false after a report. */
function bindSettings(frame: Frame, model: ModelDeclaration, settings: readonly Setting[]): boolean {
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
          hint: similar ? `did you mean \`${similar}\`?` : `it has ${known.join(', ') || 'none'}`,
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
  model: ModelDeclaration,
  parameter: ModelDeclaration['hyperparameters'][number],
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
