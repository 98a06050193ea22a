/** The whole measurement: prepares the models, measures section by section in each engine, prints and writes the report. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { acceptance } from './acceptance.mjs';
import { readArguments, usage } from './arguments.mjs';
import { ceilings, makeCeiling } from './ceiling.mjs';
import { peers } from './contestants.mjs';
import { decodings } from './decodings.mjs';
import { enginesFor } from './engines.mjs';
import { models } from './models.mjs';
import { bench, root } from './places.mjs';
import { prepareModel } from './prepare.mjs';
import { products } from './products.mjs';
import { chartOf } from './report/chart.mjs';
import { mainEngine, writeDocs } from './report/docs.mjs';
import { judge } from './report/judge.mjs';
import { acceptanceTable } from './report/sections.mjs';
import { printSection } from './report/table.mjs';
import { IN_ENGINES, ONCE } from './sections.mjs';
import { trainings } from './trainings.mjs';
import { gpuModels } from './webgpu.mjs';

/** Answers the exit code: 1 where outputs differ or Heddle could not run, 2 where it was called wrongly. */
export async function main(args) {
  let options;
  let engines;
  try {
    options = readArguments(args, {
      models: [...models, ...trainings, ...decodings, ...gpuModels].map(({ name }) => name),
      peers: Object.keys(peers),
    });
    if (options.help) {
      console.log(usage());
      return 0;
    }
    engines = enginesFor(options);
  } catch (error) {
    console.error(`${error.message}\n\n${usage()}`);
    return 2;
  }
  const work = await mkdtemp(join(tmpdir(), 'heddle-bench-'));
  process.once('SIGINT', () => {
    rmSync(work, { recursive: true });
    process.exit(130);
  });
  try {
    return await measure(options, engines, work);
  } finally {
    await rm(work, { recursive: true });
  }
}

async function measure(options, engines, work) {
  const folders = options.builds?.map((folder) => resolve(folder)) ?? [join(root, 'dist')];
  const builds = folders.map((folder, at) => ({ name: at === 0 ? 'heddle' : `heddle-${at + 1}`, folder }));
  const log = makeLog();
  const wants = (...sections) => sections.some((section) => options.sections.includes(section));
  const isChosen = ({ name }) => options.models.includes(name);
  const chosen = wants('speed', 'cold-start', 'sizes') ? models.filter(isChosen) : [];
  const context = {
    options,
    builds,
    log,
    node: engines[0].node,
    work,
    prepared: await prepareAll(chosen, builds, work, log),
    preparedProducts: await prepareAll(wants('products') ? products : [], builds, work, log),
    preparedDecodings: await prepareAll(wants('decoding') ? decodings.filter(isChosen) : [], builds, work, log),
    preparedTrainings: await prepareAll(wants('training') ? trainings.filter(isChosen) : [], builds, work, log),
    preparedGpu: await prepareAll(wants('webgpu') ? gpuModels.filter(isChosen) : [], builds, work, log),
  };
  const report = { machine: describeMachine(), engines: [] };
  console.log(`${report.machine.cpu}, ${report.machine.cores} cores\n`);
  for (const engine of engines) report.engines.push(await measureEngine(engine, context, work));
  for (const section of options.sections) Object.assign(report, await ONCE[section]?.(context));
  await conclude(report, options);
  const entries = report.engines.flatMap(({ speed = [], training = [], decoding = [], products: measured = [] }) => [
    ...speed,
    ...training,
    ...decoding,
    ...measured,
  ]);
  return [...entries, ...(report.lengths ?? []), ...(report.webgpu ?? [])].some(({ failed }) => failed) ? 1 : 0;
}

async function measureEngine(engine, context, work) {
  const { options } = context;
  const sections = options.sections.filter((section) => section in IN_ENGINES);
  const seats = await engine.open(work);
  const result = { engine: seats.version, place: seats.place, load: load() };
  try {
    if (sections.length > 0) console.log(`${result.engine}, load ${result.load}\n`);
    for (const section of sections) Object.assign(result, await IN_ENGINES[section]({ ...context, seats }));
  } finally {
    await seats.close();
  }
  result.loadAfter = load();
  if (sections.length > 0) console.log(`load at the end: ${result.loadAfter}\n`);
  return result;
}

async function prepareAll(chosen, builds, work, log) {
  const prepared = new Map();
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

const load = () => loadavg()[0].toFixed(2);

function describeMachine() {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), date: new Date().toISOString() };
}

/** Says on a terminal what is going on, in one line that the next takes the place of. */
function makeLog() {
  const isShown = process.stderr.isTTY;
  const log = (text) => isShown && process.stderr.write(`\r\x1b[K${text}`);
  log.clear = () => isShown && process.stderr.write('\r\x1b[K');
  return log;
}

/** Prints what was asked for and what was reached, and writes the files. */
async function conclude(report, options) {
  report.acceptance = judge(report, acceptance);
  const judged = report.acceptance.filter(({ values }) => values.some((value) => value !== undefined));
  if (judged.length > 0) console.log(`${printSection(acceptanceTable(report.engines, judged))}\n`);
  const folder = resolve(options.out ?? join(bench, 'results'));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  const written = [join(folder, 'results.json')];
  if (mainEngine(report).speed) {
    await writeFile(join(folder, 'chart.svg'), chartOf(report.machine, mainEngine(report)));
    written.push(join(folder, 'chart.svg'));
  }
  if (options.docs) written.push(...(await writeDocs(report, root, options.sections)));
  console.log(`written: ${written.join(', ')}`);
}
