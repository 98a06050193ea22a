/** Drawings hold together: nothing overlaps, overflows or leads through something else, however blocks are folded. */
import { beforeAll, describe, expect, it } from 'vitest';
import { FONTS } from '../../src/compiler/inspect/graph/boxes.ts';
import { MAX_UNITS, TooManyUnits, type Drawing } from '../../src/compiler/inspect/graph/layout.ts';
import type { Level, Placed, PlacedNode, Point } from '../../src/compiler/inspect/graph/level.ts';
import { place } from '../../src/compiler/inspect/graph/place.ts';
import { printDrawing } from '../../src/compiler/inspect/graph/print.ts';
import { printSvg } from '../../src/compiler/inspect/graph/svg.ts';
import { textWidth } from '../../src/compiler/inspect/graph/text-width.ts';
import { DRAWN, drawn, inspectedText, type Inspected } from './support.ts';

/** Which blocks are open: none, all, and two mixtures of both. */
const STATES: readonly (readonly [name: string, isOpen: (id: string) => boolean])[] = [
  ['closed', () => false],
  ['open', () => true],
  ['open in the outer two levels', (id) => id.split('-').length <= 3],
  ['open where the number is even', (id) => id.split('-').every((part) => part === 'n' || Number(part) % 2 === 0)],
];

