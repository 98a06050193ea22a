// The build, made where it is missing or older than its sources, and programs that end this one when they fail.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The command `heddle` as a script for Node. */
export const command = join(root, 'dist/src/cli/main.js');

function isBuilt() {
  const built = ['dist/src/cli/main.js', 'dist/runtime.js'].map((name) => join(root, name));
  if (!built.every((path) => existsSync(path))) return false;
  const since = Math.min(...built.map((path) => statSync(path).mtimeMs));
  return ['src', 'grammar'].every((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true }).every(
      (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs <= since,
    ),
  );
}

export function ensureBuilt() {
  if (isBuilt()) return;
  console.log('Building …');
  run('npm', ['run', '--silent', 'build'], 'ignore');
}

/** Runs a program in the root folder; ends this one with its exit code when it fails. */
export function run(program, args, stdout) {
  const { status, stdout: text } = spawnSync(program, args, { cwd: root, stdio: ['ignore', stdout, 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
  return String(text ?? '');
}
