/** `heddle explain`: what a code means, or all codes by group. */
import { catalog, type Code, codeGroups } from '../compiler/index.ts';
import { EXIT, UsageError } from './errors.ts';
import { colorsFor, type Io } from './io.ts';

export function explain(code: string | undefined, io: Io): number {
  io.stdout.write(code === undefined ? listCodes(io) : explainCode(code, io));
  return EXIT.fine;
}

/** `hed2210` and `2210` are understood too. */
function explainCode(text: string, io: Io): string {
  const name = /^\d+$/.test(text) ? `HED${text}` : text.toUpperCase();
  if (!Object.hasOwn(catalog, name)) {
    const hint = 'a code stands in the message: error[HED1002]; `heddle explain` lists all';
    throw new UsageError(`there is no code ${text}`, hint);
  }
  const { title, explanation } = catalog[name as Code];
  const { bold } = colorsFor(io.stdout, io.env);
  return `${bold(`${name}: ${title}`)}\n\n${explanation}\n`;
}

function listCodes(io: Io): string {
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const groups = codeGroups.map(({ title, prefix }) => {
    const codes = Object.entries(catalog).filter(([code]) => code.startsWith(prefix));
    return [bold(title), ...codes.map(([code, entry]) => `  ${dim(code)}  ${entry.title}`)].join('\n');
  });
  return `${groups.join('\n\n')}\n\n\`heddle explain CODE\` tells more of one.\n`;
}
