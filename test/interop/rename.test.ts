import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { matchPattern, parsePattern, substitutePattern, type Pattern } from '../../src/compiler/interop/pattern.ts';
import { parseRenameMap, type RenameMap } from '../../src/compiler/interop/rename-map.ts';
import { applyRename, invertRename } from '../../src/compiler/interop/rename.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';

type Tensors = ReadonlyMap<string, StoredTensor>;

function pattern(text: string): Pattern {
  const parsed = parsePattern(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

/** The reported codes and messages, with the text that each points at. */
function described(sink: DiagnosticSink): string[] {
  return sink.items.map(({ code, message, primary }) => {
    const at = primary && primary.span.source.text.slice(primary.span.start, primary.span.end);
    return `${code} ${message}${at === undefined ? '' : ` at ${at}`}`;
  });
}

function mapOf(json: unknown): RenameMap {
  const sink = new DiagnosticSink();
  const map = parseRenameMap({ path: 'map.json', text: JSON.stringify(json) }, sink);
  expect(described(sink)).toEqual([]);
  return map!;
}

/** A tensor of the given shape with the elements `start`, `start + 1` … */
function tensor(shape: number[], start = 0): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = new Uint8Array(Float32Array.from({ length: count }, (_, i) => start + i).buffer);
  return { dtype: 'F32', shape, bytes };
}

const named = (...names: string[]): Tensors => new Map(names.map((name, at) => [name, tensor([2], at)]));

function values(tensors: Tensors | undefined, name: string): [shape: readonly number[], values: number[]] {
  const { shape, bytes } = tensors!.get(name)!;
  return [shape, [...new Float32Array(bytes.slice().buffer)]];
}

function applied(map: RenameMap, tensors: Tensors): Tensors {
  const sink = new DiagnosticSink();
  const result = applyRename(map, tensors, sink);
  expect(described(sink)).toEqual([]);
  return result!;
}

/** Applies the map and follows it back; the second must give what the first was given. */
function roundTrip(map: RenameMap, tensors: Tensors): Tensors {
  const own = applied(map, tensors);
  const sink = new DiagnosticSink();
  const back = invertRename(map, own, sink);
  expect(described(sink)).toEqual([]);
  const contents = (all: Tensors) => new Map([...all].map(([name, { shape, bytes }]) => [name, [shape, [...bytes]]]));
  expect(contents(back!)).toEqual(contents(tensors));
  return own;
}

describe('a pattern', () => {
  test('matches whole segments from the start and keeps the rest', () => {
    expect(matchPattern(pattern('a.b'), 'a.b.weight')).toEqual({ values: {}, rest: '.weight' });
    expect(matchPattern(pattern('a.b'), 'a.b')!.rest).toBe('');
    expect(matchPattern(pattern('a.b'), 'a.bc')).toBeUndefined();
    expect(matchPattern(pattern('a.b'), 'x.a.b')).toBeUndefined();
    expect(matchPattern(pattern('a+b'), 'aab')).toBeUndefined();
  });

  test('has placeholders for segments, parts of segments and paths', () => {
    expect(matchPattern(pattern('layers.{i}.norm'), 'layers.12.norm.bias')!.values['i']).toBe('12');
    expect(matchPattern(pattern('layers.{i}.norm'), 'layers.1.2.norm')).toBeUndefined();
    expect(matchPattern(pattern('layer_{i}'), 'layer_3.w')!.values['i']).toBe('3');
    expect(matchPattern(pattern('{path..}.gamma'), 'a.b.gamma')!.values['path']).toBe('a.b');
    expect(matchPattern(pattern('{i}.{i}'), '3.3')).toBeDefined();
    expect(matchPattern(pattern('{i}.{i}'), '3.4')).toBeUndefined();
  });

  test('gives a name from what another matched', () => {
    const match = matchPattern(pattern('{path..}.h_{i}.gamma'), 'a.b.h_3.gamma.x')!;
    expect(substitutePattern(pattern('{path..}.{i}.weight'), match)).toBe('a.b.3.weight.x');
  });

  test.each([
    ['', 'a pattern cannot be empty'],
    ['a..b', 'the pattern has an empty segment'],
    ['a.', 'the pattern has an empty segment'],
    ['a.{}', '`{}` is no placeholder; one is written {i} or {path..}'],
    ['a.{1}', '`{1}` is no placeholder; one is written {i} or {path..}'],
    ['a.{i', '`{i` is no placeholder; one is written {i} or {path..}'],
    ['a.x{p..}', '`{p..}` must be a whole segment'],
  ])('%j is refused', (text, message) => {
    expect(parsePattern(text)).toBe(message);
  });
});

describe('a rename map', () => {
  test('renames by the first rule that matches and leaves other names', () => {
    const map = mapOf({ 'net.1.special': 'first', 'net.{i}': 'layers.{i}', head: 'classifier' });
    const own = roundTrip(map, named('net.0.weight', 'net.1.special.w', 'head.bias', 'header', 'cls_token'));
    expect([...own.keys()]).toEqual(['layers.0.weight', 'first.w', 'classifier.bias', 'header', 'cls_token']);
  });

  test('may be a list of rules', () => {
    const map = mapOf([
      { from: 'a', to: 'b' },
      { from: 'b', to: 'a' },
    ]);
    expect([...roundTrip(map, named('a.w', 'b.w')).keys()]).toEqual(['b.w', 'a.w']);
  });

  test('drops tensors for null, which the way back does without', () => {
    const map = mapOf({ '{path..}.num_batches_tracked': null, aux: null, a: 'b' });
    const own = applied(map, named('bn.num_batches_tracked', 'aux.weight', 'a.weight', 'a.1.num_batches_tracked'));
    expect([...own.keys()]).toEqual(['b.weight']);
    const back = invertRename(map, own, new DiagnosticSink());
    expect([...back!.keys()]).toEqual(['a.weight']);
  });

  test('keeps the order of its keys even when they look like numbers', () => {
    const sink = new DiagnosticSink();
    const map = parseRenameMap({ path: 'map.json', text: '{"{i}.w": "x.{i}", "1": "y"}' }, sink);
    expect(applied(map!, named('1.w')).has('x.1')).toBe(true);
  });

  test('turns tensors, and turns them back', () => {
    const map = mapOf({ dense: { to: 'linear', transpose: true }, conv: { to: 'conv', transpose: [3, 2, 0, 1] } });
    const own = roundTrip(
      map,
      new Map([
        ['dense.kernel', tensor([2, 3])],
        ['dense.bias', tensor([3])],
        ['conv', tensor([1, 2, 3, 4])],
      ]),
    );
    expect(values(own, 'linear.kernel')).toEqual([
      [3, 2],
      [0, 3, 1, 4, 2, 5],
    ]);
    expect(values(own, 'linear.bias')).toEqual([[3], [0, 1, 2]]);
    expect(own.get('conv')!.shape).toEqual([4, 3, 1, 2]);
    // Element [0, 1, 2, 3] of the foreign tensor.
    expect(values(own, 'conv')[1][3 * 6 + 2 * 2 + 1]).toBe(1 * 12 + 2 * 4 + 3);
  });

  test('splits tensors, and joins them again', () => {
    const map = mapOf({ in_proj: { to: ['q', 'k', 'v'], split: 0 } });
    const own = roundTrip(
      map,
      new Map([
        ['in_proj.weight', tensor([6, 2])],
        ['in_proj.bias', tensor([3])],
      ]),
    );
    expect(values(own, 'k.weight')).toEqual([
      [2, 2],
      [4, 5, 6, 7],
    ]);
    expect(values(own, 'v.bias')).toEqual([[1], [2]]);
  });

  test('splits along inner axes into parts of given sizes', () => {
    const map = mapOf({ w: { to: ['a', 'b'], split: { axis: 1, sizes: [1, 3] } } });
    const own = roundTrip(map, new Map([['w', tensor([2, 4])]]));
    expect(values(own, 'a')).toEqual([
      [2, 1],
      [0, 4],
    ]);
    expect(values(own, 'b')).toEqual([
      [2, 3],
      [1, 2, 3, 5, 6, 7],
    ]);
  });

  test('merges tensors in the order of the rule, and cuts them again', () => {
    const map = mapOf([{ from: ['{i}.q', '{i}.k', '{i}.v'], to: 'layers.{i}.qkv', merge: 0 }]);
    const tensors = new Map([
      ['0.v.w', tensor([1, 2], 20)],
      ['0.q.w', tensor([1, 2], 0)],
      ['1.q.w', tensor([1, 2], 30)],
      ['0.k.w', tensor([1, 2], 10)],
      ['1.v.w', tensor([1, 2], 50)],
      ['1.k.w', tensor([1, 2], 40)],
    ]);
    const own = roundTrip(map, tensors);
    expect(values(own, 'layers.0.qkv.w')).toEqual([
      [3, 2],
      [0, 1, 10, 11, 20, 21],
    ]);
    expect(values(own, 'layers.1.qkv.w')).toEqual([
      [3, 2],
      [30, 31, 40, 41, 50, 51],
    ]);
  });

  test('turns each part before it merges, and the whole before it splits', () => {
    const merged = mapOf([{ from: ['k', 'v'], to: 'kv', merge: 0, transpose: true }]);
    const own = roundTrip(
      merged,
      new Map([
        ['k', tensor([2, 1])],
        ['v', tensor([2, 1], 2)],
      ]),
    );
    expect(values(own, 'kv')).toEqual([
      [2, 2],
      [0, 1, 2, 3],
    ]);
    const split = mapOf([{ from: 'kv', to: ['k', 'v'], split: 0, transpose: true }]);
    expect(values(roundTrip(split, new Map([['kv', tensor([2, 2])]])), 'k')).toEqual([
      [1, 2],
      [0, 2],
    ]);
  });

  test('moves elements of every size', () => {
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i);
    const map = mapOf({ a: { to: 'b', transpose: true } });
    const half = applied(map, new Map([['a', { dtype: 'F16', shape: [2, 3], bytes }]]));
    expect([...half.get('b')!.bytes]).toEqual([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    const empty = applied(map, new Map([['a', tensor([0, 3])]]));
    expect(empty.get('b')!.shape).toEqual([3, 0]);
  });

  test('transposed any way and back is the same tensor', () => {
    const case_ = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }).chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        ),
      ),
    );
    fc.assert(
      fc.property(case_, ([shape, axes]) => {
        roundTrip(mapOf({ a: { to: 'b', transpose: axes } }), new Map([['a', tensor(shape)]]));
      }),
    );
  });
});

