/** Puts a report into docs/performance.md, between two markers, and its chart beside the other pictures. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartOf } from './chart.mjs';
import {
  acceptanceTable,
  coldStartTable,
  compileTable,
  expertsTable,
  lengthsTable,
  engineTable,
  productTable,
  sizeTable,
  speedTable,
  trainingTable,
} from './sections.mjs';
import { markdownSection } from './table.mjs';

// Prettier would lay the tables out again.
const BEGIN = '<!-- prettier-ignore-start -->\n<!-- figures: begin -->';
const END = '<!-- figures: end -->\n<!-- prettier-ignore-end -->';

/** The engine that is told about at length: the first Node of at least version 24, or what there is. */
export function mainEngine({ engines }) {
  const version = ({ engine }) => Number(/^Node (\d+)/.exec(engine)?.[1] ?? 0);
  return engines.find((engine) => version(engine) >= 24) ?? engines[0];
}

/** `text` with `block` between the markers. Throws Error where it has none. */
export function withFigures(text, block) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no place for figures: ${BEGIN} … ${END}`);
  return `${text.slice(0, begin)}${BEGIN}\n\n${block}\n\n${text.slice(end)}`;
}

/** All tables of a report as Markdown. */
export function figuresOfReport(report) {
  const { machine, engines, acceptance, lengths = [], experts, sizes, compileTime } = report;
  const main = mainEngine(report);
  const loads = engines.map(({ engine, load, loadAfter }) => `${engine}: ${load} to ${loadAfter}`);
  const { speed = [], training = [], decoding = [], products, coldStart = [] } = main;
  const parts = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.date.slice(0, 10)}. Load at the beginning and the end: ${loads.join('; ')}.`,
    ...(speed.length > 0 ? ['![Heddle and its peers](images/performance.svg)'] : []),
    markdownSection(acceptanceTable(engines, acceptance), 3),
    `### In ${main.engine}`,
    ...speed.map((entry) => markdownSection(speedTable(entry), 4)),
    ...training.map((entry) => markdownSection(trainingTable(entry), 4)),
    ...decoding.map((entry) => markdownSection(speedTable(entry), 4)),
    ...(products ? [markdownSection(productTable(products), 4)] : []),
    ...coldStart.map((entry) => markdownSection(coldStartTable(entry), 4)),
    ...(engines.length > 1 ? ['### The fastest times in each engine'] : []),
    ...(engines.length > 1 ? speed.map(({ title }) => markdownSection(engineTable(engines, title), 4)) : []),
    ...lengths.map((entry) => markdownSection(lengthsTable(entry), 3)),
    ...(experts ? [markdownSection(expertsTable(experts), 3)] : []),
    ...(sizes ? [markdownSection(sizeTable(sizes), 3)] : []),
    ...(compileTime ? [markdownSection(compileTable(compileTime), 3)] : []),
  ];
  return parts.join('\n\n');
}

/** Answers the paths written. `root` is the checkout. */
export async function writeDocs(report, root) {
  const page = join(root, 'docs/performance.md');
  const chart = join(root, 'docs/images/performance.svg');
  await writeFile(page, withFigures(await readFile(page, 'utf8'), figuresOfReport(report)));
  if (!mainEngine(report).speed) return [page];
  await writeFile(chart, chartOf(report.machine, mainEngine(report)));
  return [page, chart];
}
