/** From samples to the figures of a report. */
import { gigaflops, summarize } from './statistics.mjs';

/**
 * The rows of one model with figures: `{ name, kind, threads, min, median, count, gigaflops, ofCeiling, ceiling, ahead,
 * difference, agrees, peakBytes }` or `{ name, kind, threads, absent }`. `kind` is 'ours', 'peer', 'native' or 'ceiling'.
 * `ofCeiling` compares the best rates with the first ceiling of the contestant that was measured; for more threads, with as
 * many times the ceiling of one. `ahead` is how many times as long as Heddle on the same work (`against`) it takes, by
 * minimum and by median.
 */
export function figuresOf(rows) {
  const measured = new Map(rows.filter(({ absent }) => !absent).map((row) => [row.contestant.name, row]));
  const summaries = new Map([...measured].map(([name, { samples }]) => [name, summarize(samples)]));
  const rate = (name) => gigaflops(measured.get(name).operations, summaries.get(name).min);
  const topOf = ({ ceilings = [] }) =>
    ceilings
      .map((wanted) => [...measured.values()].find(({ contestant }) => contestant.isCeiling === wanted))
      .find((row) => row !== undefined);

  return rows.map(({ contestant, absent, peakBytes, difference, scale, agrees }) => {
    const { name, threads, numbers, against } = contestant;
    const about = { name, kind: kindOf(contestant), threads, ...(numbers && { numbers }) };
    if (absent) return { ...about, absent };
    const summary = summaries.get(name);
    const top = topOf(contestant)?.contestant.name;
    const ours = summaries.get(against);
    const ceiling = top && rate(top) * threads;
    return {
      ...about,
      ...summary,
      gigaflops: rate(name),
      ...(top && { ceiling, ofCeiling: rate(name) / ceiling }),
      ...(ours && { ahead: { min: summary.min / ours.min, median: summary.median / ours.median } }),
      ...(peakBytes !== undefined && { peakBytes }),
      ...(difference !== undefined && { difference, scale, agrees }),
    };
  });
}

function kindOf({ isCeiling, isNative, build }) {
  if (isCeiling) return 'ceiling';
  if (build) return 'ours';
  return isNative ? 'native' : 'peer';
}
