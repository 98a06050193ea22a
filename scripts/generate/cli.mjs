// Writes the manual of the command (docs/cli.md) from its own help: `node scripts/generate/cli.mjs`; with `--check` it
// only tells whether the file is up to date.
import { fileURLToPath } from 'node:url';
import { laidOut, loadSource, writeOrCheck } from './files.mjs';

/** The file by its path. */
export async function generateCli() {
  const { runCommand } = await loadSource(`export { runCommand } from './src/cli/command.ts';`);
  const whole = await helpOf(runCommand, []);
  const [, list] = /^Commands:\n([^]*?)\n\n/m.exec(whole);
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  const commands = [];
  for (const name of names) commands.push(`## heddle ${name}`, fenced(await helpOf(runCommand, [name])));
  return { 'docs/cli.md': await laidOut('docs/cli.md', [introduction, fenced(whole), ...commands, ''].join('\n\n')) };
}

const introduction = `# The command

<!-- Generated from the command's own help by scripts/generate/cli.mjs. -->

Specs are described in [language.md](language.md), what \`compile\` writes in [artifact.md](artifact.md).`;

const fenced = (text) => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

/** What `heddle … --help` prints on a page of this width. */
async function helpOf(runCommand, command) {
  const written = [];
  const output = { write: (text) => written.push(text), isTTY: false, columns: 110 };
  const io = { stdout: output, stderr: output, env: {}, cwd: root, packageRoot: root };
  const code = await runCommand([...command, '--help'], io);
  if (code !== 0) throw new Error(`the help of ${command.join(' ')} ends with ${code}:\n${written.join('')}`);
  return written.join('');
}

const root = fileURLToPath(new URL('../..', import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeOrCheck(await generateCli(), 'scripts/generate/cli.mjs');
}
