/**
 * From the start of a process, or of a page, to the first output, with the files on disk; and the most memory that
 * took. Everybody starts once a round.
 */
import { taskFor } from './rounds.mjs';

/** Rows `{ contestant, samples, peaks }`, milliseconds and bytes of each start, or `{ contestant, absent }`. */
export async function measureColdStarts(model, prepared, contestants, { seats, starts, patience, log }) {
  const rows = contestants
    .filter(({ isCeiling, call }) => !isCeiling && call !== 'run')
    .map((contestant) => ({ contestant, samples: [], peaks: [], absent: contestant.absent }));
  for (let round = 1; round <= starts; round++) {
    for (const row of rows.filter(({ absent }) => !absent)) await startOnce(row, model, prepared, seats, patience);
    log(`start ${round} of ${starts}`);
  }
  return rows;
}

async function startOnce(row, model, prepared, seats, patience) {
  const { contestant } = row;
  try {
    const task = taskFor(model, prepared, contestant);
    const { seat, milliseconds, peakBytes } = await seats.open(contestant.module, prepared.folder, task, patience);
    await seat.close();
    row.samples.push(milliseconds);
    if (peakBytes !== undefined) row.peaks.push(peakBytes);
  } catch (error) {
    row.absent = error.message;
  }
}
