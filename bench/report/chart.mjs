/**
 * The result as a bar chart in SVG: a panel a model, in it a block of bars for each number of threads and kind of numbers,
 * in operations a second, with the register-tile ceiling of the block as a line. Each panel has a scale of its own, which
 * native code may exceed.
 */

const WIDTH = 900;
const LABELS = 230;
const RIGHT = 150;
const BAR = 17;
/** Room above a block, for the figure of its ceiling. */
const CEILING = 16;
const PANEL_GAP = 26;
const TOP = 66;
const COLOURS = { ours: '#b3261e', oursAside: '#dd9b94', peer: '#5b7fa6', native: '#c9c9c9' };

const escaped = (text) =>
  text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);

function text(x, y, content, { anchor = 'start', weight = 'normal', size = 12, fill = '#222' } = {}) {
  const attributes = `x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" fill="${fill}"`;
  // The halo keeps text readable where it crosses a line.
  return `<text ${attributes} paint-order="stroke" stroke="#fff" stroke-width="4">${escaped(content)}</text>`;
}

/** Heddle's main form is the strong one; its others stand aside. */
function colourOf({ kind, name }, reference) {
  if (kind !== 'ours') return COLOURS[kind];
  return name === reference ? COLOURS.ours : COLOURS.oursAside;
}

function printMilliseconds(milliseconds) {
  return milliseconds < 0.1 ? `${(milliseconds * 1000).toPrecision(3)} µs` : `${milliseconds.toPrecision(3)} ms`;
}

function bar(figure, y, scale, reference) {
  const room = WIDTH - LABELS - RIGHT;
  const width = Math.min(Math.max(1, figure.gigaflops * scale), room);
  const label = `${figure.gigaflops.toFixed(figure.gigaflops < 10 ? 2 : 1)}  ·  ${printMilliseconds(figure.min)}`;
  const weight = figure.name === reference ? 'bold' : 'normal';
  const parts = [
    text(LABELS - 8, y + BAR - 5, figure.name, { anchor: 'end', weight }),
    `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${colourOf(figure, reference)}"/>`,
    text(LABELS + width + 6, y + BAR - 5, label, { weight, size: 11 }),
  ];
  const end = LABELS + room;
  // A bar that is cut off says so.
  if (figure.gigaflops * scale > room)
    parts.push(`<path d="M${end - 14} ${y + BAR} l8 ${-BAR - 3}" stroke="#fff" stroke-width="4"/>`);
  return parts.join('\n');
}

/** Bars that may be compared: as many threads, and the same numbers. The fastest stand first. */
function blocksOf(figures) {
  const blocks = new Map();
  for (const figure of figures.filter(({ kind, absent }) => kind !== 'ceiling' && !absent)) {
    const key = `${figure.numbers} ${figure.threads}`;
    blocks.set(key, [...(blocks.get(key) ?? []), figure]);
  }
  return [...blocks.values()].map((bars) => bars.toSorted((a, b) => a.min - b.min));
}

/** Heddle's main form: its name has nothing but the number of threads and the kind of numbers. */
function referenceOf(bars) {
  const names = bars.filter(({ kind }) => kind === 'ours').map(({ name }) => name);
  return names.toSorted((a, b) => a.length - b.length)[0];
}

function drawBlock(bars, top, scale, limit) {
  const reference = referenceOf(bars);
  const y = top + CEILING;
  const end = y + bars.length * BAR;
  const lines = [];
  const { ceiling } = bars.find(({ name }) => name === reference) ?? {};
  if (ceiling <= limit) {
    const x = (LABELS + ceiling * scale).toFixed(1);
    lines.push(`<line x1="${x}" y1="${y - 4}" x2="${x}" y2="${end}" stroke="#222" stroke-dasharray="3 3"/>`);
    lines.push(text(x, y - 6, ceiling.toFixed(1), { anchor: 'middle', size: 9, fill: '#555' }));
  }
  bars.forEach((figure, at) => lines.push(bar(figure, y + at * BAR, scale, reference)));
  return { end, lines };
}

function drawPanel({ title, figures }, top) {
  const blocks = blocksOf(figures);
  const wasm = blocks.flat().filter(({ kind }) => kind !== 'native');
  const widest = Math.max(...wasm.map(({ gigaflops }) => gigaflops));
  // A ceiling far beyond all bars would only make them short.
  const limit = 1.6 * widest;
  const ceilings = wasm.filter(({ kind, ceiling }) => kind === 'ours' && ceiling <= limit);
  const scale = (WIDTH - LABELS - RIGHT) / Math.max(widest, ...ceilings.map(({ ceiling }) => ceiling));
  const lines = [text(LABELS, top + 12, title, { weight: 'bold', size: 13 })];
  let y = top + 14;
  for (const bars of blocks) {
    const drawn = drawBlock(bars, y, scale, limit);
    lines.push(...drawn.lines);
    y = drawn.end;
  }
  return { end: y, lines };
}

/**
 * `panels` are `{ title, figures }` as `figuresOf` makes them, `subtitle` says where it was measured. Bars are the best
 * rate of each; contestants that were absent have none.
 */
export function drawChart(title, subtitle, panels) {
  let y = TOP;
  const parts = panels
    .filter(({ figures }) => blocksOf(figures).length > 0)
    .map((panel) => {
      const { end, lines } = drawPanel(panel, y);
      y = end + PANEL_GAP;
      return lines.join('\n');
    });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    text(16, 24, title, { weight: 'bold', size: 15 }),
    text(16, 42, subtitle, { size: 11, fill: '#555' }),
    text(16, 57, 'dashed: register-tile ceiling of as many threads · grey: native code, for orientation', {
      size: 11,
      fill: '#555',
    }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** The chart of one engine of a report. */
export function chartOf({ cpu, date }, { engine, speed }) {
  const subtitle = `best rate in 10⁹ operations a second, and its time; batch 1 · ${engine} · ${cpu} · ${date.slice(0, 10)}`;
  return drawChart('Heddle and its peers', subtitle, speed);
}
