/** Size expressions: the JSON form of symbolic dimensions, and their evaluation when dimensions are bound. */

/** A number, a dimension's name, or an operator with operands. `//` is floor division. */
export type SizeExpr = number | string | readonly ['+' | '*' | '//' | 'min' | 'max', ...SizeExpr[]];

/** Throws RangeError for an unbound name or a division by zero. */
export function evaluateSize(expr: SizeExpr, dims: ReadonlyMap<string, number>): number {
  if (typeof expr === 'number') return expr;
  if (typeof expr === 'string') {
    const value = dims.get(expr);
    if (value === undefined) throw new RangeError(`dimension ${expr} is not bound`);
    return value;
  }
  const [operator, ...operands] = expr;
  const values = operands.map((operand) => evaluateSize(operand, dims));
  switch (operator) {
    case '+':
      return values.reduce((sum, value) => sum + value, 0);
    case '*':
      return values.reduce((product, value) => product * value, 1);
    case '//':
      if (values[1] === 0) throw new RangeError('division of a size by zero');
      return Math.floor(values[0]! / values[1]!);
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
  }
}
