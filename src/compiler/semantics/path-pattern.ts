/** Patterns over dotted paths: `layers.*.attn`. `*` is any text within one segment, `**` any number of segments. */

/** Tells whether a path matches, in time bounded by the product of the two lengths. */
export interface PathPattern {
  test(path: string): boolean;
}

export function pathPattern(text: string): PathPattern {
  const segments = text.split('.');
  // What lies below a path is not the path itself.
  const wanted = segments.length > 1 && segments.at(-1) === '**' ? segments.toSpliced(-1, 0, '*') : segments;
  return {
    test: (path) => matches(path.split('.'), wanted, (segment) => segment === '**', matchesSegment),
  };
}

function matchesSegment(segment: string, wanted: string): boolean {
  return matches(
    [...segment],
    [...wanted],
    (sign) => sign === '*',
    (a, b) => a === b,
  );
}

/**
 * Whether `items` are `pattern` with any number of items in the place of each wildcard. Only the last wildcard before a
 * place ever has to take more, so the search never goes further back.
 */
function matches<T>(
  items: readonly T[],
  pattern: readonly T[],
  isWildcard: (part: T) => boolean,
  fits: (item: T, part: T) => boolean,
): boolean {
  let [at, place] = [0, 0];
  let resume: { at: number; readonly place: number } | undefined;
  while (at < items.length) {
    const part = pattern[place];
    if (part !== undefined && isWildcard(part)) resume = { at, place: ++place };
    else if (part !== undefined && fits(items[at]!, part)) {
      at++;
      place++;
    } else if (resume) {
      at = ++resume.at;
      place = resume.place;
    } else return false;
  }
  return pattern.slice(place).every(isWildcard);
}
