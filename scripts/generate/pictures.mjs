// Draws the pictures of the documentation as `heddle inspect` does: `node scripts/generate/pictures.mjs`; with `--check`
// it only tells whether they are up to date.
import { fileURLToPath } from 'node:url';
import { loadSource, writeOrCheck } from './files.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is drawn, by the picture's path. */
const PICTURES = {
  'docs/images/multi-branch.svg': ['specs/multi_branch.model', '--entry', 'MultiBranchTrunk'],
};

/** The files by their paths. */
export async function generatePictures() {
  const { runCommand } = await loadSource(`export { runCommand } from './src/cli/command.ts';`);
  const pictures = {};
  for (const [path, spec] of Object.entries(PICTURES)) pictures[path] = await drawing(runCommand, spec);
  return pictures;
}

async function drawing(runCommand, spec) {
  const [written, complaints] = [[], []];
  const outputTo = (texts) => ({ write: (text) => texts.push(text), isTTY: false, columns: 100 });
  const io = { stdout: outputTo(written), stderr: outputTo(complaints), env: {}, cwd: root, packageRoot: root };
  const code = await runCommand(['inspect', ...spec, '--graph', 'svg'], io);
  if (code !== 0) throw new Error(`heddle inspect ${spec.join(' ')} ends with ${code}:\n${complaints.join('')}`);
  return written.join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeOrCheck(await generatePictures(), 'scripts/generate/pictures.mjs');
}
