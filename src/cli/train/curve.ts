/** The learning curve of a run as an SVG: loss and metrics over steps; no scripts, legible on light and dark. */
import { escapeMarkup, round } from '../../compiler/inspect/graph/draw.ts';
import { SANS } from '../../compiler/inspect/graph/svg.ts';
import { marks, printMark } from './axis.ts';
import { isEvaluation, type LogLine, type StepLine } from './log.ts';

type Points = readonly (readonly [step: number, value: number])[];

/** One quantity in training and in evaluation. */
interface Chart {
  readonly name: string;
  readonly train: Points;
  readonly evaluation: Points;
}

const [WIDTH, PLOT_HEIGHT, TOP] = [720, 250, 52];
const MARGIN = { left: 62, right: 20, bottom: 40, between: 26 } as const;
/** The width of a character of a mark, nearly. */
const CHARACTER = 6.4;

/** A chart with what its axis shows. */
interface Scaled extends Chart {
  readonly smooth: Points;
  readonly low: number;
  readonly high: number;
  readonly rows: readonly number[];
}

/** What all charts share: where the plots begin and how wide they are, and the last step. */
interface Frame {
  readonly left: number;
  readonly width: number;
  readonly last: number;
}

/** The picture of a log. A log without lines gives empty axes. */
export function drawCurve(lines: readonly LogLine[], title: string): string {
  const charts = chartsOf(lines).map(scaled);
  const frame = frameOf(charts, lines);
  const pitch = PLOT_HEIGHT + MARGIN.between;
  const height = TOP + charts.length * pitch - MARGIN.between + MARGIN.bottom;
  const bodies = charts.map((chart, at) => drawChart(chart, at, TOP + at * pitch, frame, at === charts.length - 1));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="${frame.left}" y="24">${escapeMarkup(title)}</text>
${drawLegend(charts)}
${bodies.join('\n')}
</svg>
`;
}

function chartsOf(lines: readonly LogLine[]): Chart[] {
  const steps = lines.filter((line) => !isEvaluation(line)) as StepLine[];
  const evaluations = lines.filter(isEvaluation);
  const names = new Set([
    ...steps.flatMap(({ metrics }) => Object.keys(metrics)),
    ...evaluations.flatMap(({ evaluation }) => Object.keys(evaluation.metrics)),
  ]);
  const points = <T extends LogLine>(from: readonly T[], read: (line: T) => number | undefined): Points =>
    from.flatMap((line) => {
      const value = read(line);
      return typeof value === 'number' && Number.isFinite(value) ? [[line.step, value] as const] : [];
    });
  const loss: Chart = {
    name: 'loss',
    train: points(steps, (line) => line.loss),
    evaluation: points(evaluations, ({ evaluation }) => evaluation.loss),
  };
  const metrics = [...names].map((name): Chart => ({
    name,
    train: points(steps, (line) => line.metrics[name]),
    evaluation: points(evaluations, ({ evaluation }) => evaluation.metrics[name]),
  }));
  return [loss, ...metrics];
}

function scaled(chart: Chart): Scaled {
  const smooth = smoothed(chart.train);
  const [low, high] = range(chart, smooth);
  return { ...chart, smooth, low, high, rows: marks(low, high, 5) };
}

/** The marks of rows have room between the names of charts and the axis. */
function frameOf(charts: readonly Scaled[], lines: readonly LogLine[]): Frame {
  const longest = charts
    .flatMap(({ rows }) => rows.map((value) => printMark(value, rows).length))
    .reduce((most, length) => Math.max(most, length), 0);
  const left = Math.max(MARGIN.left, Math.ceil(32 + CHARACTER * longest));
  return { left, width: WIDTH - left - MARGIN.right, last: lines.reduce((most, { step }) => Math.max(most, step), 1) };
}

/** A mean over about a fortieth of the points around each, and at the ends over those that there are. */
export function smoothed(points: Points): Points {
  const reach = Math.floor(points.length / 80);
  if (reach === 0) return points;
  const sums = [0];
  for (const [, value] of points) sums.push(sums.at(-1)! + value);
  return points.map(([step], at) => {
    const [from, to] = [Math.max(0, at - reach), Math.min(points.length, at + reach + 1)];
    return [step, (sums[to]! - sums[from]!) / (to - from)] as const;
  });
}

/** As many points as a plot can show: of each stretch the least and the greatest. */
function thinned(points: Points): Points {
  const stretch = Math.ceil(points.length / (WIDTH / 2));
  if (stretch <= 2) return points;
  const kept: (readonly [number, number])[] = [];
  for (let at = 0; at < points.length; at += stretch) {
    const part = points.slice(at, at + stretch).toSorted((a, b) => a[1] - b[1]);
    kept.push(...[part[0]!, part.at(-1)!].toSorted((a, b) => a[0] - b[0]));
  }
  return kept;
}

/** What the vertical axis shows: all of the smooth line and the evaluations; single outliers of the raw one are cut off. */
function range({ train, evaluation }: Chart, smooth: Points): readonly [low: number, high: number] {
  const values = [...smooth, ...evaluation].map(([, value]) => value);
  const sorted = train.map(([, value]) => value).toSorted((a, b) => a - b);
  if (sorted.length > 0)
    values.push(sorted[Math.floor(0.01 * sorted.length)]!, sorted[Math.ceil(0.99 * sorted.length) - 1]!);
  if (values.length === 0) return [0, 1];
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  // What differs by less than the loss is exact to is one line, not a mountain range.
  const room = high - low > 1e-6 * Math.abs(high) ? (high - low) * 0.05 : (Math.abs(high) || 1) * 0.05;
  // An axis that nearly reaches zero begins there.
  return [low >= 0 && low < 0.2 * high ? 0 : low - room, high + room];
}

function drawChart(chart: Scaled, index: number, top: number, frame: Frame, isLowest: boolean): string {
  const { smooth, low, high, rows } = chart;
  const { left, width, last } = frame;
  const x = (step: number): number => round(left + (step / last) * width);
  const y = (value: number): number => round(top + PLOT_HEIGHT - ((value - low) / (high - low)) * PLOT_HEIGHT);
  const path = (points: Points): string => points.map(([step, value]) => `${x(step)} ${y(value)}`).join('L');
  const line = (kind: string, points: Points): string =>
    points.length > 1 ? `<path class="${kind}" d="M${path(points)}"/>` : '';
  const dot = ([step, value]: Points[number], kind: string): string =>
    `<circle class="${kind}" cx="${x(step)}" cy="${y(value)}" r="2.5"/>`;
  const columns = marks(0, last, 8).filter(Number.isInteger);
  const bottom = top + PLOT_HEIGHT;
  const grid = [
    ...rows.map(
      (value) =>
        `<path class="grid" d="M${left} ${y(value)}H${left + width}"/><text class="mark row" x="${left - 8}" y="${y(value) + 3.5}">${printMark(value, rows)}</text>`,
    ),
    ...columns.map(
      (step) =>
        `<path class="tick" d="M${x(step)} ${bottom}v4"/>${isLowest ? `<text class="mark" x="${x(step)}" y="${bottom + 17}">${printMark(step, columns)}</text>` : ''}`,
    ),
  ];
  const clip = `clip${index}`;
  return [
    `<clipPath id="${clip}"><rect x="${left}" y="${top}" width="${width}" height="${PLOT_HEIGHT}"/></clipPath>`,
    ...grid,
    `<path class="axis" d="M${left} ${top}V${bottom}H${left + width}"/>`,
    `<text class="name" transform="translate(16 ${top + PLOT_HEIGHT / 2}) rotate(-90)">${escapeMarkup(chart.name)}</text>`,
    isLowest ? `<text class="name" x="${left + width / 2}" y="${bottom + 34}">step</text>` : '',
    `<g clip-path="url(#${clip})">${smooth === chart.train ? '' : line('raw', thinned(chart.train))}${line('train', thinned(smooth))}</g>`,
    line('evaluation', chart.evaluation),
    ...chart.evaluation.map((point) => dot(point, 'evaluation-dot')),
    ...(chart.train.length === 1 ? chart.train.map((point) => dot(point, 'train-dot')) : []),
  ].join('');
}

/** Above the plots at the right, in the order of drawing. */
function drawLegend(charts: readonly Chart[]): string {
  const hasRaw = charts.some(({ train }) => smoothed(train) !== train);
  const entries = [
    ...(charts.some(({ train }) => train.length > 0) ? [['train', hasRaw ? 'training (mean)' : 'training']] : []),
    ...(hasRaw ? [['raw', 'training']] : []),
    ...(charts.some(({ evaluation }) => evaluation.length > 0) ? [['evaluation', 'validation']] : []),
  ] as const;
  let x = WIDTH - MARGIN.right;
  return [...entries]
    .reverse()
    .map(([kind, label]) => {
      x -= 34 + 6.2 * label!.length;
      return `<path class="${kind}" d="M${round(x)} 40h20"/><text class="legend" x="${round(x + 25)}" y="43.5">${label}</text>`;
    })
    .reverse()
    .join('');
}

const LIGHT = {
  paper: '#ffffff',
  ink: '#1d2430',
  soft: '#5d6878',
  grid: '#e4e8ee',
  train: '#3b76c4',
  evaluation: '#d0671c',
};
const DARK = {
  paper: '#14181f',
  ink: '#e8ebf0',
  soft: '#a3adbb',
  grid: '#2a323d',
  train: '#6ea3e6',
  evaluation: '#f0a35e',
};

/** Colours are literal: many programs that show SVG know no variables of CSS. */
function colours({ paper, ink, soft, grid, train, evaluation }: typeof LIGHT): string {
  return (
    `.paper{fill:${paper}}text{fill:${soft}}.title,.name,.legend{fill:${ink}}.grid{stroke:${grid}}.axis,.tick{stroke:${soft}}` +
    `.train,.raw{stroke:${train}}.train-dot{fill:${train}}.evaluation{stroke:${evaluation}}.evaluation-dot{fill:${evaluation}}`
  );
}

const STYLE = [
  'svg{color-scheme:light dark}',
  `text{font-family:${SANS};font-size:11px;text-anchor:middle}.title{font-size:14px;font-weight:600;text-anchor:start}`,
  '.legend{text-anchor:start}.row{text-anchor:end}path{fill:none}.axis,.tick{stroke-width:1}.grid{stroke-width:1}',
  '.raw{stroke-width:1;opacity:.35}.train,.evaluation{stroke-width:2;stroke-linejoin:round}',
  colours(LIGHT),
  `@media(prefers-color-scheme:dark){${colours(DARK)}}`,
].join('\n');
