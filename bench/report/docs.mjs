/**
 * Puts a report into docs/performance.md, between two markers, and its chart beside the other pictures. What was counted on
 * WebGPU has markers of its own: it is measured elsewhere than the rest.
 */
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
  gpuTable,
  productTable,
  sizeTable,
  speedTable,
  trainingTable,
} from './sections.mjs';
import { markdownSection } from './table.mjs';

// Prettier would lay the tables out again.
const markersOf = (name) => ({
  first: `<!-- prettier-ignore-start -->\n<!-- ${name}: begin -->`,
  last: `<!-- ${name}: end -->\n<!-- prettier-ignore-end -->`,
});

/** The engine that is told about at length: the first Node of at least version 24, or what there is. */
export function mainEngine({ engines }) {
  const version = ({ engine }) => Number(/^Node (\d+)/.exec(engine)?.[1] ?? 0);
  return engines.find((engine) => version(engine) >= 24) ?? engines[0];
}

/** `text` with `block` between the markers of that name. Throws Error where it has none. */
export function withFigures(text, block, name = 'figures') {
  const { first, last } = markersOf(name);
  const [begin, end] = [text.indexOf(first), text.indexOf(last)];
  if (begin < 0 || end < begin) throw new Error(`the page has no place for figures: ${first} … ${last}`);
  return `${text.slice(0, begin)}${first}\n\n${block}\n\n${text.slice(end)}`;
}

/** What was counted on WebGPU as Markdown. */
export function gpuFiguresOfReport({ machine, webgpu }) {
  const tables = webgpu.map((entry) => markdownSection(gpuTable(entry), 3));
  return [`${machine.cpu}, ${machine.cores} cores, ${machine.date.slice(0, 10)}.`, ...tables].join('\n\n');
}

/** All other tables of a report as Markdown. */
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

/** Answers the paths written. `root` is the checkout; figures of sections that were not measured stay. */
export async function writeDocs(report, root, sections) {
  const page = join(root, 'docs/performance.md');
  const chart = join(root, 'docs/images/performance.svg');
  let text = await readFile(page, 'utf8');
  if (report.webgpu) text = withFigures(text, gpuFiguresOfReport(report), 'webgpu figures');
  if (sections.some((section) => section !== 'webgpu')) text = withFigures(text, figuresOfReport(report));
  await writeFile(page, text);
  if (!mainEngine(report).speed) return [page];
  await writeFile(chart, chartOf(report.machine, mainEngine(report)));
  return [page, chart];
}
