#!/usr/bin/env node
/** The process around the command: its streams, signals and exit code. */
import ora from 'ora';
import { runCommand } from './command.ts';
import { findPackageRoot } from './host.ts';
import type { Io, Output, Progress } from './io.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function outputOf(stream: NodeJS.WriteStream): Output {
  // Who reads the output may stop early, as `head` does: nothing is left to be done then.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}

function progress(text: string): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const spinner = ora({ text, stream: process.stderr, discardStdin: false }).start();
  return {
    update(next) {
      spinner.text = next;
      // The work that follows holds the thread, so that no timer would draw it.
      spinner.render();
    },
    stop: () => void spinner.stop(),
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

const io: Io = {
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  packageRoot: findPackageRoot(),
  progress,
  onInterrupt,
};

process.exitCode = await runCommand(process.argv.slice(2), io);
