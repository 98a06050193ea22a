/** Files, imports and declarations as documents. */
import type {
  ConstStatement,
  Declaration,
  File,
  Hyperparameter,
  Import,
  TensorParameter,
  TensorTypeExpr,
} from '../ast.ts';
import { space } from './doc.ts';
import type { Doc } from './doc.ts';
import { entries } from './entries.ts';
import { bracketList } from './lists.ts';
import { assigned, bodyDoc, optionalMark, skipEmpty } from './statements.ts';
import { tensorType, valueType } from './types.ts';
import type { Writer } from './writer.ts';

export function fileDoc(w: Writer, { imports, declarations }: File): Doc {
  return entries(w, [
    ...imports.map((item) => ({ doc: () => importDoc(w, item) })),
    ...declarations.map((item) => ({ doc: () => declarationDoc(w, item), apart: item.kind !== 'const' })),
  ]);
}

function importDoc(w: Writer, { names }: Import): Doc {
  const word = w.take('import');
  const list = names.map(({ name, alias }) => ({
    span: name.span,
    doc: (): Doc => [w.take(), alias ? [space, w.take('as'), space, w.take()] : []],
  }));
  return [word, space, bracketList(w, '{', list, '}', { spaced: true }), space, w.take('from'), space, w.take()];
}

function declarationDoc(w: Writer, declaration: Declaration): Doc {
  switch (declaration.kind) {
    case 'block':
    case 'function':
    case 'model':
    case 'train':
      return w.group((breakUp) => [headDoc(w, declaration), bodyDoc(w, declaration.body, breakUp)]);
    case 'const':
      return [w.take('const'), space, w.take(), assigned(w, declaration.value)];
    default:
      return declaration satisfies never;
  }
}

function headDoc(w: Writer, declaration: Exclude<Declaration, ConstStatement>): Doc {
  const { kind } = declaration;
  const head = [w.take(kind === 'function' ? 'fn' : kind), space, w.take()];
  switch (kind) {
    case 'block': {
      const { hyperparameters, tensors, results } = declaration;
      return [head, parameters(w, hyperparameters, true), parameters(w, tensors), resultsDoc(w, results)];
    }
    case 'function':
      return [head, parameters(w, declaration.parameters), resultsDoc(w, declaration.results)];
    case 'model':
    case 'train':
      if (declaration.hyperparameters.length > 0) return [head, parameters(w, declaration.hyperparameters)];
      skipEmpty(w, '(', ')');
      return head;
    default:
      return kind satisfies never;
  }
}

function parameters(w: Writer, list: readonly (Hyperparameter | TensorParameter)[], before = false): Doc {
  const items = list.map((item) => ({ span: item.span, doc: (): Doc => parameter(w, item) }));
  return bracketList(w, '(', items, ')', { before });
}

function parameter(w: Writer, item: Hyperparameter | TensorParameter): Doc {
  const name = w.take(item.name.text);
  if (item.kind === 'hyperparameter') {
    return [name, w.punctuation(':'), space, valueType(w, item.type), assigned(w, item.default)];
  }
  return [name, optionalMark(w, item.optional), w.punctuation(':'), space, tensorType(w, item.type)];
}

/** ` -> type`, or several in parentheses. */
function resultsDoc(w: Writer, results: readonly TensorTypeExpr[]): Doc {
  const arrow = [space, w.punctuation('->'), space];
  const [only] = results;
  if (!only || results.length > 1) {
    const items = results.map((type) => ({ span: type.span, doc: (): Doc => tensorType(w, type) }));
    return [arrow, bracketList(w, '(', items, ')')];
  }
  const enclosed = w.is('(');
  if (enclosed) w.skip('(');
  const type = tensorType(w, only);
  if (w.is(',')) w.skip(',');
  if (enclosed) w.skip(')');
  return [arrow, type];
}
