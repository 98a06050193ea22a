/**
 * The script of a worker: one rank of a team. It runs rounds inside the module until it traps there, because the team was
 * stopped or a kernel failed; only the worker that is rank 0 returns to its messages after each round.
 */
import { reasonOf } from '../../errors.ts';
import { wasmApi } from '../platform.ts';
import { stopTeam, type Orders, type Report } from './messages.ts';

/** What a worker talks through: itself in a browser, a port of its own in Node. */
interface Port {
  postMessage(report: Report): void;
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: unknown }) => void,
    options?: { readonly once: boolean },
  ): void;
  /** In Node. */
  start?(): void;
  close(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): { readonly parentPort: Port };
}

const { process } = globalThis as { readonly process?: NodeProcess };
const port = process?.getBuiltinModule?.('node:worker_threads').parentPort ?? (globalThis as unknown as Port);

port.addEventListener('message', ({ data }) => obey(data as Orders), { once: true });
port.start?.();

function obey({ module, memory, words, rank, ranks }: Orders): void {
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (stopTeam(memory.buffer, words)) port.postMessage({ kind: 'failed', reason: reasonOf(error) });
      port.close();
    }
  };
  guarded(() => {
    const { exports } = new (wasmApi()!.Instance)(module, { env: { memory, rank, ranks } });
    const [round, work] = [exports['round'], exports['work']] as (() => void)[];
    const lead = (): void => {
      round!();
      port.postMessage({ kind: 'done' });
    };
    if (rank === 0) port.addEventListener('message', () => guarded(lead));
    port.postMessage({ kind: 'ready' });
    if (rank > 0) work!();
  });
}
