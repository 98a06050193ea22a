/** `heddle verify`: whether every kernel of every target computes what the reference does. */
import type { TargetName } from '../../program/program.ts';
import { EXIT, Failure } from '../errors.ts';
import { exists, isFolder } from '../files.ts';
import { type Io, withProgress } from '../io.ts';
import { verifyArtifact } from './artifact.ts';
import { type KernelRow, verifyKernels } from './kernels.ts';
import { passFault } from './passes.ts';
import { failureOf, isFine, reportJson, reportText, type VerificationReport } from './report.ts';
import { openSubject, type SubjectOptions } from './subject.ts';
import { type Alter, chooseCandidates } from './targets.ts';
import { verifyWhole } from './whole.ts';

export interface VerifyOptions extends SubjectOptions {
  readonly targets?: readonly TargetName[];
  readonly threads?: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `alter` puts wrong kernels in place of right ones, for tests. */
export async function verify(path: string, options: VerifyOptions, io: Io, alter?: Alter): Promise<number> {
  if (!exists(path, io)) throw new Failure(`there is no spec and no artifact ${path}`);
  const report = await withProgress(io, `compiling ${path}`, (update) =>
    isFolder(path, io) ? verifyArtifact(path, options, update, io) : verifySpec(path, options, { update, alter }, io),
  );
  io.stdout.write(
    options.json ? `${JSON.stringify(reportJson(report), undefined, 2)}\n` : reportText(report, options, io),
  );
  if (isFine(report)) return EXIT.fine;
  if (options.json) return EXIT.failed;
  throw failureOf(report);
}

interface Hooks {
  readonly update: (text: string) => void;
  readonly alter: Alter | undefined;
}

async function verifySpec(path: string, options: VerifyOptions, hooks: Hooks, io: Io): Promise<VerificationReport> {
  const candidates = await chooseCandidates(options.targets, options.threads, io);
  const targets = [...new Set(candidates.map(({ target }) => target))];
  const subject = await openSubject(path, targets, options, io);
  const settings = { seed: subject.seed, ...hooks };
  const kernels: KernelRow[] = [];
  for (const routine of subject.routines) kernels.push(...(await verifyKernels(routine, candidates, settings)));
  hooks.update('comparing what passes have made');
  const passFaults = subject.routines.flatMap((routine) => passFault(routine) ?? []);
  const outputs = await verifyWhole(subject, candidates, settings);
  const sizes = [...subject.dims].map(([name, size]) => `${name} = ${size}`);
  return {
    name: subject.name,
    given: [...sizes, `seed ${subject.seed}`].join(', '),
    reference: 'the reference',
    candidates: candidates.map(({ name }) => name),
    passFaults,
    kernels,
    outputs,
    unchecked: [],
  };
}
