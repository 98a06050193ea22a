/** Did-you-mean: the nearest of some words. Knows nothing of what the words stand for. */

const MAX_WORD = 200;

/**
 * The candidate nearest to `word`, if one is near enough to be what was meant: one edit for words up to four letters,
 * two up to eight, three beyond. Of equally near candidates the first wins. The word itself is never suggested.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  // Nobody mistypes those by hand, and comparing them takes long.
  if (word.length > MAX_WORD) return undefined;
  const limit = word.length <= 2 ? 0 : word.length <= 4 ? 1 : word.length <= 8 ? 2 : 3;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    // A difference in case alone is always meant, however short the word.
    const distance = candidate.toLowerCase() === word.toLowerCase() ? 0 : editDistance(word, candidate, bestDistance);
    // Half of a short candidate may not be guessed.
    if (distance < bestDistance && distance * 2 <= Math.max(candidate.length, 2)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (the restricted
 * Damerau-Levenshtein distance), or `bound` once it is known to be no less.
 */
export function editDistance(a: string, b: string, bound = Infinity): number {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let distance = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforePrevious[j - 2]! + 1);
      }
      current.push(distance);
      least = Math.min(least, distance);
    }
    // A swap looks two rows back, so a row at the bound may still be undercut by one.
    if (least > bound) return bound;
    [beforePrevious, previous] = [previous, current];
  }
  return Math.min(previous[b.length]!, bound);
}
