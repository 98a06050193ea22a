/** What each section of `--sections` does: measures, prints, and answers its part of the report. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { decodersFor } from './decodings.mjs';
import { artifactOf, contestantsFor } from './contestants.mjs';
import { bench } from './places.mjs';
import { figuresOf } from './report/figures.mjs';
import {
  coldStartTable,
  compileTable,
  expertsTable,
  gpuTable,
  lengthsTable,
  productTable,
  sizeTable,
  speedTable,
  trainingTable,
} from './report/sections.mjs';
import { printSection } from './report/table.mjs';
import { measureModel, taskFor } from './rounds.mjs';
import { gpuSeats } from './seats/chromium.mjs';
import { nodeSeats } from './seats/node.mjs';
import { artifactSizes, measureSizes, peerSize } from './sizes.mjs';
import { measureStarts } from './starts.mjs';
import { trainersFor } from './trainings.mjs';
import { gpuContestantsFor } from './webgpu.mjs';

/** Milliseconds to warm up and of each turn; of the many products, a contestant spends no more than `seconds` on one. */
const MODEL_TIMES = { warmUp: 1500, turn: 150 };
const PRODUCT_TIMES = { warmUp: 400, turn: 60, seconds: 1 };

/** On a software driver, everything takes its time: one call a turn, and few turns. */
const GPU_TIMES = { warmUp: 0, turn: 0, rounds: 3 };

const milliseconds = (seconds) => seconds * 1000;

function print(log, table) {
  log.clear();
  console.log(`${printSection(table)}\n`);
}

function contestantsOf(model, { options, builds, seats }, peers = options.peers) {
  return contestantsFor(model, { builds, threads: options.threads, chosenPeers: peers, place: seats.place });
}

async function measureEntry(model, made, context, times, contestants) {
  const { options, seats, log } = context;
  const settings = {
    seats,
    rounds: options.rounds,
    seconds: options.seconds,
    patience: milliseconds(options.patience),
    log: (text) => log(`${model.name}: ${text}`),
    ...times,
  };
  const rows = await measureModel(model, made, contestants, settings);
  const samples = Object.fromEntries(rows.map(({ contestant, samples: taken }) => [contestant.name, taken]));
  const failed = rows.some(({ contestant, absent, agrees }) => agrees === false || (contestant.build && absent));
  const { name, title } = model;
  return { model: name, title, multiplyAdds: made.multiplyAdds, failed, figures: figuresOf(rows), samples };
}

async function speed(context) {
  const entries = [];
  for (const [model, made] of context.prepared) {
    const entry = await measureEntry(model, made, context, MODEL_TIMES, contestantsOf(model, context));
    print(context.log, speedTable(entry));
    entries.push(entry);
  }
  return { speed: entries };
}

/** Against onnxruntime-web alone, which also says whether the products are right. */
async function products(context) {
  const entries = [];
  const peers = context.options.peers.filter((name) => name === 'onnxruntime-web');
  for (const [product, made] of context.preparedProducts) {
    const { samples: _samples, ...entry } = await measureEntry(
      product,
      made,
      context,
      PRODUCT_TIMES,
      contestantsOf(product, context, peers),
    );
    const { order, orderTitle, of, sizes } = product;
    entries.push({ ...entry, order, orderTitle, of, sizes });
  }
  print(context.log, productTable(entries));
  return { products: entries };
}

/** Training steps; the outputs that are compared are the losses of the first ones. */
async function training(context) {
  const { options, builds, seats } = context;
  const entries = [];
  for (const [model, made] of context.preparedTrainings) {
    const { threads, peers: chosenPeers } = options;
    const trainers = trainersFor(model, { builds, threads, chosenPeers, place: seats.place });
    const entry = await measureEntry(model, made, context, MODEL_TIMES, trainers);
    print(context.log, trainingTable(entry));
    entries.push(entry);
  }
  return { training: entries };
}

/** Tokens one after the other; what is compared are the tokens. */
async function decoding(context) {
  const { options, builds } = context;
  const entries = [];
  for (const [model, made] of context.preparedDecodings) {
    const decoders = decodersFor({ builds, threads: options.threads, chosenPeers: options.peers });
    const entry = await measureEntry(model, made, context, MODEL_TIMES, decoders);
    print(context.log, speedTable(entry));
    entries.push(entry);
  }
  return { decoding: entries };
}

async function coldStart(context) {
  const { options, seats, log } = context;
  const entries = [];
  for (const [model, made] of context.prepared) {
    if (!model.coldStart) continue;
    const settings = {
      seats,
      count: options.starts,
      patience: milliseconds(options.patience),
      log: (text) => log(`${model.name}: ${text}`),
    };
    const measured = await measureStarts(model, made, contestantsOf(model, context), settings);
    const rows = measured.map(({ contestant: { name, against }, ...row }) => ({ name, against, ...row }));
    const entry = { model: model.name, title: model.title, rows };
    print(log, coldStartTable(entry));
    entries.push(entry);
  }
  return { coldStart: entries };
}

