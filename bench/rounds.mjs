/** Measures one model: everybody loads, is compared, warms up, and then takes turns, round by round. */
import { compareOutputs } from './report/statistics.mjs';

/** Turns that even a slow contestant gets before its time is used up. */
const LEAST_TURNS = 3;

/**
 * Rows `{ contestant, first, samples, operations, peakBytes, difference, scale, agrees }`, or `{ contestant, absent }` with the
 * reason; `first` is the time until the first outputs. `seconds` is what one contestant may spend on turns, after that it
 * sits out; `turn` and `warmUp` are in milliseconds. What `conclude` answers of each seat at the end belongs to its row: by
 * default, the most memory.
 */
export async function measureModel(model, prepared, contestants, settings) {
  const { log, conclude = peakOf } = settings;
  const rows = [];
  // Where nothing else says what is right, the first does.
  let { wanted } = prepared;
  try {
    for (const contestant of contestants) {
      const row = await takeSeat(model, prepared, contestant, settings);
      rows.push(row);
      if (row.values && !contestant.isCeiling) {
        wanted ??= row.values;
        Object.assign(row, compareOutputs(wanted, row.values, agreementOf(model, contestant)));
      }
      log(row.absent ? `${contestant.name}: ${row.absent}` : `${contestant.name}: ready`);
    }
    await takeTurns(
      rows.filter(({ seat }) => seat),
      settings,
    );
    for (const row of rows) if (row.seat) Object.assign(row, await conclude(row.seat));
    return rows.map(({ seat: _seat, values: _values, ...row }) => row);
  } finally {
    for (const { seat } of rows) await seat?.close();
  }
}

const peakOf = async (seat) => ({ peakBytes: await seat.ask('runMore', 0) });

/** How exactly a contestant has to agree with the first. */
function agreementOf({ isRouted }, { options, numbers }) {
  if (options?.drops) return 'dropping';
  return isRouted ? 'routed' : numbers;
}

async function takeSeat(model, prepared, contestant, { seats, patience, warmUp }) {
  const absent = absenceOf(prepared, contestant);
  if (absent) return { contestant, absent };
  let opened;
  try {
    const task = taskFor(model, prepared, contestant);
    opened = await seats.open(contestant.module, prepared.folder, task, patience);
    const { operations = 2 * prepared.multiplyAdds } = await opened.seat.ask('warmUp', warmUp);
    const { seat, values, milliseconds: first } = opened;
    return { contestant, seat, values, first, operations, samples: [] };
  } catch (error) {
    await opened?.seat.close();
    return { contestant, absent: error.message };
  }
}

/** Why a contestant cannot take part: it does not run here, or what it reads could not be made. */
export const absenceOf = ({ failures }, { absent, reads }) => absent ?? failures[reads];

/** What a peer's `load` is told; `cores` is what a page says that the machine has. */
export function taskFor({ name, network, config }, prepared, contestant) {
  const { threads, cores = threads, reads, call, options, isCeiling } = contestant;
  const ceiling = isCeiling && { name: isCeiling, operations: prepared.ceilings[isCeiling] };
  return {
    name,
    network,
    config,
    threads,
    cores,
    reads,
    call,
    options,
    ceiling,
    operations: 2 * prepared.multiplyAdds,
  };
}

/** Drift of the machine hits everybody alike, since nobody has two turns before all others had one. */
async function takeTurns(rows, { rounds, seconds, turn, log }) {
  const spent = new Map(rows.map((row) => [row, { turns: 0, milliseconds: 0 }]));
  for (let round = 1; round <= rounds; round++) {
    for (const row of rows) {
      const used = spent.get(row);
      if (used.turns >= LEAST_TURNS && used.milliseconds > seconds * 1000) continue;
      const start = performance.now();
      row.samples.push(...(await row.seat.ask('turn', turn)));
      used.turns++;
      used.milliseconds += performance.now() - start;
    }
    log(`round ${round} of ${rounds}`);
  }
}
