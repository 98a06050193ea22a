// `npm run demo`: classifies the bundled digits with the bundled weights, and counts how many are right. Builds first
// where the build is missing or older than the sources.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { command, ensureBuilt, root, run } from './built.mjs';
import { digitsSettings } from './digits-vit.mjs';

const images = 'examples/digits/images';

ensureBuilt();

const files = readdirSync(join(root, images))
  .filter((name) => name.endsWith('.png'))
  .sort()
  .map((name) => `${images}/${name}`);
const model = [
  'run',
  'specs/vit.model',
  '--entry',
  'ViT',
  ...digitsSettings,
  '--weights',
  'examples/digits/digits.safetensors',
];
const pictures = ['--mean', '0.1307', '--std', '0.3081', '--labels', 'examples/digits/labels.txt', '--top', '3'];

console.log(`heddle ${[...model, '--image', `${images}/*.png`, ...pictures].join(' ')}\n`);
run(process.execPath, [command, ...model, '--image', ...files, ...pictures], 'inherit');

// Again for the machine: what is printed for people is not meant to be read back.
const results = JSON.parse(
  run(process.execPath, [command, ...model, '--image', ...files, ...pictures, '--json'], 'pipe'),
);
// A picture is named after the digit it shows: 3-a.png.
const right = results.filter(({ file, top: [best] }) => best.label === basename(file)[0]).length;
console.log(`\n${right} of ${results.length} digits are right`);
process.exitCode = right === results.length ? 0 : 1;
