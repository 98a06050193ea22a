/** The result as a bar chart in SVG: a group of bars a model, in GFLOP/s, with the ceiling as a dashed line. */

const WIDTH = 860;
const LABELS = 220;
const RIGHT = 130;
const BAR = 16;
const GAP = 26;
const TOP = 56;
/** In the order of the contestants; Heddle's is the strong one. */
const COLOURS = ['#b3261e', '#5b7fa6', '#7d9c7a', '#a58a5c', '#8a7aa6', '#8c8c8c', '#c08f8f', '#6aa3a3'];

const escaped = (text) =>
  text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);

function text(x, y, content, { anchor = 'start', weight = 'normal', size = 12, fill = '#222' } = {}) {
  const attributes = `x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" font-weight="${weight}" fill="${fill}"`;
  // The halo keeps text readable where it crosses a line.
  const halo = 'paint-order="stroke" stroke="#fff" stroke-width="4"';
  return `<text ${attributes} ${halo}>${escaped(content)}</text>`;
}

function bar(figure, y, scale, colour) {
  const width = Math.max(1, figure.gigaflops * scale);
  const label = figure.gigaflops.toFixed(figure.gigaflops < 10 ? 2 : 1);
  return [
    text(LABELS - 8, y + BAR - 4, figure.name, { anchor: 'end' }),
    `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colour}"/>`,
    text(LABELS + width + 6, y + BAR - 4, label),
  ].join('\n');
}

/**
 * `groups` are `{ title, figures }` as `figuresOf` makes them, `subtitle` says where it was measured. Bars are the best
 * rate of each; contestants that were absent have none.
 */
export function drawChart(title, subtitle, groups) {
  const bars = groups.map(({ figures }) => figures.filter(({ gigaflops, isCeiling }) => gigaflops && !isCeiling));
  const names = [...new Set(bars.flat().map(({ name }) => name))];
  const top = Math.max(...groups.flatMap(({ figures }) => figures.map(({ gigaflops = 0 }) => gigaflops)));
  const scale = (WIDTH - LABELS - RIGHT) / top;
  let y = TOP;
  const parts = groups.map(({ title: heading, figures }, at) => {
    const first = y + 20;
    const end = first + bars[at].length * BAR;
    const ceiling = figures.find(({ isCeiling, gigaflops }) => isCeiling && gigaflops);
    const lines = [text(LABELS, y + 12, heading, { weight: 'bold' })];
    if (ceiling) {
      const x = (LABELS + ceiling.gigaflops * scale).toFixed(1);
      lines.push(`<line x1="${x}" y1="${first - 2}" x2="${x}" y2="${end}" stroke="#222" stroke-dasharray="3 3"/>`);
      const label = `┆ ceiling ${ceiling.gigaflops.toFixed(1)}`;
      lines.push(text(WIDTH - 16, y + 12, label, { anchor: 'end', size: 11, fill: '#555' }));
    }
    bars[at].forEach((figure, row) => {
      lines.push(bar(figure, first + row * BAR, scale, COLOURS[names.indexOf(figure.name) % COLOURS.length]));
    });
    y = end + GAP;
    return lines.join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    text(16, 24, title, { weight: 'bold', size: 15 }),
    text(16, 42, subtitle, { size: 11, fill: '#555' }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}
