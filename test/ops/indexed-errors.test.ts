/** What the shape rules of ops that index, order and compare say of operands that do not fit. */
import { describe, expect, test } from 'vitest';
import { constant, print, symbol } from '../../src/compiler/dims/dim.ts';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import type { Attributes, TensorType } from '../../src/compiler/ir/graph.ts';
import { f32, infer, inferred, type } from './dsl.ts';

/** What a run has to keep to: `size >= 0: message`. */
function conditionsOf(name: string, inputs: readonly TensorType[], attributes: Attributes = {}): string[] {
  const found = infer(name, inputs, attributes);
  if ('error' in found) throw new Error(found.error.message);
  return (found.conditions ?? []).map(({ atLeastZero, message }) => `${print(atLeastZero)} >= 0: ${message}`);
}

const ids = (...shape: readonly (number | string)[]): TensorType => type('i32', ...shape);

describe('indices', () => {
  test('are i32', () => {
    const hint = '\n= hint: convert them: `cast(…, i32)`';
    expect(inferred('gather', [f32(3), f32(2)], { axis: 0 })).toBe(`\`gather\` takes i32 indices, not f32[2]${hint}`);
    expect(inferred('embedding', [type('u32', 2), f32(3, 4)])).toContain('takes i32 indices, not u32[2]');
    expect(inferred('one_hot', [f32(2)], { classes: 3 })).toContain('takes i32 indices, not f32[2]');
    expect(inferred('scatter', [f32(3), f32(2), f32(2)], { axis: 0 })).toContain('takes i32 indices');
  });

  test('have the rank of what they index, and no more elements in the other axes', () => {
    expect(inferred('gather', [f32(3, 4), ids(2)], { axis: 0 })).toBe(
      '`gather` needs one rank: f32[3, 4] and indices i32[2]',
    );
    expect(inferred('gather', [f32(3, 4), ids(4, 1)], { axis: 1 })).toBe(
      '`gather` of f32[3, 4] and indices i32[4, 1]: the indices have 4 elements in axis 0, x has 3',
    );
    expect(inferred('gather', [f32(3, 4), ids(2, 9)], { axis: 1 })).toBe('f32[2, 9]');
    expect(conditionsOf('gather', [f32('n', 4), ids('m', 9)], { axis: 1 })).toEqual([
      '-m + n >= 0: `gather` of f32[n, 4] and indices i32[m, 9]: the indices have m elements in axis 0, x has n',
    ]);
  });

  test('read from an axis that has elements, unless there are none', () => {
    expect(inferred('embedding', [ids(2), f32(0, 4)])).toBe(
      '`embedding` reads from axis 0 of f32[0, 4], which has 0 elements',
    );
    expect(inferred('embedding', [ids(0), f32(0, 4)])).toBe('f32[0, 4]');
    expect(conditionsOf('gather', [f32('n'), ids(2)], { axis: 0 })).toEqual([
      'n - 1 >= 0: `gather` reads from axis 0 of f32[n], which has n elements',
    ]);
    expect(conditionsOf('gather', [f32('n'), ids('m')], { axis: 0 })).toEqual([
      '-min(1, m) + n >= 0: `gather` reads from axis 0 of f32[n], which has n elements',
    ]);
  });

  test('of padding name a row', () => {
    expect(inferred('embedding', [ids(2), f32(5, 4)], { padding_idx: 5 })).toBe('row 5 of f32[5, 4] does not exist');
    expect(inferred('embedding', [ids(2), f32(5, 4)], { padding_idx: -5 })).toBe('f32[2, 4]');
    expect(inferred('embedding', [ids(2), f32()])).toBe('`embedding` needs a table of rows, not a scalar');
  });

  test('of writes have an element each', () => {
    expect(inferred('scatter_add', [f32(3), ids(2), f32(3)], { axis: 0 })).toBe(
      '`scatter_add` needs an index for each element: i32[2] against f32[3]',
    );
    expect(inferred('scatter', [f32(3), ids(2), ids(2)], { axis: 0 })).toContain('operands of one dtype');
    expect(inferred('index_add', [f32(4, 3), ids(2), f32(3, 3)])).toBe(
      '`index_add` of f32[4, 3] at 2 indices of axis 0 needs f32[2, 3], not f32[3, 3]',
    );
    expect(inferred('index_add', [f32(4, 3), ids(2, 2), f32(2, 3)])).toContain(
      'takes a list of indices, not i32[2, 2]',
    );
  });
});

