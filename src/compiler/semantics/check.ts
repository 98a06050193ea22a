/** Checks a whole file: every model whose hyperparameters all have defaults, and the names and defaults in all else. */
import { diagnostic, DiagnosticSink, type Diagnostic } from '../base/diagnostic.ts';
import type { OpTable } from '../ir/op.ts';
import type { Declaration, Hyperparameter, ModelDeclaration } from '../syntax/ast.ts';
import { elaborate, modelsOf, newElaboration } from './elaborate.ts';
import { evaluateExpression } from './expressions.ts';
import { fileFrame, fileScope } from './file-scope.ts';
import { coerce } from './hyperparameters.ts';
import type { Module } from './modules.ts';
import { resolveNames } from './resolve.ts';
import { ERROR } from './values.ts';

/**
 * Bodies are elaborated for concrete hyperparameters only, so blocks and branches that no default reaches are checked
 * for their names, not their shapes.
 */
export function checkModule(module: Module, ops: OpTable, sink: DiagnosticSink): void {
  const seen = new Set(sink.items.map(placeOf));
  const add = (items: DiagnosticSink): void => {
    for (const item of items.items) {
      if (seen.has(placeOf(item))) continue;
      seen.add(placeOf(item));
      sink.report(item);
    }
  };
  for (const model of modelsOf(module)) {
    const own = new DiagnosticSink();
    const open = model.hyperparameters.filter((parameter) => !parameter.default);
    if (open.length === 0) elaborate(module, model, ops, { settings: [], training: false }, own);
    else own.report(notElaborated(model, open));
    add(own);
  }
  const names = new DiagnosticSink();
  resolveNames(module, ops, names);
  add(names);
  const defaults = new DiagnosticSink();
  checkDefaults(module, ops, defaults);
  add(defaults);
}

function notElaborated({ name }: ModelDeclaration, open: readonly Hyperparameter[]): Diagnostic {
  const settings = open.map((parameter) => `--set ${parameter.name.text}=…`).join(' ');
  return diagnostic(
    'HED2518',
    name.span,
    `the shapes of \`${name.text}\` were not checked: it has hyperparameters without a default`,
    {
      severity: 'warning',
      hint: `check it with \`--entry ${name.text} ${settings}\``,
    },
  );
}

/** Defaults must have the types they are declared with, also where nothing uses them. */
function checkDefaults(module: Module, ops: OpTable, sink: DiagnosticSink): void {
  const elaboration = newElaboration(ops, sink, false);
  const scope = fileScope(elaboration, module);
  for (const declaration of module.file.declarations) {
    const frame = fileFrame(elaboration, module, scope.child());
    for (const parameter of hyperparametersOf(declaration)) {
      const { name, type, span } = parameter;
      const value = parameter.default
        ? coerce(
            frame,
            evaluateExpression(frame, parameter.default),
            type,
            parameter.default.span,
            `\`${name.text}\``,
            span,
          )
        : ERROR;
      frame.scope.define({ name: name.text, value, span, role: 'hyperparameter' });
    }
  }
}

function hyperparametersOf(declaration: Declaration): readonly Hyperparameter[] {
  switch (declaration.kind) {
    case 'block':
    case 'model':
      return declaration.hyperparameters;
    case 'function':
      return declaration.parameters.filter((parameter) => parameter.kind === 'hyperparameter');
    case 'const':
      return [];
  }
}

function placeOf(item: DiagnosticSink['items'][number]): string {
  const span = item.primary?.span;
  return span ? `${item.code} ${span.source.path} ${span.start} ${span.end}` : `${item.code} ${item.message}`;
}
