/** How each unit of a flow looks: its rows of text, and the size they take. */
import type { Block } from '../blocks.ts';
import { formatCount, formatExact, formatShape, formatSize, type DimValues } from '../quantities.ts';
import type { Unit } from './flow.ts';
import type { Row } from './level.ts';
import { textWidth, type Font } from './text-width.ts';

export interface Box {
  readonly rows: readonly Row[];
  readonly width: number;
  readonly height: number;
  /** `×12` */
  readonly badge?: string;
  /** The width of the rows side by side, as over an open block. */
  readonly header: number;
  /** What a tooltip tells. */
  readonly tip: string;
}

export const FONTS = {
  title: { size: 13, bold: true },
  text: { size: 11 },
  code: { size: 11, mono: true },
  sign: { size: 15 },
  label: { size: 10, mono: true },
} as const satisfies { readonly [style: string]: Font };

const ROW_HEIGHT = 16;
const PADDING = { x: 12, y: 8 };

export function boxOf(unit: Unit, dims: DimValues): Box {
  switch (unit.kind) {
    case 'block':
      return blockBox(unit.block, dims);
    case 'ops':
      return sized(
        unit.lines.map((text) => ({ text, style: 'code' })),
        unit.lines.join('\n'),
      );
    case 'join':
      return { rows: [{ text: unit.sign, style: 'sign' }], width: 24, height: 24, header: 0, tip: unit.sign };
    case 'parameter': {
      const { name, value } = unit.parameter;
      const shape = formatShape(value.type.shape);
      return sized(
        [
          { text: name.split('.').at(-1)!, style: 'text' },
          { text: shape, style: 'label' },
        ],
        `${name}: ${value.type.dtype}${shape}`,
      );
    }
    case 'entry':
    case 'exit':
      return unit.name === undefined
        ? { rows: [], width: 8, height: 1, header: 0, tip: '' }
        : sized([{ text: unit.name, style: 'title' }], unit.name);
  }
}

/** The header of a block, open or not: its name, then where it is and what it holds. */
export function blockBox(block: Block, dims: DimValues): Box {
  const { kind, name, path, copies, costs } = block;
  const title = kind === 'round' ? name || 'for' : name;
  const own = kind === 'round' || kind === 'function' ? '' : ownPath(path);
  const parameters = parametersText(block);
  const facts = [own, parameters].filter((text) => text !== '').join(' · ');
  const badge = copies > 1 ? `×${copies}` : undefined;
  const rows: Row[] = [{ text: title, style: 'title' }];
  if (facts !== '') rows.push({ text: facts, style: 'text' });
  const settings = [...block.hyperparameters].map(([key, value]) => `${key} = ${value}`);
  const tip = [
    [`${path}${block.name && kind !== 'round' ? `: ${name}` : ''}`, badge ?? '']
      .filter((text) => text !== '')
      .join(' '),
    ...(copies > 1 ? [block.isChain ? 'one after the other' : 'side by side'] : []),
    ...settings,
    `${formatExact(costs.parameters)} parameters`,
    `${formatSize(costs.multiplyAdds, formatCount, dims)} multiply-adds`,
  ].join('\n');
  const box = sized(rows, tip);
  if (badge === undefined) return box;
  const room = badgeWidth(badge);
  const width = Math.max(box.width, widthOf(rows[0]!) + 2 * (PADDING.x + room));
  return { ...box, width, header: box.header + room, badge };
}

/** The end of a path that names something: `fc`, but `downsample.0` and `layer.{0..11}`. */
function ownPath(path: string): string {
  return /[^.]*(?:\.\d+|\.\{[^}]*\})*$/.exec(path)![0];
}

/** `12 × 7.09 M`; copies that share their parameters have those of one. */
function parametersText({ copies, isShared, eachParameters }: Block): string {
  if (eachParameters === 0) return '';
  const count = formatCount(eachParameters);
  return copies > 1 && !isShared ? `${copies} × ${count}` : count;
}

function badgeWidth(badge: string): number {
  return textWidth(badge, FONTS.title) + 12;
}

function widthOf({ text, style }: Row): number {
  return textWidth(text, FONTS[style]);
}

function sized(rows: readonly Row[], tip: string): Box {
  return {
    rows,
    width: Math.ceil(Math.max(...rows.map(widthOf)) + 2 * PADDING.x),
    height: rows.length * ROW_HEIGHT + 2 * PADDING.y,
    header: Math.ceil(rows.reduce((sum, row) => sum + widthOf(row) + 8, 2 * PADDING.x)),
    tip,
  };
}
