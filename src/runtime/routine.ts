/** The routine of a program that is a model. */
import type { Routine, TargetProgram } from '../program/program.ts';
import { HeddleError } from './errors.ts';

/** Throws HeddleError 'program-malformed' where there is no routine `run`. */
export function modelRoutine({ routines }: TargetProgram): Routine {
  const found = routines.find(({ name }) => name === 'run');
  if (!found) throw new HeddleError('program-malformed', 'the program has no routine run');
  return found;
}
