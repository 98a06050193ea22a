/** The drawing of an entry as a Mermaid flowchart: open blocks are subgraphs. */
import type { Level, LevelNode } from './level.ts';

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string | undefined;
}

const DASHED = 'stroke-dasharray: 3 3';

export function printMermaid(level: Level, isOpen: (id: string) => boolean): string {
  const arrows: Arrow[] = [];
  const lines = levelLines(level, isOpen, '  ', arrows);
  const joined = arrowsBetweenNodes(arrows, gatesIn(level, isOpen));
  return [
    'flowchart TB',
    ...lines,
    ...joined.map(({ from, to, label }) => `  ${from} -->${label === undefined ? '' : `|"${escaped(label)}"|`} ${to}`),
    `  classDef ops ${DASHED}`,
    '',
  ].join('\n');
}

function levelLines(level: Level, isOpen: (id: string) => boolean, indent: string, arrows: Arrow[]): string[] {
  for (const { from, to, fromPlace, toPlace, label } of level.edges) {
    const [source, target] = [level.nodes[from]!, level.nodes[to]!];
    arrows.push({
      from: gate(source, 'exit', fromPlace, isOpen),
      to: gate(target, 'entry', toPlace, isOpen),
      label: label?.lines.join(' '),
    });
  }
  return level.nodes.flatMap((node) => {
    if (node.kind === 'entry' || node.kind === 'exit') return [];
    const title = [...node.rows.map(({ text }) => text), ...(node.badge === undefined ? [] : [node.badge])];
    if (!node.inside || !isOpen(node.id)) return [`${indent}${node.id}${shape(node.kind, title.map(escaped))}`];
    const head = `${indent}subgraph ${node.id}["${escaped(title.join(' · '))}"]`;
    return [head, ...levelLines(node.inside, isOpen, `${indent}  `, arrows), `${indent}end`];
  });
}

/** Where an arrow meets a node: of an open block, at one of the entries or exits inside. */
function gate(node: LevelNode, kind: 'entry' | 'exit', at: number, isOpen: (id: string) => boolean): string {
  if (!node.inside || !isOpen(node.id)) return node.id;
  return node.inside.nodes.filter((inner) => inner.kind === kind)[at]?.id ?? node.id;
}

function gatesIn(level: Level, isOpen: (id: string) => boolean): string[] {
  return level.nodes.flatMap((node) => {
    if (node.kind === 'entry' || node.kind === 'exit') return [node.id];
    return node.inside && isOpen(node.id) ? gatesIn(node.inside, isOpen) : [];
  });
}

/** Arrows through entries and exits, which are not shown, joined into arrows between the nodes on both sides. */
function arrowsBetweenNodes(arrows: readonly Arrow[], gates: readonly string[]): Arrow[] {
  let joined = [...arrows];
  for (const between of gates) {
    const ins = joined.filter(({ to }) => to === between);
    const outs = joined.filter(({ from }) => from === between);
    const through = ins.flatMap((a) => outs.map((b) => ({ from: a.from, to: b.to, label: a.label ?? b.label })));
    joined = [...joined.filter(({ from, to }) => from !== between && to !== between), ...through];
  }
  return joined;
}

function shape(kind: LevelNode['kind'], lines: readonly string[]): string {
  const text = `"${lines.join('<br/>')}"`;
  switch (kind) {
    case 'input':
    case 'output':
    case 'parameter':
      return `([${text}])`;
    case 'join':
      return `((${text}))`;
    case 'ops':
      return `[${text}]:::ops`;
    case 'block':
    case 'entry':
    case 'exit':
      return `[${text}]`;
  }
}

/** Quotes and markup as Mermaid's entities; a line of dashes or a number and a dot would be read as a list. */
function escaped(text: string): string {
  return text.replace(/[#"<>&`*_|]/g, (character) => `#${character.charCodeAt(0)};`);
}
