/**
 * The text form of a graph, for people, dumps and tests; `parser.ts` reads it back. One line a dim, condition, input,
 * parameter, kept tensor, node and output; two spaces deeper inside a region:
 *
 *     graph ViT {
 *       dim batch <= 64
 *       require <batch - 2> "index 1 is out of range: axis 0 has size batch"
 *       input img %0: f32[batch, 3, 4]
 *       param head.bias %1: f32[4] = uniform(bound: 0.5) @ head
 *       frozen state norm.mean %2: f32[4] = zeros() @ norm
 *       param "experts.{i}.gain" %3: f32[2, 4] of [experts.0.gain, experts.1.gain] = ones() @ experts
 *       kept keys %4: f32[batch, 2, 8, 4]
 *       %5: f32[batch, 3, 4] = expand(%1) {shape: [<batch>, <3>, <4>]} @ head
 *       output logits %5
 *       output next.norm.mean %6 into norm.mean
 *     }
 *
 * A dimension among attributes stands in angle brackets, which tells the size `<4>` from the number `4`. `@` is the
 * path of the instance a node came from. Places in the source are not printed.
 */
import type { Distribution } from '../../program/training.ts';
import { print } from '../dims/dim.ts';
import { isDim, isList, isRegion } from './attributes.ts';
import type { Attribute, Attributes, Graph, Node, Origin, Region, Value } from './graph.ts';
import { printType } from './types.ts';

export function printGraph(graph: Graph): string {
  const lines = [
    ...graph.dims.map(({ name, max }) => `dim ${printName(name)}${max === undefined ? '' : ` <= ${max}`}`),
    ...(graph.conditions ?? []).map(
      ({ atLeastZero, message, origin }) =>
        `require <${print(atLeastZero)}> ${JSON.stringify(message)}${printOrigin(origin)}`,
    ),
    ...graph.inputs.map(({ name, value }) => `input ${printName(name)} ${declare(value)}`),
    ...graph.parameters.map(({ name, value, members, initial, state, frozen, origin }) => {
      const kind = `${frozen ? 'frozen ' : ''}${state ? 'state' : 'param'}`;
      const stacked = members ? ` of [${members.map(printName).join(', ')}]` : '';
      const first = initial ? ` = ${printDistribution(initial)}` : '';
      return `${kind} ${printName(name)} ${declare(value)}${stacked}${first}${printOrigin(origin)}`;
    }),
    ...(graph.kept ?? []).map(({ name, value }) => `kept ${printName(name)} ${declare(value)}`),
    ...graph.nodes.map((node) => printNode(node, 1)),
    ...graph.outputs.map(
      ({ name, value, into }) =>
        `output ${printName(name)} ${refer(value)}${into === undefined ? '' : ` into ${printName(into)}`}`,
    ),
  ];
  return [`graph ${printName(graph.name)} {`, ...lines.map((line) => indent(1) + line), '}', ''].join('\n');
}

/** `normal(mean: 0, std: 0.02)` */
function printDistribution({ kind, ...numbers }: Distribution): string {
  return `${kind}(${printEntries(numbers, 1)})`;
}

/** One node on one line, but for the regions in it; `depth` is the indentation of lines within those. */
function printNode(node: Node, depth = 0): string {
  const results = node.results.map(declare).join(', ');
  const attributes = Object.keys(node.attributes).length === 0 ? '' : ` {${printEntries(node.attributes, depth)}}`;
  const operands = node.inputs.map(refer).join(', ');
  return `${results} = ${node.op.name}(${operands})${attributes}${printOrigin(node.origin)}`;
}

function declare(value: Value): string {
  return `%${value.id}: ${printType(value.type)}`;
}

function refer(value: Value): string {
  return `%${value.id}`;
}

function printOrigin({ path }: Origin): string {
  return path === '' ? '' : ` @ ${printName(path)}`;
}

/** Dotted names stand as they are, others as strings. */
function printName(name: string): string {
  return /^[A-Za-z_]\w*(\.\w+)*$/.test(name) ? name : JSON.stringify(name);
}

function printEntries(entries: Attributes, depth: number): string {
  return Object.entries(entries)
    .map(([name, value]) => `${printName(name)}: ${printAttribute(value, depth)}`)
    .join(', ');
}

export function printAttribute(value: Attribute, depth = 0): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return printNumber(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (isDim(value)) return `<${print(value)}>`;
  if (isRegion(value)) return printRegion(value, depth);
  if (isList(value)) return `[${value.map((item) => printAttribute(item, depth)).join(', ')}]`;
  return `{${printEntries(value, depth)}}`;
}

function printNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

function printRegion(region: Region, depth: number): string {
  const lines = [
    ...region.nodes.map((node) => printNode(node, depth + 1)),
    `return ${region.results.map(refer).join(', ')}`,
  ];
  const body = lines.map((line) => `${indent(depth + 1)}${line}\n`).join('');
  return `region(${region.parameters.map(declare).join(', ')}) {\n${body}${indent(depth)}}`;
}

function indent(depth: number): string {
  return '  '.repeat(depth);
}
