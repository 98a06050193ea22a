/**
 * Patterns of tensor names: dotted segments with placeholders. `{i}` stands for one segment or a part of one
 * (`layer_{i}`), `{path..}` for one or more whole segments. A pattern matches whole segments from the start of a name;
 * what follows is kept: `a.b` matches `a.b.weight` with the rest `.weight`.
 */

export interface Pattern {
  readonly text: string;
  /** Names of the placeholders, each once, in order of appearance. */
  readonly placeholders: readonly string[];
  readonly expression: RegExp;
}

/** What a pattern matched. */
export interface Match {
  readonly values: Readonly<Record<string, string>>;
  /** Empty, or a dot and the segments after those matched. */
  readonly rest: string;
}

/** The pattern, or a sentence of what is wrong with it. */
export function parsePattern(text: string): Pattern | string {
  if (text === '') return 'a pattern cannot be empty';
  const placeholders = new Set<string>();
  const segments: string[] = [];
  // A `..` inside braces does not separate segments.
  for (const segment of text.replaceAll('..}', '\0}').split('.')) {
    if (segment === '') return 'the pattern has an empty segment';
    const parts = segment.split(/(\{[^{}]*\})/);
    let expression = '';
    for (const part of parts) {
      const [, name, isPath] = /^\{([A-Za-z_]\w*)(\0?)\}$/.exec(part) ?? [];
      if (name === undefined) {
        if (/[{}\0]/.test(part))
          return `\`${part.replaceAll('\0', '..')}\` is no placeholder; one is written {i} or {path..}`;
        expression += part.replaceAll(/[\\^$*+?()[\]|/-]/g, '\\$&');
        continue;
      }
      if (isPath && parts.join('') !== part) return `\`{${name}..}\` must be a whole segment`;
      expression += placeholders.has(name) ? `\\k<${name}>` : `(?<${name}>${isPath ? '.+' : '[^.]+'})`;
      placeholders.add(name);
    }
    segments.push(expression);
  }
  const expression = new RegExp(`^${segments.join('\\.')}((?:\\..+)?)$`, 's');
  return { text, placeholders: [...placeholders], expression };
}

export function matchPattern(pattern: Pattern, name: string): Match | undefined {
  const found = pattern.expression.exec(name);
  return found ? { values: found.groups ?? {}, rest: found.at(-1)! } : undefined;
}

/** The name that `pattern` gives to what another pattern with the same placeholders matched. */
export function substitutePattern(pattern: Pattern, match: Match): string {
  return pattern.text.replaceAll(/\{(\w+)(?:\.\.)?\}/g, (_, name: string) => match.values[name]!) + match.rest;
}
