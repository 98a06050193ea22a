/** What a drawing writes on a node of the graph: the op with what a reader needs to recognise it. */
import { isList } from '../../ir/attributes.ts';
import type { Attribute, Node } from '../../ir/graph.ts';

const SIGNS: ReadonlyMap<string, string> = new Map([
  ['add', '+'],
  ['sub', '−'],
  ['mul', '×'],
  ['div', '÷'],
  ['pow', '^'],
  ['matmul', '@'],
]);

/** The sign of an op that has one. */
export function signOf(node: Node): string | undefined {
  return SIGNS.get(node.op.name);
}

/** The number that a constant holds, if it is one. */
export function constantText(node: Node): string | undefined {
  const data = node.attributes['data'];
  const [only] = data !== undefined && isList(data) && data.length === 1 ? data : [];
  return typeof only === 'number' ? formatNumber(only) : undefined;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/**
 * The lines for a node. `operands` holds the text of each operand that is a number, and undefined for tensors.
 */
export function opLines(node: Node, operands: readonly (string | undefined)[]): string[] {
  const sign = signOf(node);
  const known = operands.filter((text) => text !== undefined);
  if (sign !== undefined && operands.length === 2 && known.length === 1)
    return [operands[0] === undefined ? `${sign} ${operands[1]}` : `${operands[0]} ${sign} ·`];
  if (node.op.internal) return [subscriptOf(node) ?? node.op.name];
  const settings: string[] = [];
  const patterns: string[] = [];
  for (const { name, kind, default: standard } of node.op.attributes) {
    const value = node.attributes[name];
    if (value === undefined || value === null || value === standard) continue;
    if (kind === 'pattern') patterns.push(String(value).replaceAll('->', '→'));
    else if (kind === 'axis' || kind === 'axes') settings.push(`${name} ${printPlain(value)}`);
    else if (kind === 'bool') settings.push(value === true ? name : `${name} ${String(value)}`);
    else if (kind === 'int' || kind === 'float' || kind === 'string') settings.push(`${name} ${printPlain(value)}`);
  }
  return [[node.op.name, ...settings].join(' '), ...patterns];
}

function printPlain(value: Attribute): string {
  if (typeof value === 'number') return formatNumber(value);
  return isList(value) ? value.map(printPlain).join(', ') : String(value);
}

/** `[:, 0]`, as the spec has it, of a node made by a short subscript. */
function subscriptOf({ origin: { span } }: Node): string | undefined {
  if (!span || span.end - span.start > 40) return undefined;
  const text = span.source.text.slice(span.start, span.end);
  return text.endsWith(']') && text.includes('[') ? text.slice(text.indexOf('[')) : undefined;
}
