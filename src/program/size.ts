/** Size expressions: the JSON form of symbolic dimensions, and their evaluation when dimensions are bound. */

/** A number, a dimension's name, or an operator with operands. `//` is floor division. */
export type SizeExpr = number | string | readonly ['+' | '*' | '//' | 'min' | 'max', ...SizeExpr[]];

/** Values of the dimensions bound so far. */
export type Dims = ReadonlyMap<string, number>;

/** Throws RangeError for an unbound name or a division by zero. */
export function evaluateSize(expr: SizeExpr, dims: Dims): number {
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

/** The dimensions that occur in `expr`, each once. */
export function namesIn(expr: SizeExpr): ReadonlySet<string> {
  if (typeof expr === 'number') return new Set();
  if (typeof expr === 'string') return new Set([expr]);
  return new Set(expr.slice(1).flatMap((operand) => [...namesIn(operand)]));
}

/**
 * `expr` as `slope * name + rest`, every other dimension being bound; undefined when it is not of that form, or a
 * division by zero. Throws RangeError when another dimension is unbound.
 */
export function affineIn(expr: SizeExpr, name: string, dims: Dims): { slope: number; rest: number } | undefined {
  if (expr === name) return { slope: 1, rest: 0 };
  if (!namesIn(expr).has(name)) return { slope: 0, rest: evaluateSize(expr, dims) };
  const [operator, ...operands] = expr as Exclude<SizeExpr, number | string>;
  if (operator !== '+' && operator !== '*') return undefined;
  let sum = operator === '+' ? { slope: 0, rest: 0 } : { slope: 0, rest: 1 };
  for (const operand of operands) {
    const part = affineIn(operand, name, dims);
    if (!part) return undefined;
    if (operator === '+') sum = { slope: sum.slope + part.slope, rest: sum.rest + part.rest };
    else if (sum.slope !== 0 && part.slope !== 0) return undefined;
    else sum = { slope: sum.slope * part.rest + sum.rest * part.slope, rest: sum.rest * part.rest };
  }
  return sum;
}

/** How a size is written in messages: `65*batch`. */
export function printSize(expr: SizeExpr): string {
  if (typeof expr !== 'object') return String(expr);
  const [operator, ...operands] = expr;
  const parts = operands.map(printSize);
  if (operator === 'min' || operator === 'max') return `${operator}(${parts.join(', ')})`;
  if (operator === '//') return `floordiv(${parts.join(', ')})`;
  if (operator === '+') return parts.join(' + ').replaceAll('+ -', '- ');
  return operands.map((operand, at) => (isSum(operand) ? `(${parts[at]})` : parts[at])).join('*');
}

function isSum(expr: SizeExpr): boolean {
  return typeof expr === 'object' && expr[0] === '+';
}

/** `[batch, 3, 256, 256]` */
export function printShape(shape: readonly SizeExpr[]): string {
  return `[${shape.map(printSize).join(', ')}]`;
}