describe('tensors that a map does not fit are reported', () => {
  const failures = (json: unknown, tensors: Tensors, direction = applyRename): string[] => {
    const sink = new DiagnosticSink();
    expect(direction(mapOf(json), tensors, sink)).toBeUndefined();
    return described(sink);
  };

  test('when two get one name', () => {
    expect(failures({ a: 'c', b: 'c' }, named('a.w', 'b.w'))).toEqual([
      'HED3008 `a.w` and `b.w` would both be named `c.w` at "b"',
    ]);
    expect(failures({ a: 'c' }, named('a.w', 'c.w'))).toEqual(['HED3008 `a.w` and `c.w` would both be named `c.w`']);
  });

  test('when the shape does not allow it', () => {
    expect(failures({ a: { to: 'b', transpose: [1, 0] } }, named('a'))[0]).toContain(
      'HED3009 `a` is [2]; a permutation of 2 axes does not fit 1',
    );
    expect(failures({ a: { to: ['b', 'c', 'd'], split: 0 } }, named('a'))[0]).toContain('into 3 equal parts');
    expect(failures({ a: { to: ['b', 'c'], split: 1 } }, named('a'))[0]).toContain('there is no axis 1');
    const sizes = { a: { to: ['b', 'c'], split: { axis: 0, sizes: [1, 2] } } };
    expect(failures(sizes, named('a'))[0]).toContain('parts of 1, 2 make 3, not 2');
  });

  test('when parts of a merge are missing or unlike', () => {
    const map = [{ from: ['{i}.a', '{i}.b'], to: '{i}.c', merge: 0 }];
    expect(failures(map, named('3.a.w'))[0]).toContain('HED3009 `3.b.w` is missing to make `3.c.w`');
    const unlike = (b: StoredTensor): string =>
      failures(
        map,
        new Map([
          ['0.a', tensor([2, 2])],
          ['0.b', b],
        ]),
      )[0]!;
    expect(unlike(tensor([2, 3]))).toContain('`0.a` is [2, 2], `0.b` is [2, 3]; these shapes cannot be joined');
    expect(unlike(tensor([3, 2]))).toContain('part 2 has extent 3 along axis 0 instead of 2');
    expect(unlike({ ...tensor([2, 2]), dtype: 'I32' })).toContain('F32 and I32 cannot be joined');
  });

  test('when a name has no foreign name that leads back', () => {
    expect(failures({ a: 'b' }, named('a.w'), invertRename)).toEqual([
      'HED3010 `a.w` has no foreign name that leads back to it at "a"',
    ]);
    // `x.y` would be written as `b`, which is read back by the first rule.
    expect(failures({ '{i}': 'z.{i}', b: 'x.y' }, named('x.y'), invertRename)[0]).toContain('HED3010 `x.y`');
  });
});

