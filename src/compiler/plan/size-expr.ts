/** Symbolic dimensions in the form the Program stores. */
import type { Atom, Dim } from '../dims/dim.ts';
import type { SizeExpr } from '../../program/size.ts';

/** The same polynomial as a size expression; a constant becomes a plain number. */
export function toSizeExpr(dim: Dim): SizeExpr {
  const terms = dim.terms.map(({ coefficient, factors }) => {
    const parts: SizeExpr[] = factors.map(atomExpr);
    if (coefficient !== 1 || parts.length === 0) parts.unshift(coefficient);
    return combine('*', parts);
  });
  return terms.length === 0 ? 0 : combine('+', terms);
}

function combine(operator: '+' | '*', parts: readonly SizeExpr[]): SizeExpr {
  return parts.length === 1 ? parts[0]! : [operator, ...parts];
}

function atomExpr(atom: Atom): SizeExpr {
  switch (atom.kind) {
    case 'symbol':
      return atom.name;
    case 'floordiv':
      return ['//', toSizeExpr(atom.left), toSizeExpr(atom.right)];
    case 'min':
    case 'max':
      return [atom.kind, toSizeExpr(atom.left), toSizeExpr(atom.right)];
  }
}
