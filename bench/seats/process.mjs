/** A seat in a process of its own: the child's side. Its arguments are the module of the peer and the task's folder. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeSeat } from './seat.mjs';

const [module, folder] = process.argv.slice(2);
const { load } = await import(`../peers/${module}.mjs`);
const seat = makeSeat(load);
const files = {
  read: (path) => readFile(join(folder, path)),
  path: (path) => join(folder, path),
  url: (path) => pathToFileURL(join(folder, path)).href,
};

const methods = {
  async open(task) {
    const values = await seat.open({ ...task, files });
    return { values, peakBytes: peakBytes() };
  },
  async runMore(times) {
    await seat.runMore(times);
    return peakBytes();
  },
  warmUp: (milliseconds) => seat.warmUp(milliseconds),
  turn: (milliseconds) => seat.turn(milliseconds),
};

/**
 * The most memory so far. Linux carries the parent's peak over into `maxRSS` of a child, so there the kernel's figure for
 * this program alone is read.
 */
function peakBytes() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ method, argument }) => {
  try {
    process.send({ value: await methods[method](argument) });
  } catch (error) {
    process.send({ error: String(error?.message ?? error).split('\n')[0] });
  }
});
