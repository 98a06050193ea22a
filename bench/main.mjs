/** The whole measurement: prepares the models, measures section by section, prints and writes the report. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readArguments, usage } from './arguments.mjs';
import { ceilings, makeCeiling } from './ceiling.mjs';
import { measureColdStarts } from './cold-start.mjs';
import { contestantsFor, peers } from './contestants.mjs';
import { models } from './models.mjs';
import { bench, root } from './places.mjs';
import { prepareModel } from './prepare.mjs';
import { drawChart } from './report/chart.mjs';
import { figuresOf } from './report/figures.mjs';
import { coldStartTable, compileTable, sizeTable, speedTable } from './report/sections.mjs';
import { measureModel } from './rounds.mjs';
import { chromiumSeats } from './seats/chromium.mjs';
import { nodeSeats } from './seats/node.mjs';
import { measureSizes } from './sizes.mjs';

/** Answers the exit code: 1 where outputs differ or Heddle could not run, 2 where it was called wrongly. */
export async function main(args) {
  let options;
  try {
    options = readArguments(args, { models: models.map(({ name }) => name), peers: Object.keys(peers) });
  } catch (error) {
    console.error(`${error.message}\n\n${usage()}`);
    return 2;
  }
  if (options.help) {
    console.log(usage());
    return 0;
  }
  const work = await mkdtemp(join(tmpdir(), 'heddle-bench-'));
  process.once('SIGINT', () => {
    rmSync(work, { recursive: true });
    process.exit(130);
  });
  const node = options.node ?? process.execPath;
  const seats = options.chromium ? await chromiumSeats(work) : nodeSeats(node);
  try {
    return await measure(options, work, node, seats);
  } finally {
    await seats.close();
    await rm(work, { recursive: true });
  }
}

async function measure(options, work, node, seats) {
  const folders = options.builds?.map((folder) => resolve(folder)) ?? [join(root, 'dist')];
  const builds = folders.map((folder, at) => ({ name: at === 0 ? 'heddle' : `heddle-${at + 1}`, folder }));
  const log = makeLog();
  const chosen = models.filter(({ name }) => options.models.includes(name));
  const prepared = await prepareAll(chosen, builds, work, options.sections, log);
  const context = { options, builds, seats, prepared, log, node };
  const machine = describeMachine(node, seats);
  console.log(`${machine.engine}, ${machine.cpu}, ${machine.cores} cores, load ${machine.load}\n`);

  const report = { machine, speed: [], coldStart: [] };
  for (const section of options.sections) await SECTIONS[section](context, report);
  report.machine.loadAfter = load();
  console.log(`load at the end: ${report.machine.loadAfter}`);
  await writeReport(report, resolve(options.out ?? join(bench, 'results')));
  return report.speed.some(({ failed }) => failed) ? 1 : 0;
}

/** What each section of `--sections` does: measures, prints, and adds to the report. */
const SECTIONS = { speed, 'cold-start': coldStart, sizes, 'compile-time': compileTime };

async function prepareAll(chosen, builds, work, sections, log) {
  const prepared = new Map();
  if (sections.every((section) => section === 'compile-time')) return prepared;
  const made = {};
  for (const [name, ceiling] of Object.entries(ceilings)) made[name] = await makeCeiling(ceiling);
  const operations = Object.fromEntries(Object.entries(made).map(([name, ceiling]) => [name, ceiling.operations]));
  for (const model of chosen) {
    log(`preparing ${model.name}`);
    const folder = join(work, model.name);
    prepared.set(model, { ...(await prepareModel(model, builds, folder)), ceilings: operations });
    for (const [name, { wasm }] of Object.entries(made)) await writeFile(join(folder, `${name}.wasm`), wasm);
  }
  log.clear();
  return prepared;
}

function contestantsOf(model, { options, builds, seats }) {
  const { threads, peers: chosenPeers } = options;
  return contestantsFor(model, { builds, threads, chosenPeers, place: seats.place });
}

const milliseconds = (seconds) => seconds * 1000;

async function speed(context, report) {
  const { options, seats, prepared } = context;
  for (const [model, made] of prepared) {
    const log = (text) => context.log(`${model.name}: ${text}`);
    const { rounds, seconds } = options;
    const settings = { seats, rounds, seconds, patience: milliseconds(options.patience), log };
    const rows = await measureModel(model, made, contestantsOf(model, context), settings);
    const figures = figuresOf(rows);
    context.log.clear();
    console.log(`${speedTable(model, made, figures)}\n`);
    const samples = Object.fromEntries(rows.map(({ contestant, samples: times }) => [contestant.name, times]));
    const failed = rows.some(({ contestant, absent, agrees }) => agrees === false || (contestant.build && absent));
    const { name, title } = model;
    report.speed.push({ model: name, title, multiplyAdds: made.multiplyAdds, failed, figures, samples });
  }
}

async function coldStart(context, report) {
  const { options, seats } = context;
  for (const [model, made] of context.prepared) {
    if (!model.coldStart) continue;
    const log = (text) => context.log(`${model.name}: ${text}`);
    const settings = { seats, starts: options.starts, patience: milliseconds(options.patience), log };
    const rows = await measureColdStarts(model, made, contestantsOf(model, context), settings);
    context.log.clear();
    console.log(`${coldStartTable(model, rows)}\n`);
    const plain = rows.map(({ contestant, ...row }) => ({ name: contestant.name, ...row }));
    report.coldStart.push({ model: model.name, title: model.title, rows: plain });
  }
}

async function sizes({ options, prepared, builds, log }, report) {
  log('bundling');
  report.sizes = await measureSizes(prepared, builds[0].name, options.peers);
  log.clear();
  console.log(`${sizeTable(report.sizes)}\n`);
}

async function compileTime({ builds, node, log }, report) {
  log('compiling');
  const script = join(bench, 'compile-time.mjs');
  report.compileTime = JSON.parse(execFileSync(node, [script, builds[0].folder], { encoding: 'utf8' }));
  log.clear();
  console.log(`${compileTable(report.compileTime)}\n`);
}

const load = () => loadavg()[0].toFixed(2);

function describeMachine(node, { version }) {
  const engine = version ?? `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`;
  const date = new Date().toISOString();
  return { engine, cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), load: load(), date };
}

/** Says on a terminal what is going on, in one line that the next takes the place of. */
function makeLog() {
  const isShown = process.stderr.isTTY;
  const log = (text) => isShown && process.stderr.write(`\r\x1b[K${text}`);
  log.clear = () => isShown && process.stderr.write('\r\x1b[K');
  return log;
}

async function writeReport(report, folder) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  const written = [join(folder, 'results.json')];
  if (report.speed.length > 0) {
    const { engine, cpu, date } = report.machine;
    const subtitle = `best GFLOP/s, f32, batch 1 · ${engine} · ${cpu} · ${date.slice(0, 10)}`;
    await writeFile(join(folder, 'chart.svg'), drawChart('Heddle and its peers', subtitle, report.speed));
    written.push(join(folder, 'chart.svg'));
  }
  console.log(`written: ${written.join(', ')}`);
}
