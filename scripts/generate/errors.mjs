// Writes the index of errors (docs/errors.md) from the catalogue, with an example of each code from the golden cases:
// `node scripts/generate/errors.mjs`; with `--check` it only tells whether the file is up to date.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { laidOut, loadSource, writeOrCheck } from './files.mjs';

const cases = fileURLToPath(new URL('../../test/golden/diagnostics', import.meta.url));

/** The file by its path. */
export async function generateErrors() {
  const { catalog, codeGroups } = await loadSource(`export * from './src/compiler/base/catalog.ts';`);
  const examples = shownIn(cases);
  const sections = codeGroups.map(({ prefix, title }) => {
    const codes = Object.keys(catalog).filter((code) => code.startsWith(prefix));
    return [`## ${title}`, ...codes.map((code) => describe(code, catalog[code], examples.get(code) ?? []))].join(
      '\n\n',
    );
  });
  const links = codeGroups.map(({ title }) => `[${title}](#${anchor(title)})`).join(' · ');
  return { 'docs/errors.md': await laidOut('docs/errors.md', [introduction, links, ...sections, ''].join('\n\n')) };
}

function anchor(title) {
  return title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

function describe(code, { title, explanation }, examples) {
  const example = choose(examples, chosen[code]);
  if (example === undefined) throw new Error(`no golden case shows ${code}`);
  return [`### ${code}`, `**${title}.** ${explanation}`, ['```text', example, '```'].join('\n')].join('\n\n');
}

/** The example that holds this text, where the shortest one with a hint does not tell most. */
const chosen = {
  HED1002: 'is a reserved word',
  HED2005: 'the dimension',
  HED2104: 'is not a whole number',
  HED2202: 'is one too many',
  HED2205: '`d` was bound to 4',
  HED2210: '`patches + 1`',
  HED2401: '"gelu"',
  HED2506: 'is not a multiple of',
  HED2507: 'is already defined',
  HED3002: 'did you mean',
};

/** Examples are read beside the text, so that they have to be short. */
const MAX_LINES = 16;

function choose(examples, text) {
  const wanted = examples.filter((example) => text === undefined || example.includes(text));
  if (text !== undefined && wanted.length === 0) throw new Error(`no golden case shows an error with: ${text}`);
  const lines = (example) => example.split('\n').length;
  const rank = (example) =>
    (example.includes('= hint: ') ? 0 : 1000) + (lines(example) > MAX_LINES ? 100 : 0) + lines(example);
  return wanted.toSorted((a, b) => rank(a) - rank(b))[0];
}

/** Every diagnostic that the golden cases expect, by its code. */
function shownIn(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.txt'));
  const texts = names
    .toSorted()
    .map((name) => readFileSync(join(folder, name), 'utf8').split('expected ════════\n')[1]);
  const found = new Map();
  for (const block of texts.flatMap((text) => (text ?? '').split('\n\n'))) {
    // Commands print what they did before and after.
    const lines = block.split('\n');
    const first = lines.findIndex((line) => /^(?:error|warning)\[HED\d+\]: /.test(line));
    if (first === -1) continue;
    const example = lines.slice(first).join('\n').trimEnd();
    const code = /HED\d+/.exec(lines[first])[0];
    found.set(code, [...(found.get(code) ?? []), example]);
  }
  return found;
}

const introduction = `# Errors and warnings

<!-- Generated from the catalogue and the golden cases by scripts/generate/errors.mjs. -->

Every message of the compiler has a code that keeps its meaning. \`heddle explain HED2210\` prints what stands here,
\`heddle explain\` lists all codes. A message shows the place, what was found there, where the sizes came from, and where
the way out is mechanical, a hint that can be followed to the letter.

The first digit says what a code is about: 1 the text, 2 what it means, 3 weights and other files, 4 the options of a
command. Errors of a compiled model at run time have codes of their own: see [artifact.md](artifact.md).

## For other programs

\`heddle check --json SPEC…\` prints one document, also when nothing is wrong; \`run --json\` and \`inspect --json\` print the
same where they fail.

\`\`\`json
{
  "version": 1,
  "errors": 1,
  "warnings": 0,
  "diagnostics": [
    {
      "code": "HED2005",
      "severity": "error",
      "message": "\`sofmax\` is not defined here",
      "primary": {
        "path": "specs/mlp.model",
        "line": 12,
        "column": 7,
        "endLine": 12,
        "endColumn": 13,
        "text": ""
      },
      "secondary": [],
      "notes": [],
      "hint": "did you mean \`softmax\`?"
    }
  ]
}
\`\`\`

- \`version\` changes when a reader of the document could break; fields may be added without.
- \`code\` is null for what is wrong with the command or a file as a whole and has no code.
- \`severity\` is \`error\` or \`warning\`; with an error the exit code is not 0.
- \`primary\` is where the mistake is, null where no text is at fault; \`secondary\` lists other places that have to do with it.
  \`text\` is what is shown below the place, and may be empty. Lines and columns count from 1, columns in UTF-16 units, and
  the end is the first place behind. A path is as it was given, or that of an imported file.
- \`notes\` are further facts, \`hint\` is what to do, or null.`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeOrCheck(await generateErrors(), 'scripts/generate/errors.mjs');
}
