/** Workers of Node and of browsers, alike. */
import { reasonOf } from '../../errors.ts';
import type { Report } from './messages.ts';

/** `Worker` of a browser, or of `node:worker_threads`. */
export type WorkerConstructor = new (url: URL, options: { readonly type: 'module' }) => object;

/** Starts a worker: written where the script's URL can be a literal, which bundlers recognise. */
export type StartWorker = (Worker: WorkerConstructor) => object;

interface NodeWorker {
  on(event: 'message', listener: (report: Report) => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'exit', listener: () => void): void;
  unref(): void;
}

interface BrowserWorker {
  addEventListener(event: 'message', listener: (event: { readonly data: Report }) => void): void;
  addEventListener(event: 'error', listener: (event: { readonly message?: string }) => void): void;
}

export interface WorkerHandle {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/** Told what a worker reports. Its end is a failure. */
export type ReportListener = (report: Report) => void;

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): { readonly Worker: WorkerConstructor };
}

/** Undefined where there are no workers. */
export function workerConstructor(): WorkerConstructor | undefined {
  const { process, Worker } = globalThis as { readonly process?: NodeProcess; readonly Worker?: WorkerConstructor };
  return process?.getBuiltinModule?.('node:worker_threads').Worker ?? Worker;
}

/** Starts a worker whose reports `listener` hears. */
export function openWorker(Worker: WorkerConstructor, start: StartWorker, listener: ReportListener): WorkerHandle {
  const worker = start(Worker) as WorkerHandle & (NodeWorker | BrowserWorker);
  const fail = (reason: string): void => listener({ kind: 'failed', reason });
  if ('on' in worker) {
    worker.on('message', listener);
    worker.on('error', (error) => fail(reasonOf(error)));
    worker.on('exit', () => fail('a worker has ended'));
  } else {
    worker.addEventListener('message', ({ data }) => listener(data));
    worker.addEventListener('error', ({ message }) => fail(message || 'a worker cannot be started'));
  }
  return worker;
}

export function send(worker: WorkerHandle, message: unknown): void {
  // Only windows have origins to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker.postMessage(message);
}

/** Lets a process end while the worker waits. */
export function release(worker: WorkerHandle): void {
  if ('unref' in worker) (worker as WorkerHandle & NodeWorker).unref();
}