async function sizes({ options, prepared, builds, log }) {
  log('bundling');
  const rows = await measureSizes(prepared, builds[0].name, options.peers);
  print(log, sizeTable(rows));
  return { sizes: rows };
}

async function compileTime({ builds, node, log }) {
  log('compiling');
  const script = join(bench, 'compile-time.mjs');
  const rows = JSON.parse(execFileSync(node, [script, builds[0].folder], { encoding: 'utf8' }));
  print(log, compileTable(rows));
  return { compileTime: rows };
}

async function experts({ builds, node, log }) {
  log('training layers of experts');
  const script = join(bench, 'experts-time.mjs');
  const measured = JSON.parse(execFileSync(node, [script, builds[0].folder], { encoding: 'utf8' }));
  print(log, expertsTable(measured));
  return { experts: measured };
}

/** The next token after texts of some lengths. */
async function lengths({ preparedDecodings, builds, node, log }) {
  log('decoding after texts of some lengths');
  const script = join(bench, 'lengths-time.mjs');
  const entries = [...preparedDecodings].map(([{ name, lengths: sizes }, { folder }]) => {
    const args = [script, join(folder, artifactOf(builds[0].name, 'f32')), ...sizes.map(String)];
    const rows = JSON.parse(execFileSync(node, args, { encoding: 'utf8' }));
    return { model: name, rows, failed: rows.some(({ agrees }) => !agrees) };
  });
  for (const entry of entries) print(log, lengthsTable(entry));
  return { lengths: entries };
}

/** Counts on WebGPU, in a Chromium of its own, whatever the engines are. */
async function webgpu(context) {
  const { preparedGpu, options, builds, work, log } = context;
  if (preparedGpu.size === 0) return {};
  let seats;
  try {
    seats = await gpuSeats(work);
  } catch (error) {
    log.clear();
    console.log(`webgpu: – (${error.message})\n`);
    return {};
  }
  const entries = [];
  try {
    for (const [model, made] of preparedGpu) {
      const contestants = gpuContestantsFor(model, { builds, chosenPeers: options.peers });
      entries.push(await countModel(model, made, contestants, { ...context, seats }));
      print(log, gpuTable(entries.at(-1)));
    }
  } finally {
    await seats.close();
  }
  return { webgpu: entries };
}

async function countModel(model, made, contestants, context) {
  const { seats, options, log } = context;
  log(`${model.name}: ${model.reference.name} on the CPU`);
  const wanted = await referenceValues(model, made, context);
  const settings = {
    seats,
    seconds: options.seconds,
    patience: milliseconds(options.patience),
    log: (text) => log(`${model.name}: ${text}`),
    conclude: async (seat) => ({ counts: await seat.ask('countCall') }),
    ...GPU_TIMES,
  };
  const rows = await measureModel(model, { ...made, wanted }, contestants, settings);
  const runtimes = new Map();
  for (const { contestant, absent } of rows) {
    const { build, reads, module } = contestant;
    if (absent || runtimes.has(build ?? module)) continue;
    const size = build ? (await artifactSizes(join(made.folder, reads))).loaded : await peerSize(module);
    runtimes.set(build ?? module, size);
  }
  const figures = figuresOf(rows).map((figure, at) => {
    const { contestant, first, counts } = rows[at];
    const { build, module } = contestant;
    return figure.absent ? figure : { ...figure, first, counts, runtime: runtimes.get(build ?? module) };
  });
  const failed = rows.some(({ contestant, absent, agrees }) => agrees === false || (contestant.build && absent));
  const { name, title, reference } = model;
  return {
    model: name,
    title,
    adapter: seats.adapter,
    engine: seats.version,
    reference: reference.name,
    failed,
    figures,
  };
}

/** What the reference computes on the CPU, in a process of its own. */
async function referenceValues(model, made, { node, options }) {
  const task = taskFor(model, made, { ...model.reference, threads: 1 });
  const { seat, values } = await nodeSeats(node, '').open(
    model.reference.module,
    made.folder,
    task,
    milliseconds(options.patience),
  );
  await seat.close();
  return values;
}

/** Measured in each engine, with its seats. */
export const IN_ENGINES = { speed, training, decoding, products, 'cold-start': coldStart };

/** Measured once, outside of the engines. */
export const ONCE = { decoding: lengths, experts, sizes, 'compile-time': compileTime, webgpu };
