/** A seat in a page: what is bundled with one peer. The page's address gives the task's folder. */
import './limit-threads.mjs';
import { load } from 'peer';
import { countGpu } from './count-gpu.mjs';
import { makeSeat } from './seat.mjs';

const gpu = countGpu();
const seat = makeSeat(load);
const base = new URL(new URLSearchParams(location.search).get('folder'), location.href);
const files = {
  async read(path) {
    const response = await fetch(new URL(path, base));
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },
  url: (path) => new URL(path, base).href,
};

globalThis.seat = {
  async open(task) {
    const values = await seat.open({ ...task, files, packages: '/packages' });
    const milliseconds = performance.now();
    const plain = Object.fromEntries(Object.entries(values).map(([name, data]) => [name, [...data]]));
    return { values: plain, milliseconds };
  },
  // What a page takes of memory, it does not tell.
  runMore: (times) => seat.runMore(times),
  warmUp: (milliseconds) => seat.warmUp(milliseconds),
  turn: (milliseconds) => seat.turn(milliseconds),
  /** What one call asks of the GPU. */
  countCall: () => gpu.during(() => seat.runMore(1)),
};
