/** Checks what a program says of generation. */
import { index, list, ProgramError, record, text } from './fields.ts';
import { LENGTHS, LOGITS, PAST, PREFILL, SAMPLE, STEP, TOKEN } from './generation.ts';
import type { Program, Routine, TargetProgram } from './program.ts';
import { RANDOM_KEY } from './training.ts';

const SAMPLER = [...Object.values(SAMPLE), RANDOM_KEY];

/**
 * Checks what `checkProgram` leaves out, as only generating needs it: the GenerationSpec, and that a target's routines
 * have the inputs and outputs that it says. Throws ProgramError.
 */
export function checkGenerationParts({ generation }: Program, { routines }: TargetProgram): void {
  const at = 'generation';
  const spec = record(generation, at);
  const input = text(spec['input'], `${at}.input`);
  text(spec['along'], `${at}.along`);
  text(spec['output'], `${at}.output`);
  for (const count of ['max', 'vocabulary'])
    if (index(spec[count], `${at}.${count}`) === 0) throw new ProgramError(`${at}.${count}`, 'at least 1');
  const inputs = [input, ...list(spec['inputs'], `${at}.inputs`, text), ...SAMPLER];
  checkRoutine(PREFILL, [...inputs, LENGTHS], routines);
  checkRoutine(STEP, [...inputs, PAST], routines);
}

function checkRoutine(name: string, inputs: readonly string[], routines: readonly Routine[]): void {
  const routine = routines.find((one) => one.name === name);
  if (!routine) throw new ProgramError('routines', `with the routine ${name}`);
  const check = (role: 'inputs' | 'outputs', wanted: readonly string[]): void => {
    const found = routine[role].map((tensor) => tensor.name).sort();
    if (found.join() !== wanted.toSorted().join())
      throw new ProgramError(`the ${role} of ${name}`, wanted.toSorted().join(', '));
  };
  check('inputs', inputs);
  check('outputs', [LOGITS, TOKEN]);
}
