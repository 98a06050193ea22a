/** The bundled parts of the runtime, which a build of Heddle writes into `dist`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Threads } from '../runtime/devices/threads/team.ts';
import { Failure, printNote } from './errors.ts';
import type { Io } from './io.ts';

/** The script of a model's threads. */
export const WORKER_FILE = 'worker.js';

/** The text of one part. Throws Failure where nothing has been built. */
export async function readBuilt(name: string, io: Io): Promise<string> {
  try {
    return await readFile(builtPath(name, io), 'utf8');
  } catch {
    throw notBuilt();
  }
}

/** As many threads as asked for, for a model without a folder. Throws Failure where nothing has been built. */
export function threadsOf(count: number | undefined, io: Io): Threads | undefined {
  if (count === undefined || count === 1) return undefined;
  const path = builtPath(WORKER_FILE, io);
  if (!existsSync(path)) throw notBuilt();
  return {
    count,
    startWorker: (Worker) => new Worker(pathToFileURL(path), { type: 'module' }),
    onWarning: (message) => printNote(message, io),
  };
}

function builtPath(name: string, io: Io): string {
  return join(io.packageRoot, 'dist', name);
}

function notBuilt(): Failure {
  return new Failure('the runtime has not been built yet', { hint: 'run `npm run build` in the folder of Heddle' });
}
