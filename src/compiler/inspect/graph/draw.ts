/**
 * A placed drawing as SVG elements.
 *
 * The functions of this file run in the page of `--graph html` too, which is given their text: they use nothing but
 * each other.
 */
import type { Label, LevelNode, Placed, PlacedEdge, PlacedNode, Point } from './level.ts';

/** The elements of a drawing; classes are those of its style sheet. */
export function draw(placed: Placed, x = 0, y = 0): string {
  const edges = placed.edges.map((edge) => drawEdge(edge, x, y)).join('');
  const nodes = placed.nodes.map((node) => drawNode(node, x, y)).join('');
  const labels = placed.edges.map(({ label }) => (label ? drawLabel(label, x, y) : '')).join('');
  return edges + nodes + labels;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Corners are rounded; an arrow head stands at the end. */
export function drawEdge({ points, hasArrow }: PlacedEdge, dx: number, dy: number): string {
  const at = points.map(([x, y]): Point => [round(x + dx), round(y + dy)]);
  let path = `M${at[0]!.join(' ')}`;
  for (let i = 1; i < at.length - 1; i++) {
    const [before, here, after] = [at[i - 1]!, at[i]!, at[i + 1]!];
    const towards = (other: Point): string => {
      const length = Math.abs(other[0] - here[0]) + Math.abs(other[1] - here[1]);
      const part = Math.min(6, length / 2) / (length || 1);
      return `${round(here[0] + (other[0] - here[0]) * part)} ${round(here[1] + (other[1] - here[1]) * part)}`;
    };
    path += `L${towards(before)}Q${here.join(' ')} ${towards(after)}`;
  }
  path += `L${at.at(-1)!.join(' ')}`;
  return `<path class="edge${hasArrow ? ' arrow' : ''}" d="${path}"/>`;
}

export function drawLabel({ lines, tip, x, y, width, height }: Label, dx: number, dy: number): string {
  const box = `x="${round(x + dx)}" y="${round(y + dy)}" width="${round(width)}" height="${round(height)}"`;
  const texts = lines.map((line, at) => {
    const baseline = y + dy + height / 2 + (at - (lines.length - 1) / 2) * 13 + 3.5;
    return `<text class="label" x="${round(x + dx + width / 2)}" y="${round(baseline)}">${escapeMarkup(line)}</text>`;
  });
  return `<g><title>${escapeMarkup(tip)}</title><rect class="plate" ${box} rx="3"/>${texts.join('')}</g>`;
}

export function drawNode(placed: PlacedNode, dx: number, dy: number): string {
  const { node, inside, insideTop = 0, width, height } = placed;
  const { kind, badge, tone, tip, id } = node;
  if (kind === 'entry' || kind === 'exit') return '';
  const [x, y] = [round(placed.x + dx), round(placed.y + dy)];
  const classes = ['node', kind];
  if (tone !== undefined) classes.push(`tone${tone}`);
  if (inside) classes.push('open');
  const radius = kind === 'block' ? 8 : kind === 'ops' ? 5 : Math.min(16, height / 2);
  const size = `width="${round(width)}" height="${round(height)}" rx="${radius}"`;
  // Copies lie behind the first like a pile of cards.
  const frames = (badge === undefined ? [0] : [8, 4, 0])
    .map((shift) => `<rect class="frame" x="${x + shift}" y="${y - shift}" ${size}/>`)
    .join('');
  const content = inside ? drawInside(inside, x + (width - inside.width) / 2, y, insideTop, height) : '';
  const texts = inside ? drawHeader(node, x, y) : drawRows(node, x + width / 2, y + height / 2);
  const marks =
    (badge === undefined ? '' : `<text class="badge" x="${round(x + width - 10)}" y="${y + 20}">${badge}</text>`) +
    (node.inside ? drawFold(x, y, inside !== undefined) : '');
  const start = `<g class="${classes.join(' ')}" data-id="${id}"><title>${escapeMarkup(tip)}</title>`;
  return `${start}${frames}${content}${texts}${marks}</g>`;
}

/** The rows of a closed node, one below the other around its middle. */
export function drawRows({ rows }: LevelNode, x: number, y: number): string {
  const rowHeight = 16;
  return rows
    .map(({ text, style }, at) => {
      const baseline = y + (at - rows.length / 2) * rowHeight + (style === 'sign' ? 13 : 12);
      return `<text class="${style}" x="${round(x)}" y="${round(baseline)}">${escapeMarkup(text)}</text>`;
    })
    .join('');
}

/** What opens and closes a block, on its corner; shown by the page alone. */
export function drawFold(x: number, y: number, isOpen: boolean): string {
  return `<g class="fold"><circle cx="${x + 1}" cy="${y + 1}" r="7.5"/><text x="${x + 1}" y="${y + 5}">${isOpen ? '−' : '+'}</text></g>`;
}

/** The inside of an open block, and the edges between its border and its entries and exits. */
export function drawInside(inside: Placed, x: number, y: number, room: number, height: number): string {
  const top = y + room;
  const stubs = inside.nodes.map(({ node, ...at }) => {
    const middle = x + at.x + at.width / 2;
    const ends: Point[] =
      node.kind === 'entry'
        ? [
            [middle, y],
            [middle, top + at.y + at.height],
          ]
        : [
            [middle, top + at.y],
            [middle, y + height],
          ];
    return node.kind === 'entry' || node.kind === 'exit' ? drawEdge({ points: ends, hasArrow: false }, 0, 0) : '';
  });
  return stubs.join('') + draw(inside, x, top);
}

/** The rows of an open block beside each other at its top. */
export function drawHeader({ rows }: LevelNode, x: number, y: number): string {
  const parts = rows.map(
    ({ text, style }, at) => `<tspan class="${style}"${at === 0 ? '' : ' dx="7"'}>${escapeMarkup(text)}</tspan>`,
  );
  return `<text class="header" x="${x + 12}" y="${y + 19}">${parts.join('')}</text>`;
}

/** All functions of this file, for the page. */
export const DRAWING: readonly { toString(): string }[] = [
  draw,
  round,
  escapeMarkup,
  drawEdge,
  drawLabel,
  drawNode,
  drawRows,
  drawInside,
  drawHeader,
  drawFold,
];