describe('ordering', () => {
  test('top_k finds as many as there are', () => {
    expect(inferred('top_k', [f32('n', 8)], { k: 2 })).toBe('f32[n, 2] i32[n, 2]');
    expect(inferred('top_k', [f32('n', 8)], { k: 9 })).toBe(
      '`top_k` wants 9 of the 8 elements of axis 1\n= the tensor is f32[n, 8]',
    );
    expect(inferred('top_k', [f32(3)], { k: -1 })).toBe('`top_k` of -1 elements');
    expect(conditionsOf('top_k', [f32('n')], { k: 3 })).toEqual([
      'n - 3 >= 0: `top_k` wants 3 of the n elements of axis 0',
    ]);
    expect(inferred('sort', [type('bool', 3)])).toContain('`sort` takes f32, i32 or u32, not bool[3]');
  });

  test('the largest of nothing is an error, or a condition', () => {
    expect(inferred('argmax', [f32(2, 0)], { axis: 1 })).toBe(
      '`argmax` of f32[2, 0] needs at least one element, but there are 0',
    );
    expect(inferred('max', [f32(0, 3)])).toBe('`max` of f32[0, 3] needs at least one element, but there are 0');
    expect(inferred('min', [f32(0, 3)], { axis: 1 })).toBe('f32[0]');
    expect(conditionsOf('max', [f32('n', 3)], { axis: 0 })).toEqual([
      'n - 1 >= 0: `max` of f32[n, 3] needs at least one element, but there are n',
    ]);
    expect(conditionsOf('argmin', [f32('n', 3)], { axis: 1 })).toEqual([]);
  });
});

describe('further movements', () => {
  test('roll shifts each axis', () => {
    expect(inferred('roll', [f32(2, 3)], { shifts: toDims([1]), axis: [0, 1] })).toBe(
      '`roll` takes a shift for each axis: 1 against 2',
    );
    expect(inferred('roll', [f32(2, 3)], { shifts: toDims([1, 2]) })).toBe(
      '`roll` takes a shift for each axis: 2 against 1',
    );
    expect(inferred('roll', [f32(2)], { shifts: [symbol('n')], axis: 1 })).toContain('axis 1 is out of range');
  });

  test('circular padding repeats no element twice', () => {
    const pad = (before: number): string =>
      inferred('pad', [f32(3)], { before: toDims([before]), after: toDims([0]), mode: 'circular' });
    expect(pad(3)).toBe('f32[6]');
    expect(pad(4)).toContain('has too few elements in f32[3]\n= 4 against 3 elements of axis 0');
    expect(inferred('tri', [], { rows: constant(-2) })).toBe('`tri` with the negative size -2');
    expect(inferred('one_hot', [ids(2)], { classes: -1 })).toBe('`one_hot` of -1 classes');
    expect(inferred('norm', [f32(2)], { p: NaN })).toBe('`norm` of the order NaN');
  });
});

describe('losses', () => {
  test('of elements take one shape, and reductions by name', () => {
    expect(inferred('mse', [f32(2, 3), f32(3)])).toContain(
      '`mse` needs operands of one shape: f32[2, 3] against f32[3]',
    );
    expect(inferred('l1', [f32(2), f32(2)], { reduction: 'max' })).toBe(
      '`l1` knows the reductions "mean", "sum" and "none", not "max"',
    );
    expect(inferred('smooth_l1', [f32(2), f32(2)], { beta: 0 })).toBe('`smooth_l1` needs a beta above 0, not 0');
    expect(inferred('huber', [f32(2), f32(2)], { delta: -1 })).toBe('`huber` needs a delta above 0, not -1');
    expect(inferred('kl_div', [f32(), f32()], { reduction: 'batchmean' })).toContain('needs an axis of examples');
    expect(inferred('bce_with_logits', [f32(2, 3), f32(2, 3), f32(2)])).toBe(
      'the `pos_weight` of `bce_with_logits` must broadcast to f32[2, 3], not f32[2]',
    );
  });

  test('of classes say which targets fit', () => {
    expect(inferred('cross_entropy', [f32('n', 5), ids('n')])).toBe('f32[]');
    expect(inferred('cross_entropy', [f32('n', 5, 7), ids('n', 7)], { reduction: 'none' })).toBe('f32[n, 7]');
    expect(inferred('cross_entropy', [f32('n', 5, 7), ids('n', 5)], { axis: -1, reduction: 'none' })).toBe('f32[n, 5]');
    expect(inferred('cross_entropy', [f32('n', 5), ids('m')])).toBe(
      '`cross_entropy` of f32[n, 5] needs targets i32[n], not i32[m]',
    );
    expect(inferred('cross_entropy', [f32('n', 5), f32('n')])).toBe(
      "`cross_entropy` needs probabilities of the logits' shape f32[n, 5], not f32[n]\n= hint: class numbers are i32",
    );
    expect(inferred('nll', [f32('n', 5), f32('n', 5)])).toContain('needs targets i32[n], not f32[n, 5]');
    expect(inferred('nll', [f32('n', 5), ids('n'), f32(4)])).toBe(
      '`nll` needs a weight for each of the 5 classes, not f32[4]',
    );
    expect(inferred('cross_entropy', [f32(), ids()])).toContain('which has no axes');
    expect(inferred('cross_entropy', [f32(2, 3), ids(2)], { label_smoothing: 1.5 })).toBe(
      'a label smoothing of 1.5 is not in 0 … 1',
    );
  });

  test('of focus take alpha for labels and weights for classes', () => {
    expect(inferred('focal', [f32(2, 3), ids(2)], { alpha: 0.5 })).toContain('takes weights of classes, not `alpha`');
    expect(inferred('focal', [f32(2, 3), f32(2, 3), f32(3)])).toContain('takes `alpha`, not weights of classes');
    expect(inferred('focal', [f32(2, 3), f32(2, 3)], { gamma: -1 })).toBe(
      '`focal` needs a gamma of at least 0, not -1',
    );
  });
});
