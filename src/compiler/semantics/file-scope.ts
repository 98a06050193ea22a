/** The names of a file: its declarations, its imports and its top-level constants. */
import type { Span } from '../base/source.ts';
import type { Declaration } from '../syntax/ast.ts';
import { evaluateExpression } from './expressions.ts';
import type { Elaboration, Frame } from './frame.ts';
import type { Module } from './modules.ts';
import { Scope } from './scope.ts';
import { ERROR, type StaticValue } from './values.ts';

/** Made once per file and elaboration; constants are evaluated in the order they are written. */
export function fileScope(elaboration: Elaboration, module: Module): Scope {
  const known = elaboration.fileScopes.get(module);
  if (known) return known;
  const scope = new Scope();
  elaboration.fileScopes.set(module, scope);
  for (const [name, { declaration, module: from, span }] of module.imported) {
    scope.define({ name, value: declaredValue(elaboration, declaration, from), span, role: 'declaration' });
  }
  for (const declaration of module.declarations.values()) {
    if (declaration.kind === 'const') continue;
    scope.define({
      name: declaration.name.text,
      value: declaredValue(elaboration, declaration, module),
      span: declaration.name.span,
      role: 'declaration',
    });
  }
  // Last, so that a name that two things claim stands for neither.
  const start: Span = { source: module.source, start: 0, end: 0 };
  for (const name of module.missing) scope.define({ name, value: ERROR, span: start, role: 'declaration' });
  const frame = fileFrame(elaboration, module, scope);
  for (const declaration of module.file.declarations) {
    if (declaration.kind !== 'const') continue;
    const value = evaluateExpression(frame, declaration.value);
    scope.define({ name: declaration.name.text, value, span: declaration.name.span, role: 'constant' });
  }
  return scope;
}

function declaredValue(elaboration: Elaboration, declaration: Declaration, module: Module): StaticValue {
  switch (declaration.kind) {
    case 'block':
      return { kind: 'block', declaration, module };
    case 'function':
      return { kind: 'function', declaration, module };
    case 'model':
      return { kind: 'model', declaration, module };
    case 'train':
      return { kind: 'train', declaration };
    case 'const':
      return fileScope(elaboration, module).lookup(declaration.name.text)?.value ?? ERROR;
  }
}

/** A frame for expressions that stand outside every body: constants, defaults, settings. */
export function fileFrame(elaboration: Elaboration, module: Module, scope: Scope): Frame {
  return {
    elaboration,
    module,
    scope,
    path: '',
    taken: new Map(),
    counts: new Map(),
    role: 'file',
    training: false,
    frozen: false,
    depth: 0,
  };
}
