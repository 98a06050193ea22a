/** Measures one model: everybody loads, is compared, warms up, and then takes turns, round by round. */
import { compareOutputs } from './report/statistics.mjs';

/** Milliseconds of a turn. */
const TURN = 150;
/** Milliseconds to warm up. */
const WARM_UP = 1500;
/** Turns that even a slow contestant gets before its time is used up. */
const LEAST_TURNS = 3;

/**
 * Rows `{ contestant, samples, operations, difference, agrees }`, or `{ contestant, absent }` with the reason. `seconds`
 * is what one contestant may spend on turns; after that it sits out.
 */
export async function measureModel(model, prepared, contestants, { seats, rounds, seconds, patience, log }) {
  const rows = [];
  let wanted;
  try {
    for (const contestant of contestants) {
      const row = await takeSeat(model, prepared, contestant, seats, patience);
      rows.push(row);
      if (row.values && !contestant.isCeiling) {
        wanted ??= row.values;
        Object.assign(row, compareOutputs(wanted, row.values));
      }
      log(row.absent ? `${contestant.name}: ${row.absent}` : `${contestant.name}: ready`);
    }
    await takeTurns(
      rows.filter(({ seat }) => seat),
      { rounds, seconds, log },
    );
    return rows.map(({ seat: _seat, values: _values, ...row }) => row);
  } finally {
    for (const { seat } of rows) await seat?.close();
  }
}

async function takeSeat(model, prepared, contestant, seats, patience) {
  if (contestant.absent) return { contestant, absent: contestant.absent };
  if (contestant.module.startsWith('onnxruntime') && prepared.onnxFailure) {
    return { contestant, absent: prepared.onnxFailure };
  }
  let opened;
  try {
    const task = taskFor(model, prepared, contestant);
    opened = await seats.open(contestant.module, prepared.folder, task, patience);
    const { operations = 2 * prepared.multiplyAdds } = await opened.seat.ask('warmUp', WARM_UP);
    return { contestant, seat: opened.seat, values: opened.values, operations, samples: [] };
  } catch (error) {
    await opened?.seat.close();
    return { contestant, absent: error.message };
  }
}

/** What a peer's `load` is told. */
export function taskFor({ name, network, config }, prepared, { threads, build, call, isCeiling }) {
  const ceiling = isCeiling && { name: isCeiling, operations: prepared.ceilings[isCeiling] };
  return { name, network, config, threads, build, call, ceiling, operations: 2 * prepared.multiplyAdds };
}

/** Drift of the machine hits everybody alike, since nobody has two turns before all others had one. */
async function takeTurns(rows, { rounds, seconds, log }) {
  const spent = new Map(rows.map((row) => [row, { turns: 0, milliseconds: 0 }]));
  for (let round = 1; round <= rounds; round++) {
    for (const row of rows) {
      const used = spent.get(row);
      if (used.turns >= LEAST_TURNS && used.milliseconds > seconds * 1000) continue;
      const start = performance.now();
      row.samples.push(...(await row.seat.ask('turn', TURN)));
      used.turns++;
      used.milliseconds += performance.now() - start;
    }
    log(`round ${round} of ${rounds}`);
  }
}
