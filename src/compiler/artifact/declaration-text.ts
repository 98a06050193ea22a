/** Pieces of TypeScript text. */

export function quoted(text: string): string {
  return `'${text}'`;
}

/** A property name: quoted unless it is an identifier. */
export function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

export function members(lines: readonly string[]): string {
  return lines.length === 0 ? '{}' : `{\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}
