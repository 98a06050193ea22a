/** The folder of a run in the place of a file of weights. */
import { readTensorFile, type TensorFile } from '../arguments.ts';
import { isFolder } from '../files.ts';
import { shownPath } from '../host.ts';
import type { Io } from '../io.ts';
import { RunFolder } from './run-folder.ts';

/**
 * `FILE[:prefix]`, or `RUN[:path]`: the last checkpoint of a run, and in it what is under the path of an instance. Throws
 * Failure for a folder that is no run or has no checkpoint.
 */
export function weightFile(text: string, io: Io): TensorFile {
  const { path, prefix } = readTensorFile(text, io);
  const folder = runOf(text, io);
  if (!folder) return { path, prefix };
  folder.readConfig();
  const dotted = prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
  return { path: shownPath(folder.last(), io.cwd), prefix: dotted };
}

/** The run in `RUN[:path]`; undefined where it is a file. */
export function runOf(text: string, io: Io): RunFolder | undefined {
  const { path } = readTensorFile(text, io);
  return isFolder(path, io) ? new RunFolder(path, io) : undefined;
}
