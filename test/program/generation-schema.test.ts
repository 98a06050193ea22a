import { expect, test } from 'vitest';
import { ProgramError } from '../../src/program/fields.ts';
import { checkGenerationParts } from '../../src/program/generation-schema.ts';
import type { Program, Routine } from '../../src/program/program.ts';
import { checkProgram } from '../../src/program/schema.ts';
import { program } from '../runtime/generate/sample.ts';

/** The program with other fields in its spec, and with other routines. */
function changed(spec: object, routines: (routine: Routine) => Routine[] = (routine) => [routine]): Program {
  const js = program.targets.js!;
  return {
    ...program,
    generation: { ...program.generation!, ...spec },
    targets: { js: { ...js, routines: js.routines.flatMap(routines) } },
  };
}

function placeOf(wrong: Program): string {
  try {
    checkGenerationParts(wrong, wrong.targets.js!);
  } catch (error) {
    if (error instanceof ProgramError) return error.path;
    throw error;
  }
  return 'nowhere';
}

test('what the compiler wrote is accepted', () => {
  checkProgram(JSON.parse(JSON.stringify(program)));
  expect(placeOf(program)).toBe('nowhere');
});

test.each<[string, object, ((routine: Routine) => Routine[])?]>([
  ['generation.input', { input: 3 }],
  ['generation.along', { along: null }],
  ['generation.output', { output: [] }],
  ['generation.max', { max: 0 }],
  ['generation.vocabulary', { vocabulary: 0.5 }],
  ['generation.inputs', { inputs: 'bias' }],
  ['generation.inputs[0]', { inputs: [1] }],
  ['the inputs of prefill', { inputs: [] }],
  ['the inputs of step', {}, (routine) => [routine.name === 'step' ? { ...routine, inputs: [] } : routine]],
  ['the outputs of step', {}, (routine) => [routine.name === 'step' ? { ...routine, outputs: [] } : routine]],
  ['routines', {}, (routine) => (routine.name === 'step' ? [] : [routine])],
])('of anything else, the place is named: %s', (place, spec, routines) => {
  expect(placeOf(changed(spec, routines))).toBe(place);
});

test('a kept buffer may have a size that only a run knows, and is none of what only loading needs', () => {
  const js = program.targets.js!;
  const at = js.buffers.findIndex(({ kind }) => kind === 'kept');
  const loading = { kernel: 0, buffers: [at], sizes: [], origin: '' };
  const wrong = { ...program, targets: { js: { ...js, loadSteps: [loading] } } };
  expect(() => checkProgram(wrong)).toThrow('targets.js.loadSteps[0].buffers[0]');
  const odd = js.buffers.map((buffer) => (buffer.kind === 'kept' ? { ...buffer, size: 'nobody' } : buffer));
  expect(() => checkProgram({ ...program, targets: { js: { ...js, buffers: odd } } })).toThrow(
    `targets.js.buffers[${at}].size`,
  );
});
