/** The drawing of an entry as one SVG document: no scripts, fonts of the system, legible on light and dark. */
import { draw, escapeMarkup } from './draw.ts';
import type { Level } from './level.ts';
import { place } from './place.ts';

export const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
export const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly frame: string;
  readonly level: string;
  readonly plain: string;
  readonly join: string;
  readonly joinLine: string;
  readonly in: string;
  readonly inLine: string;
  readonly weight: string;
  readonly weightLine: string;
  readonly hit: string;
  /** Fill and line of each colour that blocks are told apart by. */
  readonly tones: readonly (readonly [fill: string, line: string])[];
}

const LIGHT: Palette = {
  paper: '#ffffff',
  ink: '#1d2430',
  soft: '#5d6878',
  line: '#8a94a3',
  frame: '#c3cad4',
  level: '#f5f7fa',
  plain: '#ffffff',
  join: '#fff3d6',
  joinLine: '#c08a1e',
  in: '#e3f4e8',
  inLine: '#3f9960',
  weight: '#f3ecfb',
  weightLine: '#9a78c4',
  hit: '#e8590c',
  tones: [
    ['#dce9fb', '#4f83c8'],
    ['#ffe6d3', '#d08342'],
    ['#dff3ee', '#3d9c86'],
    ['#f9e0ea', '#c2608c'],
    ['#ecebd0', '#96913a'],
    ['#e5e3f8', '#726cc4'],
  ],
};
const DARK: Palette = {
  paper: '#14181f',
  ink: '#e8ebf0',
  soft: '#a3adbb',
  line: '#76818f',
  frame: '#3c4654',
  level: '#1b212a',
  plain: '#222a35',
  join: '#4a3a14',
  joinLine: '#d9a53a',
  in: '#1d3a28',
  inLine: '#5fbf84',
  weight: '#35284a',
  weightLine: '#b495de',
  hit: '#ff922b',
  tones: [
    ['#1f3552', '#6ea3e6'],
    ['#4a3120', '#e29b5d'],
    ['#1c3f38', '#57bda6'],
    ['#472535', '#de80a9'],
    ['#3b391c', '#bdb759'],
    ['#302e55', '#9a95e6'],
  ],
};

/** The style of a drawing. Colours are literal: many programs that show SVG know no variables of CSS. */
export function styleSheet(): string {
  return [
    'svg{color-scheme:light dark}',
    `text{font-family:${SANS};text-anchor:middle}`,
    '.title{font-size:13px;font-weight:600}.text{font-size:11px}',
    `.code{font-size:11px;font-family:${MONO}}.sign{font-size:15px}`,
    `.label{font-size:10px;font-family:${MONO}}`,
    '.header{text-anchor:start;paint-order:stroke;stroke-width:6px;stroke-linejoin:round}',
    '.badge{font-size:13px;font-weight:600;text-anchor:end}.fold{display:none}',
    '.edge{fill:none;stroke-width:1.3}.arrow{marker-end:url(#arrow)}',
    '.frame{stroke-width:1.2}.ops>.frame{stroke-dasharray:3 2.5}',
    ...colourRules(LIGHT),
    `@media(prefers-color-scheme:dark){\n${colourRules(DARK).join('\n')}\n}`,
  ].join('\n');
}

function colourRules(colours: Palette): string[] {
  const { paper, ink, soft, line, frame, level, plain, tones } = colours;
  return [
    `text{fill:${ink}}.text,.label,.badge{fill:${soft}}.header{stroke:${level}}`,
    `.paper,.plate{fill:${paper}}.open .plate{fill:${level}}.edge{stroke:${line}}#arrow path{fill:${line}}`,
    `.frame{fill:${plain};stroke:${frame}}.block.open>.frame{fill:${level}}`,
    `.join>.frame{fill:${colours.join};stroke:${colours.joinLine}}`,
    `.input>.frame,.output>.frame{fill:${colours.in};stroke:${colours.inLine}}`,
    `.parameter>.frame{fill:${colours.weight};stroke:${colours.weightLine}}`,
    ...tones.map(
      ([fill, stroke], at) => `.tone${at}>.frame{fill:${fill};stroke:${stroke}}.tone${at}.open>.frame{fill:${level}}`,
    ),
  ];
}

/** The colours that a page uses around its drawing, as variables of CSS. */
export function colourVariables(): string {
  const variables = ({ paper, ink, soft, frame, level, plain, hit }: Palette): string =>
    Object.entries({ paper, ink, soft, frame, level, plain, hit })
      .map(([name, colour]) => `--${name}:${colour}`)
      .join(';');
  return `:root{${variables(LIGHT)};color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{${variables(DARK)}}}`;
}

/** The fills of the tones as variables of CSS: `--tone0` to `--tone5`. */
export function toneVariables(): string {
  const variables = ({ tones }: Palette): string => tones.map(([fill], at) => `--tone${at}:${fill}`).join(';');
  return `:root{${variables(LIGHT)}}\n@media(prefers-color-scheme:dark){:root{${variables(DARK)}}}`;
}

export const ARROW =
  '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="6.5" markerHeight="6.5" orient="auto">' +
  '<path d="M0 0.6L8 4L0 7.4z"/></marker></defs>';

const MARGIN = 20;

/** The drawing with the blocks open for which `isOpen` answers true. */
export function printSvg(level: Level, title: string, isOpen: (id: string) => boolean): string {
  const placed = place(level, isOpen);
  const [width, height] = [Math.ceil(placed.width) + 2 * MARGIN, Math.ceil(placed.height) + 2 * MARGIN];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeMarkup(title)}</title>
<style>${styleSheet()}</style>
${ARROW}
<rect class="paper" width="${width}" height="${height}"/>
${draw(placed, MARGIN, MARGIN).replaceAll('<g class="node', '\n<g class="node')}
</svg>
`;
}