describe.each(DRAWN)('%s', (_, load) => {
  let drawing: Drawing;
  beforeAll(async () => {
    drawing = await drawingOf(load);
  });

  it.each(STATES)('%s: boxes keep apart, within the box around them', (_state, isOpen) => {
    forEachLevel(drawing.level, isOpen, (level) => {
      for (const [at, node] of level.nodes.entries()) {
        expect(node.x >= 0 && node.x + node.width <= level.width, `${node.node.id} sticks out`).toBe(true);
        expect(node.y >= 0 && node.y + node.height <= level.height, `${node.node.id} sticks out`).toBe(true);
        for (const other of level.nodes.slice(at + 1))
          expect(overlap(node, other), `${node.node.id} over ${other.node.id}`).toBe(false);
      }
    });
  });

  it.each(STATES)('%s: edges are upright or level, lead from box to box, and through no other', (_state, isOpen) => {
    forEachLevel(drawing.level, isOpen, (level, source) => {
      level.edges.forEach(({ points }, at) => {
        const { from, to } = source.edges[at]!;
        expect(touches(level.nodes[from]!, points[0]!)).toBe(true);
        expect(touches(level.nodes[to]!, points.at(-1)!)).toBe(true);
        points.slice(1).forEach((end, segment) => {
          const start = points[segment]!;
          expect(start[0] === end[0] || start[1] === end[1], `edge ${at} is slanted`).toBe(true);
          for (const [number, node] of level.nodes.entries())
            if (number !== from && number !== to)
              expect(crosses(start, end, node), `edge ${at} through ${node.node.id}`).toBe(false);
        });
      });
    });
  });

  it.each(STATES)('%s: text stays within its box', (_state, isOpen) => {
    forEachLevel(drawing.level, isOpen, (level) => {
      for (const { node, inside, width } of level.nodes) {
        const widths = node.rows.map(({ text, style }) => textWidth(text, FONTS[style]));
        const needed = inside ? widths.reduce((sum, one) => sum + one, 0) : Math.max(0, ...widths);
        expect(width, node.rows.map(({ text }) => text).join(' ')).toBeGreaterThanOrEqual(needed);
      }
    });
  });

  it.each(STATES)(
    '%s: labels stand on their edges, and on no box, other label or edge of another value',
    (_, isOpen) => {
      forEachLevel(drawing.level, isOpen, (level, source) => {
        const labels = level.edges.flatMap(({ label, points }, at) => (label ? [{ label, points, at }] : []));
        for (const { label, points, at } of labels) {
          const [middle, height] = [label.x + label.width / 2, label.y + label.height / 2];
          const isOn = points.some(
            ([x, y], end) => end > 0 && x === middle && y >= height && points[end - 1]![1] <= height,
          );
          expect(isOn, `${label.tip} is off its edge`).toBe(true);
          for (const { node, ...box } of level.nodes)
            expect(overlap(box, label), `${label.tip} on ${node.id}`).toBe(false);
          for (const other of labels)
            if (other.at !== at) expect(overlap(other.label, label), `${label.tip} on ${other.label.tip}`).toBe(false);
          const { from, fromPlace } = source.edges[at]!;
          level.edges.forEach((edge, number) => {
            const own = source.edges[number]!;
            if (own.from === from && own.fromPlace === fromPlace) return;
            const isThrough = edge.points.slice(1).some((end, before) => crosses(edge.points[before]!, end, label));
            expect(isThrough, `edge ${number} through ${label.tip}`).toBe(false);
          });
        }
      });
    },
  );

  it('is well-formed as SVG, without scripts, and says what every box and label is', () => {
    const svg = printSvg(drawing.level, 'Model', () => true);
    expect(unbalancedTags(svg)).toEqual([]);
    expect(svg).not.toMatch(/<script|javascript:|\son\w+=|href=/);
    const boxes = svg.match(/<g class="node/g)!.length;
    const labels = svg.match(/<rect class="plate"/g)!.length;
    expect(svg.match(/<title>/g)).toHaveLength(boxes + labels + 1);
  });
});

it('has literal colours as SVG, which need no variables of CSS, for light and for dark', async () => {
  const { level } = await drawingOf(DRAWN[2]![1]);
  const svg = printSvg(level, 'Model', () => true);
  expect(svg).not.toContain('var(');
  const [light, dark] = svg.split('@media(prefers-color-scheme:dark)');
  expect(light).toContain('.paper,.plate{fill:#ffffff}');
  expect(dark).toContain('.paper,.plate{fill:#14181f}');
});

it('is refused where more parts stand on one level than a reader can tell apart', async () => {
  const wide = inspectedText(`model Wide() {
  dims batch
  input x: f32[batch, 4]
  hs = [for i in 0..${MAX_UNITS} => relu(x * i + 1)]
  y = x
  for h in hs {
    y = y + h
  }
  output z = y
}
`);
  await expect(drawn(wide)).rejects.toThrow(TooManyUnits);
  await expect(drawn(wide)).rejects.toThrow(/^`Wide` has 303 parts on one level, too many to draw: at most 300$/);
});

it('tells the flags of ops that are set', async () => {
  const { level } = await drawn(
    inspectedText(`model Causal() {
  dims batch
  input x: f32[batch, 5, 4]
  output y = attention(x, x, x, causal: true)
  output z = attention(x, x, x)
}
`),
  );
  const ops = level.nodes.filter(({ kind }) => kind === 'ops').map(({ rows }) => rows[0]!.text);
  expect(ops).toEqual(['attention causal', 'attention']);
});

it('is drawn alike each time', async () => {
  const { root, graph } = DRAWN[2]![1]();
  const options = { dims: new Map(), depth: Infinity };
  const once = await printDrawing('svg', root, graph, options);
  expect(await printDrawing('svg', root, graph, options)).toBe(once);
});

describe('an architecture', () => {
  it('has its equal layers in one box, with their number', async () => {
    const { level } = await drawingOf(DRAWN[0]![1]);
    expect(level.nodes.filter(({ badge }) => badge === '×6').map(({ rows }) => rows[0]!.text)).toEqual(['layers']);
  });

  it('has its branches side by side', async () => {
    const { level } = await drawingOf(DRAWN[2]![1]);
    const branches = level.nodes.filter(({ rows }) => rows[0]?.text === 'Branch');
    expect(branches).toHaveLength(3);
    expect(new Set(branches.map(({ y }) => y)).size).toBe(1);
  });

  it('has the residual sum as a joint, and its experts in one box beside their router', async () => {
    const { level } = await drawingOf(DRAWN[1]![1]);
    const layer = level.nodes.find(({ badge }) => badge === '×4')!.inside!;
    expect(layer.nodes.filter(({ kind }) => kind === 'join')).toHaveLength(2);
    const moe = layer.nodes.find(({ rows }) => rows[0]?.text === 'SparseMoE')!.inside!;
    expect(moe.nodes.map(({ rows }) => rows[0]?.text)).toContain('Router');
    const mixture = moe.nodes.find(({ rows }) => rows[0]?.text === 'mixture')!.inside!;
    expect(mixture.nodes.filter(({ badge }) => badge === '×8')).toHaveLength(1);
  });

  it('has the parameters of one layer in boxes inside equal layers, whose number is told outside', async () => {
    const { level } = await drawingOf(DRAWN[0]![1]);
    const layers = level.nodes.find(({ badge }) => badge === '×6')!;
    expect(layers.rows[1]!.text).toBe('6 × 8.40 M');
    expect(layers.inside!.nodes.map(({ rows }) => rows[1]?.text)).toContain('attn · 4.20 M');
  });

  it.each([
    ['MultiBranchTrunk', 'concat axis 1', 3],
    ['Inception', 'concat axis 1', 4],
  ])('%s leads its branches straight down to the row above the op that joins them', async (name, joint, count) => {
    const { level } = await drawingOf(DRAWN.find(([other]) => other === name)![1]);
    const within = level.nodes.find(({ rows }) => rows[0]?.text === 'Inception')?.inside ?? level;
    for (const isOpen of [() => false, () => true]) {
      const { nodes, edges } = place(within, isOpen);
      const at = nodes.findIndex(({ node }) => node.rows[0]?.text === joint);
      const branches = edges.filter((_, number) => within.edges[number]!.to === at);
      expect(branches).toHaveLength(count);
      expect(new Set(branches.map(({ label }) => label!.y)).size).toBe(1);
      const columns = branches.map(({ points, label }) => [points[0]![0], label!.x + label!.width / 2]);
      for (const [start, end] of columns) expect(Math.abs(start! - end!)).toBeLessThanOrEqual(SLACK);
      expect(columns.map(([x]) => x!)).toEqual(columns.map(([x]) => x!).toSorted((a, b) => a - b));
    }
  });

  it('tells floor division shortly on edges, and in full in the tooltip', async () => {
    const { level } = await drawingOf(DRAWN.find(([name]) => name === 'MultiBranchTrunk')![1]);
    const label = level.edges.map((edge) => edge.label).find((one) => one?.tip.startsWith('[batch, 12,'));
    expect(label).toMatchObject({
      lines: ['[batch, 12,', '⌊height/2⌋, ⌊width/2⌋]'],
      tip: '[batch, 12, floordiv(height, 2), floordiv(width, 2)]',
    });
  });

  it('shows a model in another with what it takes and what others read of it', async () => {
    const { level } = await drawingOf(DRAWN.find(([name]) => name === 'Distillation')![1]);
    const at = level.nodes.findIndex(({ rows }) => rows[0]?.text === 'Teacher');
    expect(level.edges.filter(({ from, to }) => from === at || to === at)).toHaveLength(2);
    const kinds = level.nodes[at]!.inside!.nodes.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'exit')).toHaveLength(1);
    expect(kinds).not.toContain('output');
  });

  it('tells a shape once where nothing changes it', async () => {
    const { level } = await drawingOf(DRAWN[0]![1]);
    const labels = level.edges.flatMap(({ label }) => label?.lines.join(' ') ?? []);
    expect(labels).toEqual([...new Set(labels)]);
    expect(labels).toContain('[batch, 65, 1024]');
  });
});

