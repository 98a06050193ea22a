/**
 * What a fresh process, or page, takes: the time from its start to the first output, with the files on disk, and the most
 * memory, at the first output and after three more runs. Everybody starts once a round.
 */
import { absenceOf, taskFor } from './rounds.mjs';

const MORE_RUNS = 3;

/** Forms of Heddle that only differ in how the same artifact is called start alike. */
const starts = ({ isCeiling, form }) => !isCeiling && form === undefined;

/**
 * Rows `{ contestant, samples, firstPeaks, peaks }`, milliseconds and bytes of each start, or `{ contestant, absent }`. The
 * lists of bytes are empty where pages do not tell.
 */
export async function measureStarts(model, prepared, contestants, { seats, count, patience, log }) {
  const rows = contestants.filter(starts).map((contestant) => {
    const absent = absenceOf(prepared, contestant);
    return { contestant, samples: [], firstPeaks: [], peaks: [], ...(absent && { absent }) };
  });
  for (let round = 1; round <= count; round++) {
    for (const row of rows.filter(({ absent }) => !absent)) await startOnce(row, model, prepared, seats, patience);
    log(`start ${round} of ${count}`);
  }
  return rows;
}

async function startOnce(row, model, prepared, seats, patience) {
  const { contestant } = row;
  let opened;
  try {
    opened = await seats.open(contestant.module, prepared.folder, taskFor(model, prepared, contestant), patience);
    row.samples.push(opened.milliseconds);
    if (opened.peakBytes === undefined) return;
    row.firstPeaks.push(opened.peakBytes);
    row.peaks.push(await opened.seat.ask('runMore', MORE_RUNS));
  } catch (error) {
    row.absent = error.message;
  } finally {
    await opened?.seat.close();
  }
}
