/**
 * What a command may touch of the process it runs in. Commands never reach for `process` themselves, so that tests can
 * run them with other streams, folders and variables.
 */
import colors from 'picocolors';

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal, where it is one. */
  readonly columns?: number | undefined;
}

/** A line that tells what is being done, while it is done. */
export interface Progress {
  update(text: string): void;
  stop(): void;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Everything on the standard input. */
  readInput(): Promise<Uint8Array>;
  /** Relative paths are relative to this folder. */
  readonly cwd: string;
  /** Where `specs/` and the built runtime lie. */
  readonly packageRoot: string;
  /** Shows progress on a terminal, and nothing elsewhere. */
  progress(text: string): Promise<Progress>;
  /**
   * Has `stop` called when the user first asks the process to end, which then goes on; a second time ends it. The function
   * it returns ends that.
   */
  onStop(stop: () => void): () => void;
  /** Has `cleanup` called if the process is interrupted; the function it returns ends that. */
  onInterrupt(cleanup: () => void): () => void;
}

/** Whether to colour what is written to `output`: on a terminal, unless the user's environment says otherwise. */
export function usesColor(output: Output, env: Io['env']): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return output.isTTY && env['TERM'] !== 'dumb';
}

export function colorsFor(output: Output, env: Io['env']): ReturnType<typeof colors.createColors> {
  return colors.createColors(usesColor(output, env));
}

/** Runs `work` while a line tells what is being done. */
export async function withProgress<T>(
  io: Io,
  text: string,
  work: (update: (text: string) => void) => Promise<T>,
): Promise<T> {
  const progress = await io.progress(text);
  try {
    return await work((next) => progress.update(next));
  } finally {
    progress.stop();
  }
}