describe('a map file is refused', () => {
  const cases: [text: string, expected: string][] = [
    ['', 'HED3006 the text ends where a value is expected at '],
    ['{"a": "b",}', 'HED3006 a key in double quotes is expected here at }'],
    ['{"a" "b"}', 'HED3006 `:` is expected after a key at "b"'],
    ['{"a": "b"} x', 'HED3006 nothing may follow the value at x'],
    ['{"a": "b}', 'HED3006 this string is not closed at "'],
    ['{"a": "\\x"}', 'HED3006 this string holds a control character or an unknown escape at "\\x"'],
    ['{"a": \'b\'}', "HED3006 this is not JSON at '"],
    ['{"a": nul}', 'HED3006 a value is expected here at nul'],
    ['{"a": "b", "a": "c"}', 'HED3006 the key "a" stands here twice at "a"'],
    ['['.repeat(1000), 'HED3006 the values are nested too deeply at ['],
    ['3', 'HED3007 a rename map is an object of patterns or a list of rules at 3'],
    ['{"a": 3}', 'HED3007 the value of a foreign pattern is the own pattern, an object with `to`, or null at 3'],
    ['[3]', 'HED3007 a rule of a list is an object with `from` and `to` at 3'],
    ['[{"from": "a"}]', 'HED3007 the rule lacks `to` at {"from": "a"}'],
    ['{"a": {"from": "b", "to": "c"}}', 'HED3007 `from` is already given by the key "a" at "from"'],
    ['{"a": "b..c"}', 'HED3007 the pattern has an empty segment at "b..c"'],
    ['{"a.{i}": "b"}', 'HED3007 `b` lacks the placeholder {i}, so the rule could not be followed backwards at "b"'],
    ['{"a": {"to": "b", "transpos": true}}', 'HED3007 a rule has no field `transpos` at "transpos"'],
    [
      '{"a": {"to": "b", "transpose": [0, 2]}}',
      'HED3007 `transpose` is true or a permutation of the axes, such as [1, 0] at [0, 2]',
    ],
    ['{"a": {"to": "b", "split": 0}}', 'HED3007 with `split`, `to` is a list of two or more patterns at "b"'],
    ['{"a": {"to": ["b", "c"]}}', 'HED3007 `to` is a list, but the rule has no `split` at ["b", "c"]'],
    [
      '{"a": {"to": ["b", "c"], "split": -1}}',
      'HED3007 `split` is an axis, or an object with `axis` and `sizes` at -1',
    ],
    [
      '{"a": {"to": ["b", "c"], "split": {"axis": 0, "sizes": [1]}}}',
      'HED3007 `sizes` is a list of 2 integers, one for each part at [1]',
    ],
    [
      '[{"from": ["a", "b"], "to": ["c", "d"], "split": 0, "merge": 0}]',
      'HED3007 a rule cannot split and merge at once at "merge"',
    ],
    [
      '[{"from": "a", "to": "b"}, {"from": "a", "to": "c"}]',
      'HED3007 an earlier rule has the same pattern `a`, so this one never applies at {"from": "a", "to": "c"}',
    ],
  ];
  test.each(cases)('%s', (text, expected) => {
    const sink = new DiagnosticSink();
    expect(parseRenameMap({ path: 'map.json', text }, sink)).toBeUndefined();
    expect(described(sink)).toEqual([expected]);
  });

  test('with every independent mistake named', () => {
    const sink = new DiagnosticSink();
    parseRenameMap({ path: 'map.json', text: '{"a": 3, "b.": "c", "d": {"to": "e", "spilt": 0}}' }, sink);
    expect(sink.items.map(({ code }) => code)).toEqual(['HED3007', 'HED3007', 'HED3007']);
    expect(sink.items[2]!.hint).toBe('did you mean `split`?');
  });

  test('or accepted, whatever its text, never a crash', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const sink = new DiagnosticSink();
        const map = parseRenameMap({ path: 'map.json', text }, sink);
        expect(map === undefined).toBe(sink.hasErrors);
      }),
      { numRuns: 1000 },
    );
  });
});
