/**
 * `npm run bench`: installs the peers where they are missing, builds Heddle, and measures. Imports nothing that has to
 * be installed first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bench, root } from './places.mjs';

/** True when the installed packages are those of the lock file. */
function isInstalled() {
  const marker = join(bench, 'node_modules/.package-lock.json');
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(bench, 'package-lock.json')).mtimeMs;
}

function runNpm(folder, ...args) {
  const { status } = spawnSync('npm', args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}`);
}

const args = process.argv.slice(2);
if (!isInstalled()) {
  console.log('installing the peers into bench/node_modules');
  runNpm(bench, 'ci', '--no-audit', '--no-fund');
}
if (!args.includes('--help')) runNpm(root, 'run', '--silent', 'build');
const { main } = await import('./main.mjs');
process.exitCode = await main(args);
