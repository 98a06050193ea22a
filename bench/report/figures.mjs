/** From samples to the figures of a report. */
import { gigaflops, summarize } from './statistics.mjs';

/**
 * The rows of one model with figures: `{ name, min, median, count, gigaflops, ofCeiling, ahead, difference, agrees }` or
 * `{ name, absent }`. `ofCeiling` compares the best rates; for more threads, with as many times the ceiling of one.
 * `ahead` is how many times as long as the first row it takes, by minimum and by median.
 */
export function figuresOf(rows) {
  const summaries = new Map(rows.filter(({ absent }) => !absent).map((row) => [row, summarize(row.samples)]));
  const rate = (row) => gigaflops(row.operations, summaries.get(row).min);
  const ceilingOf = (name) => {
    const row = rows.find(({ contestant }) => contestant.isCeiling === name);
    return row && summaries.has(row) ? rate(row) : undefined;
  };
  const ours = summaries.get(rows[0]);
  return rows.map((row) => {
    const { contestant, absent, difference, agrees } = row;
    if (absent) return { name: contestant.name, absent };
    const summary = summaries.get(row);
    const top = ceilingOf(contestant.isCeiling ?? contestant.ceiling);
    const isTimed = !contestant.isCeiling && ours;
    return {
      name: contestant.name,
      ...summary,
      gigaflops: rate(row),
      ofCeiling: top && rate(row) / (top * contestant.threads),
      ...(contestant.isCeiling && { isCeiling: true }),
      ...(isTimed && { ahead: { min: summary.min / ours.min, median: summary.median / ours.median } }),
      ...(difference !== undefined && { difference, agrees }),
    };
  });
}
