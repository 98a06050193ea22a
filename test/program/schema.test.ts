import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkProgram, ProgramError } from '../../src/program/schema.ts';
import { sampleProgram } from '../runtime/sample.ts';

type Path = readonly (string | number)[];

const js = ['targets', 'js'] as const;
const run = [...js, 'routines', 0] as const;

/** A copy of the sample program with the value at `path` replaced. */
function withValue(path: Path, value: unknown): unknown {
  const program: unknown = JSON.parse(JSON.stringify(sampleProgram));
  let holder = program as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
  if (value === undefined) delete holder[path.at(-1)!];
  else holder[path.at(-1)!] = value;
  return program;
}

/** Every place in a value. */
function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...at, key]))];
}

describe('a program', () => {
  test('that the compiler wrote is accepted as it is', () => {
    const program: unknown = JSON.parse(JSON.stringify(sampleProgram));
    expect(checkProgram(program)).toBe(program);
  });

  test('that has conditions is accepted as it is', () => {
    const conditions = [{ size: ['+', 'batch', -4], message: 'far' }];
    const program = withValue([...run, 'conditions'], conditions);
    expect(checkProgram(program)).toBe(program);
  });

  test('that has alternatives for a step is accepted as it is, and only whole', () => {
    const alternatives = [{ kernel: 1, tile: 1 }, { kernel: 0, atLeastZero: ['+', 'batch', -4] }, { kernel: 3 }];
    const tiles = {
      candidates: [
        { rows: 4, columns: 8, kernel: 0, multiplyAdds: 32 },
        { rows: 6, columns: 8, kernel: 1, multiplyAdds: 48 },
      ],
      buffers: [28, 96],
      order: { strict: [0], relaxed: [1, 0] },
    };
    const made = (
      changes: { alternatives?: unknown; tiles?: unknown; choices?: unknown; load?: unknown } = {},
    ): unknown => {
      const { js } = sampleProgram.targets;
      const given = {
        alternatives,
        tiles,
        choices: [[{ tile: 1 }, { atLeastZero: ['+', 'batch', -4] }, {}]],
        ...changes,
      };
      const steps = js!.steps.map((step, at) => (at === 1 ? { ...step, alternatives: given.alternatives } : step));
      const loadSteps = js!.loadSteps.map((step) => ({
        ...step,
        ...(given.load !== undefined && { alternatives: given.load }),
      }));
      const [routine] = js!.routines;
      const routines = [{ ...routine!, table: { ...routine!.table, choices: given.choices } }];
      return { ...sampleProgram, targets: { js: { ...js!, steps, loadSteps, routines, tiles: given.tiles } } };
    };
    expect(() => checkProgram(made())).not.toThrow();
    expect(() => checkProgram(made({ alternatives: {} }))).toThrow('steps[1].alternatives is not a list');
    expect(() => checkProgram(made({ alternatives: [{ tile: 1 }] }))).toThrow('alternatives[0].kernel is not an index');
    expect(() => checkProgram(made({ alternatives: [{ kernel: 0, tile: 2 }] }))).toThrow(
      'alternatives[0].tile is not an index below 2',
    );
    expect(() => checkProgram(made({ tiles: undefined }))).toThrow('alternatives[0].tile is not an index below 0');
    expect(() => checkProgram(made({ load: [{ kernel: 0, atLeastZero: 'batch' }] }))).toThrow(
      'loadSteps[0].alternatives[0].atLeastZero',
    );
    expect(() => checkProgram(made({ choices: [[{ atLeastZero: 'time' }]] }))).toThrow('choices[0][0].atLeastZero');
    const [first] = tiles.candidates;
    expect(() => checkProgram(made({ tiles: { ...tiles, candidates: [{ ...first, kernel: 4 }] } }))).toThrow(
      'candidates[0].kernel is not an index below 4',
    );
    expect(() => checkProgram(made({ tiles: { ...tiles, buffers: [28] } }))).toThrow('buffers is not a list of 2');
    expect(() => checkProgram(made({ tiles: { ...tiles, candidates: [{ rows: 4 }] } }))).toThrow(
      'candidates[0].columns',
    );
    expect(() => checkProgram(made({ tiles: { ...tiles, order: { strict: [0], relaxed: [2] } } }))).toThrow(
      'order.relaxed[0]',
    );
    expect(() => checkProgram(made({ tiles: { ...tiles, order: { strict: [], relaxed: [0] } } }))).toThrow(
      'order.strict is not a list of at least one',
    );
  });

  test('may have several weights in one buffer, which they fill', () => {
    const part = { dtype: 'f32', buffer: 2 };
    const of = (...weights: readonly object[]) => withValue([...js, 'weights'], weights);
    const [a, b, none] = [
      { ...part, name: 'a', shape: [1] },
      { ...part, name: 'b', shape: [2], at: 1 },
      { ...part, name: 'none', shape: [0], at: 1 },
    ];
    expect(() => checkProgram(of(b, a))).not.toThrow();
    expect(() => checkProgram(of(a, none, b))).not.toThrow();
    expect(() => checkProgram(of(a))).toThrow('weights[0] is not of the size of its buffer, with all others in it');
    expect(() => checkProgram(of(a, { ...b, at: 0 }))).toThrow('weights[1] is not at 1, where the one before it ends');
    expect(() => checkProgram(of(a, { ...b, at: 2 }))).toThrow('weights[1] is not at 1, where the one before it ends');
    expect(() => checkProgram(of(a, b, { ...a, name: 'c', at: 3 }))).toThrow('weights[2] is not of the size of its');
  });

  test('says how its kernels are dispatched', () => {
    const gpu = (changes: object = {}, step: object = {}): unknown => {
      const { js } = sampleProgram.targets;
      const dispatched = ({ sizes, ...rest }: (typeof js & object)['steps'][number]) => ({
        ...rest,
        sizes,
        grid: sizes,
      });
      const steps = js!.steps.map((one, at) => ({ ...dispatched(one), ...(at === 1 && step) }));
      const kernels = [
        { access: ['read', 'write'], own: 2, sizes: 1 },
        { access: ['read', 'read', 'write'], own: 3, sizes: 2 },
        { access: ['read', 'write'], own: 2, sizes: 1, ...changes },
        { access: ['read', 'read', 'write'], own: 2, sizes: 1 },
      ];
      const loadSteps = js!.loadSteps.map(dispatched);
      const webgpu = { ...js, steps, loadSteps, gpu: { workgroupSize: 64, partBytes: 256, kernels } };
      return { ...sampleProgram, targets: { webgpu } };
    };
    expect(() => checkProgram(gpu())).not.toThrow();
    expect(() => checkProgram(gpu({ own: 3 }))).toThrow('gpu.kernels[2].own is not an index below 3');
    expect(() => checkProgram(gpu({ parts: [2, 1] }))).not.toThrow();
    expect(() => checkProgram(gpu({ parts: [2] }))).toThrow('gpu.kernels[2].parts is not a list of 2');
    expect(() => checkProgram(gpu({ parts: [2, 0] }))).toThrow('gpu.kernels[2].parts[1] is not at least 1');
    expect(() => checkProgram(gpu({ access: ['read', 'reads'] }))).toThrow('gpu.kernels[2].access[1] is not one of');
    expect(() => checkProgram(gpu({ sizes: 2 }))).toThrow('steps[1].sizes is not a list of 2');
    expect(() => checkProgram(gpu({ access: ['read'], own: 1 }))).toThrow('steps[1].buffers is not a list of 1');
    expect(() => checkProgram(gpu({}, { grid: undefined }))).toThrow('steps[1].grid is not a list');
    expect(() => checkProgram(gpu({}, { grid: ['time'] }))).toThrow('steps[1].grid[0] is not a size expression');
    expect(() => checkProgram(gpu({ workgroup: 128 }))).not.toThrow();
    expect(() => checkProgram(gpu({ workgroup: 0 }))).toThrow('gpu.kernels[2].workgroup is not at least 1');
    const instead = (alternative: object): unknown => gpu({}, { alternatives: [{ kernel: 0, ...alternative }] });
    expect(() => checkProgram(instead({ grid: ['batch'], atLeastZero: 'batch' }))).not.toThrow();
    expect(() => checkProgram(instead({}))).toThrow('steps[1].alternatives[0].grid is not a list');
    expect(() => checkProgram(instead({ kernel: 1, grid: [1] }))).toThrow('steps[1].buffers is not a list of 3');
  });

  test('may have buffers of a GPU within others', () => {
    const { js } = sampleProgram.targets;
    const outer = { kind: 'persistent', size: 128, first: 0, last: 0 };
    const inner = { kind: 'persistent', size: 3, first: 0, last: 0, within: { buffer: js!.buffers.length, at: 64 } };
    const check = (changes: object, outerChanges: object = {}, hasGpu = true): void => {
      const gpu = {
        workgroupSize: 64,
        partBytes: 256,
        kernels: js!.kernels.map(() => ({ access: [], own: 0, sizes: 0 })),
      };
      const buffers = [...js!.buffers, { ...outer, ...outerChanges }, { ...inner, ...changes }];
      const webgpu = { ...js, buffers, steps: [], loadSteps: [], ...(hasGpu && { gpu }) };
      const routines = js!.routines.map((routine) => ({ ...routine, first: 0, last: 0 }));
      checkProgram({ ...sampleProgram, targets: { webgpu: { ...webgpu, routines } } });
    };
    const at = (place: number): object => ({ within: { buffer: js!.buffers.length, at: place } });
    expect(() => check({})).not.toThrow();
    expect(() => check({}, {}, false)).toThrow('within is not in a buffer of a GPU that lies in no other');
    expect(() => check({}, at(0))).toThrow('within is not in a buffer of a GPU that lies in no other');
    expect(() => check({ within: { buffer: 99, at: 0 } })).toThrow('within is not in a buffer of a GPU');
    expect(() => check(at(128))).toThrow('within is not of static size, and inside of the other buffer');
    expect(() => check({}, { kind: 'arena' })).toThrow('within is not in a buffer of the same kind that lives as long');
    expect(() => check(at(32))).toThrow('within.at is not a multiple of 64');
  });

  test('may have the device say how much of a step is dispatched and executed', () => {
    const { js } = sampleProgram.targets;
    const kinds = js!.buffers.map(({ kind }) => kind);
    const [arena, persistent] = [kinds.indexOf('arena'), kinds.indexOf('persistent')];
    const made = (indirect: unknown, executed: unknown): unknown => {
      const dispatched = <T extends { readonly sizes: readonly unknown[] }>(step: T) => ({ ...step, grid: step.sizes });
      const gpu = {
        workgroupSize: 64,
        partBytes: 256,
        kernels: [
          { access: ['read', 'write'], own: 2, sizes: 1 },
          { access: ['read', 'read', 'write'], own: 3, sizes: 2 },
          { access: ['read', 'write'], own: 2, sizes: 1 },
          { access: ['read', 'read', 'write'], own: 2, sizes: 1 },
        ],
      };
      const steps = js!.steps.map((step, at) => ({ ...dispatched(step), ...(at === 1 && { indirect }) }));
      const routines = js!.routines.map((routine) => ({ ...routine, executed }));
      return {
        ...sampleProgram,
        targets: { webgpu: { ...js, gpu, steps, loadSteps: js!.loadSteps.map(dispatched), routines } },
      };
    };
    const work = { buffer: arena, at: 3, times: ['*', 2, 'batch'] };
    expect(() => checkProgram(made(arena, [work]))).not.toThrow();
    expect(() => checkProgram(made(99, [work]))).toThrow('steps[1].indirect is not an index below');
    expect(() => checkProgram(made(persistent, [work]))).toThrow('steps[1].indirect is not in a buffer of kind arena');
    expect(() => checkProgram(made(arena, [{ ...work, at: -1 }]))).toThrow('executed[0].at is not a non-negative');
    expect(() => checkProgram(made(arena, [{ ...work, times: 'time' }]))).toThrow('executed[0].times is not a size');
    expect(() => checkProgram(made(arena, [{ ...work, buffer: persistent }]))).toThrow(
      'executed[0].buffer is not in a',
    );
  });

  const cases: [what: string, path: Path, value: unknown, message: string][] = [
    ['of another version', ['version'], 1, 'the program has format version 1, this runtime reads 5'],
    ['without a version', ['version'], undefined, 'format version undefined'],
    ['without a name', ['name'], undefined, 'name is not a string'],
    ['with two equal dimensions', ['dims'], [{ name: 'n' }, { name: 'n' }], 'dims[1].name is not unique'],
    ['with conditions that are no list', [...run, 'conditions'], {}, 'routines[0].conditions is not a list'],
    [
      'with a condition on no dimension',
      [...run, 'conditions'],
      [{ size: 'n', message: 'm' }],
      'conditions[0].size is not a size expression',
    ],
    ['with a condition without message', [...run, 'conditions'], [{ size: 1 }], 'conditions[0].message is not a'],
    ['with a target that is no object', ['targets'], { js: 3 }, 'targets.js is not an object'],
    ['without targets', ['targets'], [], 'targets is not an object'],
    ['with a buffer of no kind', [...js, 'buffers', 0, 'kind'], 'heap', 'buffers[0].kind is not one of'],
    ['with a symbolic persistent buffer', [...js, 'buffers', 3, 'size'], 'batch', 'buffers[3].size is not a non-neg'],
    ['with an undeclared dimension', [...js, 'buffers', 0, 'size'], 'time', 'buffers[0].size is not a size expression'],
    ['with an unknown operator', [...js, 'buffers', 0, 'size'], ['%', 'batch', 2], 'is not a size expression'],
    ['with a division of three', [...js, 'buffers', 0, 'size'], ['//', 8, 2, 2], 'is not a division of two sizes'],
    ['with a step of no kernel', [...js, 'steps', 1, 'kernel'], 4, 'steps[1].kernel is not an index below 4'],
    ['with a step over no buffer', [...js, 'steps', 1, 'buffers', 0], 7, 'steps[1].buffers[0] is not an index below 7'],
    [
      'with a step over a staging buffer',
      [...js, 'steps', 1, 'buffers', 0],
      2,
      'is not in a buffer of kind persistent',
    ],
    ['with a load step over the arena', [...js, 'loadSteps', 0, 'buffers', 0], 0, 'is not in a buffer of kind'],
    [
      'with a symbolic load step',
      [...js, 'loadSteps', 0, 'sizes', 0],
      'batch',
      'loadSteps[0].sizes[0] is not a non-neg',
    ],
    [
      'with a weight of another size',
      [...js, 'weights', 0, 'shape'],
      [4],
      'weights[0] is not of the size of its buffer',
    ],
    ['with a weight before its buffer', [...js, 'weights', 0, 'at'], -1, 'weights[0].at is not a non-negative integer'],
    ['with a weight that begins late', [...js, 'weights', 0, 'at'], 1, 'weights[0] is not at 0, where the one before'],
    ['with two equal inputs', [...run, 'inputs', 1, 'name'], 'x', 'inputs[1].name is not unique'],
    ['with an input of no type', [...run, 'inputs', 1, 'dtype'], 'f64', 'inputs[1].dtype is not one of f32'],
    ['without a table', [...run, 'table'], undefined, 'targets.js.routines[0].table is not an object'],
    ['without routines', [...js, 'routines'], [], 'routines is not a list of at least one'],
    ['with steps of no routine', [...run, 'last'], 2, 'routines is not a division of all 3 steps'],
    ['with a routine that begins elsewhere', [...run, 'first'], 1, 'routines[0].first is not 0, where'],
    ['with a routine beyond the steps', [...run, 'last'], 4, 'routines[0].last is not an index below 4'],
    ['with a loss beyond the routine', [...run, 'lossReady'], 4, 'routines[0].lossReady is not an index below 4'],
    ['with a weight of some state', [...js, 'weights', 0, 'state'], false, 'weights[0].state is not true or absent'],
  ];
  test.each(cases)('%s is refused', (_, path, value, message) => {
    expect(() => checkProgram(withValue(path, value))).toThrow(ProgramError);
    expect(() => checkProgram(withValue(path, value))).toThrow(message);
  });

  test('with a bottomless size is refused without exhausting the stack', () => {
    let size: unknown = 'batch';
    for (let depth = 0; depth < 100_000; depth++) size = ['+', size];
    const program = withValue([...js, 'buffers', 0, 'size'], 1) as typeof sampleProgram;
    Object.assign(program.targets.js!.buffers[0]!, { size });
    expect(() => checkProgram(program)).toThrow(ProgramError);
  });

  test('changed anywhere is accepted or refused, never a crash', () => {
    const paths = fc.constantFrom(...pathsIn(sampleProgram).filter((path) => path.length > 0));
    fc.assert(
      fc.property(paths, fc.oneof(fc.jsonValue(), fc.constant(undefined)), (path, value) => {
        try {
          checkProgram(withValue(path, value));
        } catch (error) {
          expect(error).toBeInstanceOf(ProgramError);
        }
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => checkProgram(value)).toThrow(ProgramError);
      }),
    );
  });
});
