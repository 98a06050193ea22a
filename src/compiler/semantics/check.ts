/** Checks a whole file: every entry whose hyperparameters all have defaults, and the names and defaults in all else. */
import { diagnostic, DiagnosticSink, type Diagnostic } from '../base/diagnostic.ts';
import { textOf } from '../base/source.ts';
import type { OpTable } from '../ir/op.ts';
import type { Declaration, EntryDeclaration, Hyperparameter } from '../syntax/ast.ts';
import { elaborate, entriesOf, newElaboration } from './elaborate.ts';
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
  const add = (items: readonly Diagnostic[]): void => {
    for (const item of items) {
      if (seen.has(placeOf(item))) continue;
      seen.add(placeOf(item));
      sink.report(item);
    }
  };
  for (const entry of entriesOf(module)) {
    const own = new DiagnosticSink();
    const open = entry.hyperparameters.filter((parameter) => !parameter.default);
    if (open.length === 0) elaborate(module, entry, ops, { settings: [] }, own);
    else own.report(notElaborated(entry, open));
    add(own.items);
  }
  const [names, warnings] = [new DiagnosticSink(), new DiagnosticSink()];
  resolveNames(module, ops, names, warnings);
  // What elaboration had to say about a place says more.
  const told = new Set(sink.items.flatMap((item) => [spanKey(item), unknownName(item, module) ?? '']));
  add(names.items.filter((item) => !told.has(spanKey(item)) && !told.has(unknownName(item, module))));
  const defaults = new DiagnosticSink();
  checkDefaults(module, ops, defaults);
  add(defaults.items);
  if (!module.broken && !sink.hasErrors) add(warnings.items);
}

function notElaborated({ name }: EntryDeclaration, open: readonly Hyperparameter[]): Diagnostic {
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
  const elaboration = newElaboration(module, ops, sink, { given: [], atHand: [] });
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
    case 'train':
      return declaration.hyperparameters;
    case 'function':
      return declaration.parameters.filter((parameter) => parameter.kind === 'hyperparameter');
    case 'const':
      return [];
  }
}

function placeOf(item: Diagnostic): string {
  return `${item.code} ${spanKey(item) ?? item.message}`;
}

/** A name that a declaration of the file does not know: said once, wherever it is used there. */
function unknownName({ code, primary }: Diagnostic, { source, file }: Module): string | undefined {
  if (code !== 'HED2005' || primary?.span.source !== source) return undefined;
  const place = primary.span.start;
  const home = file.declarations.findIndex(({ span }) => span.start <= place && place < span.end);
  return `${textOf(primary.span)} ${home}`;
}

function spanKey({ primary }: Diagnostic): string | undefined {
  return primary && `${primary.span.source.path} ${primary.span.start} ${primary.span.end}`;
}
