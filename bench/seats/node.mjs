/** Seats in Node: one process a contestant, so that memory, garbage and optimised code are its own. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./process.mjs', import.meta.url));

/** `node`: path of the Node to measure under. */
export function nodeSeats(node, version) {
  return {
    place: 'node',
    version,

    /** Starts a process and loads; answers the seat, the first outputs and what it took. */
    async open(module, folder, task, patience) {
      const start = performance.now();
      const seat = new ProcessSeat(node, module, folder);
      try {
        const { values, peakBytes } = await seat.ask('open', task, patience);
        return { seat, values, peakBytes, milliseconds: performance.now() - start };
      } catch (error) {
        await seat.close();
        throw error;
      }
    },

    async close() {},
  };
}

class ProcessSeat {
  #child;
  #ended;

  constructor(node, module, folder) {
    // What peers print about themselves does not belong into the report.
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'];
    this.#child = fork(script, [module, folder], { execPath: node, execArgv: [], serialization: 'advanced', stdio });
    this.#ended = new Promise((resolve) => this.#child.once('exit', (code, signal) => resolve(signal ?? code)));
  }

  /** One question at a time. Rejects with the child's error, when it ends, or after `patience` milliseconds. */
  async ask(method, argument, patience = 600_000) {
    let timer;
    const answer = new Promise((resolve) => this.#child.once('message', resolve));
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ error: `no answer in ${patience / 1000} s` }), patience);
    });
    const ended = this.#ended.then((status) => ({ error: `its process ended (${status})` }));
    this.#child.send({ method, argument });
    const { value, error } = await Promise.race([answer, late, ended]);
    clearTimeout(timer);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async close() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
