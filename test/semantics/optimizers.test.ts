import { describe, expect, test } from 'vitest';
import { describeType, fitSetting, type ArgumentRecord } from '../../src/compiler/semantics/optimizers/arguments.ts';
import { optimizerRecords, stepArguments } from '../../src/compiler/semantics/optimizers/records.ts';
import { scheduleRecords } from '../../src/compiler/semantics/optimizers/schedules.ts';

const RECORDS = [...optimizerRecords, ...scheduleRecords];

describe('the records of optimizers and schedules', () => {
  test('have names of their own', () => {
    for (const names of [optimizerRecords.map((one) => one.name), scheduleRecords.map((one) => one.name)])
      expect(new Set(names).size).toBe(names.length);
  });

  test.each(RECORDS)('$name: arguments are documented, once each, and defaults are what they may be', (record) => {
    const list: readonly ArgumentRecord[] = [...record.arguments, ...stepArguments];
    expect(new Set(list.map((one) => one.name)).size).toBe(list.length);
    for (const { name, type, doc, default: usual } of list) {
      expect(doc, name).toMatch(/\.$/);
      if (usual !== undefined && usual !== null) expect(fitSetting(type, usual), name).toEqual(usual);
    }
    expect(record.doc).toMatch(/\.$/);
  });

  test('every schedule has a warm-up', () => {
    for (const { name, arguments: list } of scheduleRecords)
      expect(
        list.some((one) => one.name === 'warmup' || one.name === 'pct_start'),
        name,
      ).toBe(true);
  });
});

describe('a setting', () => {
  test.each([
    [{ kind: 'float', range: { least: 0, below: 1 } }, 0, 0],
    [{ kind: 'float', range: { least: 0, below: 1 } }, 1, undefined],
    [{ kind: 'float', range: { above: 0 } }, 0, undefined],
    [{ kind: 'float' }, Infinity, undefined],
    [{ kind: 'int' }, 1.5, undefined],
    [{ kind: 'int', range: { most: 3 } }, 4, undefined],
    [{ kind: 'bool' }, 1, undefined],
    [{ kind: 'word', words: ['a'] }, 'b', undefined],
    [{ kind: 'list', of: 'int' }, [1, 2], [1, 2]],
    [{ kind: 'list', of: 'int' }, [1, 0.5], undefined],
    [{ kind: 'list', of: 'float', length: 2 }, [1], undefined],
  ] as const)('of the type %j is fitted from %j', (type, plain, wanted) => {
    expect(fitSetting(type, plain)).toEqual(wanted);
  });

  test('describes what it must be', () => {
    expect(describeType({ kind: 'list', of: 'float', length: 2, range: { least: 0, below: 1 } })).toBe(
      '2 numbers of at least 0 and less than 1',
    );
    expect(describeType({ kind: 'word', words: ['cos', 'linear'] })).toBe('"cos" or "linear"');
  });
});
