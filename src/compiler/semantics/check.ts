/** Checks a whole file: every model whose hyperparameters all have defaults, and the names in everything else. */
import { DiagnosticSink } from '../base/diagnostic.ts';
import type { OpTable } from '../ir/op.ts';
import { elaborate, modelsOf } from './elaborate.ts';
import type { Module } from './modules.ts';
import { resolveNames } from './resolve.ts';

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
    if (model.hyperparameters.some((parameter) => !parameter.default)) continue;
    const own = new DiagnosticSink();
    elaborate(module, model, ops, { settings: [], training: false }, own);
    add(own);
  }
  const names = new DiagnosticSink();
  resolveNames(module, ops, names);
  add(names);
}

function placeOf(item: DiagnosticSink['items'][number]): string {
  const span = item.primary?.span;
  return span ? `${item.code} ${span.source.path} ${span.start} ${span.end}` : `${item.code} ${item.message}`;
}