describe('the width of text', () => {
  // What a browser measures in DejaVu Sans, one of the widest faces in use, at 11 pixels and, bold, at 13.
  const measured: readonly (readonly [text: string, plain: number, bold: number])[] = [
    ['LayerNorm', 60.7, 80.2],
    ['to_patch_embedding · 3.15 M', 163.3, 215.1],
    ['illicit', 25.7, 36.3],
    ['FeedForward', 70.5, 95.5],
    ['6 × 8.40 M', 60.7, 78.6],
    ['×12', 23.3, 29.0],
  ];
  it.each(measured)('of %s is enough for a wide face, and not much more', (text, plain, bold) => {
    for (const [width, font] of [
      [plain, { size: 11 }],
      [bold, { size: 13, bold: true }],
    ] as const) {
      expect(textWidth(text, font)).toBeGreaterThanOrEqual(width);
      expect(textWidth(text, font)).toBeLessThan(width * 1.25);
    }
  });
});

/** Laid out once for all tests. */
const drawings = new Map<unknown, Promise<Drawing>>();

function drawingOf(load: () => Inspected): Promise<Drawing> {
  const known = drawings.get(load) ?? drawn(load());
  drawings.set(load, known);
  return known;
}

/** Visits a level and those of the open blocks in it, each as placed and as laid out. */
function forEachLevel(
  level: Level,
  isOpen: (id: string) => boolean,
  visit: (placed: Placed, level: Level) => void,
): void {
  const descend = (placed: Placed, source: Level): void => {
    visit(placed, source);
    for (const { node, inside } of placed.nodes) if (inside) descend(inside, node.inside!);
  };
  descend(place(level, isOpen), level);
}

type Box = Pick<PlacedNode, 'x' | 'y' | 'width' | 'height'>;

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

const SLACK = 1;

function touches({ x, y, width, height }: PlacedNode, [px, py]: Point): boolean {
  return px >= x - SLACK && px <= x + width + SLACK && py >= y - SLACK && py <= y + height + SLACK;
}

function crosses(a: Point, b: Point, { x, y, width, height }: Box): boolean {
  const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  return left < x + width - SLACK && right > x + SLACK && top < y + height - SLACK && bottom > y + SLACK;
}

/** Tags that are not closed in their turn, as an XML parser would find them. */
function unbalancedTags(text: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, closing, name, , selfClosing] of text.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/gi)) {
    if (closing) {
      if (open.pop() !== name) wrong.push(name!);
    } else if (!selfClosing) open.push(name!);
  }
  const stray = text.replace(/<\/?[a-z]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/gi, '').match(/[<]|&(?!#\d+;)/g) ?? [];
  return [...wrong, ...open, ...stray];
}
