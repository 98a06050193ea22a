import { describe, expect, test } from 'vitest';
import { constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { alignedAxes, dependsOnPosition } from '../../src/compiler/ir/alignment.ts';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, DType, Node } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';

const n = symbol('n');

type Operand = readonly [DType, ...(number | Dim)[]];

function nodeOf(op: string, operands: readonly Operand[], attributes: Attributes = {}): Node {
  const builder = new Builder(ops, new Map());
  const inputs = operands.map(([dtype, ...shape]) => builder.value({ dtype, shape: toDims(shape) }));
  builder.apply(op, inputs, attributes);
  return builder.nodes.at(-1)!;
}

/** `operand.axis>axis`, of the first result. */
function axesOf(...call: Parameters<typeof nodeOf>): string[] {
  return alignedAxes(nodeOf(...call), new Map())
    .filter(({ result }) => result === 0)
    .map(({ operand, operandAxis, axis }) => `${operand}.${operandAxis}>${axis}`);
}

const x: Operand = ['f32', n, 6];
const whole = (at: number): Attributes => ({ starts: toDims([at, 0]), stops: [n, constant(6)], steps: toDims([1, 1]) });

describe('axes that run together', () => {
  test.each<[string, string[], ...Parameters<typeof nodeOf>]>([
    ['are all of a pointwise op', ['0.0>0', '0.1>1', '1.0>0', '1.1>1'], 'add', [x, x]],
    ['are those that a reduction keeps', ['0.0>0'], 'reduce_sum', [x], { axes: [1] }],
    [
      'are those of the labels of a product that are not summed',
      ['0.0>1', '1.0>0'],
      'contract',
      [x, ['f32', 4, 6]],
      { left: ['i', 'k'], right: ['j', 'k'], result: ['j', 'i'] },
    ],
    ['follow a transposition', ['0.0>1', '0.1>0'], 'transpose', [x], { permutation: [1, 0] }],
    ['follow the axes that a reshape leaves', ['0.0>0'], 'reshape', [x], { shape: [n, constant(2), constant(3)] }],
    [
      'follow an axis of size 1 put in front',
      ['0.0>1', '0.1>2'],
      'reshape',
      [x],
      { shape: [constant(1), n, constant(6)] },
    ],
    ['end where axes are merged', [], 'reshape', [x], { shape: [constant(-1)] }],
    ['are not the ones that are repeated', ['0.0>1'], 'expand', [['f32', 6]], { shape: [n, constant(6)] }],
    ['are not the ones that are read backwards', ['0.1>1'], 'flip', [x], { axis: 0 }],
    ['are not the ones of which a part is taken', ['0.1>1'], 'slice', [x], whole(1)],
    ['are those that are not joined', ['0.0>0', '1.0>0'], 'concat', [x, ['f32', n, 2]], { axis: 1 }],
    [
      'are those of indices, not of what they point into',
      ['0.0>0', '1.1>1'],
      'embedding',
      [
        ['i32', n],
        ['f32', 5, 3],
      ],
    ],
    ['are the lines of what is sorted', ['0.0>0'], 'sort', [x], { axis: 1 }],
    [
      'are batch, heads and queries of attention, and the width of its values',
      ['0.0>0', '0.1>1', '0.2>2', '1.0>0', '1.1>1', '2.0>0', '2.1>1', '2.3>3'],
      'attend',
      [
        ['f32', n, 2, 5, 4],
        ['f32', n, 2, 7, 4],
        ['f32', n, 2, 7, 3],
      ],
    ],
  ])('%s', (_, wanted, ...call) => {
    expect(axesOf(...call)).toEqual(wanted);
  });
});

test('numbers of positions are told from places that are read', () => {
  const depends = (axis: number, ...call: Parameters<typeof nodeOf>): boolean =>
    dependsOnPosition(nodeOf(...call), axis, new Map());
  expect(depends(0, 'arange', [], { stop: n })).toBe(true);
  expect(depends(0, 'expand', [['f32', 1, 6]], { shape: [n, constant(6)] })).toBe(false);
  expect(depends(1, 'concat', [x, x], { axis: 1 })).toBe(true);
  expect(depends(0, 'concat', [x, x], { axis: 1 })).toBe(false);
});
