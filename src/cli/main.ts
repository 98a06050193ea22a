#!/usr/bin/env node
/** The process around the command: its streams, signals and exit code. */
import { buffer } from 'node:stream/consumers';
import { runCommand } from './command.ts';
import { EXIT } from './errors.ts';
import { findPackageRoot } from './host.ts';
import type { Io, Output, Progress } from './io.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Writes to a stream of the process; `before` is called first, each time. */
function outputOf(stream: NodeJS.WriteStream, before: () => void): Output {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Who reads the output may stop early, as `head` does: nothing is left to be done then.
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.fine);
    if (stream !== process.stderr) process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
  return {
    write(text) {
      before();
      stream.write(text);
    },
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns;
    },
  };
}

/** Cleans up and then dies of the signal, as if it had not been caught. */
function onInterrupt(cleanup: () => void): () => void {
  const handle = (signal: NodeJS.Signals): void => {
    release();
    cleanup();
    process.kill(process.pid, signal);
  };
  const release = (): void => SIGNALS.forEach((signal) => process.off(signal, handle));
  SIGNALS.forEach((signal) => process.on(signal, handle));
  return release;
}

/** Lets the process go on after the first signal. */
function onStop(stop: () => void): () => void {
  const release = (): void => SIGNALS.forEach((signal) => process.off(signal, handle));
  const handle = (): void => {
    // Without a handler, the next signal does what it does by itself.
    release();
    stop();
  };
  SIGNALS.forEach((signal) => process.on(signal, handle));
  return release;
}

function processIo(): Io {
  /** Spinners on the screen: their line is cleared before anything else is written. */
  const spinners = new Set<{ clear(): unknown }>();
  const clear = (): void => spinners.forEach((spinner) => spinner.clear());
  const progress = async (text: string): Promise<Progress> => {
    if (!process.stderr.isTTY || !process.stderr.columns) return { update: () => undefined, stop: () => undefined };
    const { default: ora } = await import('ora');
    const spinner = ora({ text, stream: process.stderr, discardStdin: false }).start();
    spinners.add(spinner);
    return {
      update(next) {
        spinner.text = next;
        // The work that follows holds the thread, so that no timer would draw it.
        spinner.render();
      },
      stop() {
        spinners.delete(spinner);
        spinner.stop();
      },
    };
  };
  return {
    stdout: outputOf(process.stdout, clear),
    stderr: outputOf(process.stderr, clear),
    env: process.env,
    readInput: () => buffer(process.stdin),
    cwd: process.cwd(),
    packageRoot: findPackageRoot(),
    progress,
    onInterrupt,
    onStop,
  };
}

process.exitCode = await runCommand(process.argv.slice(2), processIo());
