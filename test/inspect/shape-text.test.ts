/** How drawings write shapes: short, in lines of bearable length. */
import { describe, expect, it } from 'vitest';
import { add, constant, floorDiv, maximum, multiply, scale, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { drawnShape, linesOf, severalOf, shortDim } from '../../src/compiler/inspect/graph/shape-text.ts';

const [height, width, batch] = [symbol('height'), symbol('width'), symbol('batch')];

function over(dim: Dim, divisor: number): Dim {
  return floorDiv(dim, constant(divisor));
}

describe('a dimension', () => {
  it.each<readonly [text: string, dim: Dim]>([
    ['0', constant(0)],
    ['2·batch·height - 3', add(scale(multiply(batch, height), 2), constant(-3))],
    ['⌊height/2⌋', over(height, 2)],
    ['⌈height/4⌉', over(add(height, constant(3)), 4)],
    ['⌊(height + 1)/4⌋', over(add(height, constant(1)), 4)],
    ['⌊(height + width)/3⌋ + 1', add(over(add(height, width), 3), constant(1))],
    ['⌊height/width⌋', floorDiv(height, width)],
    ['max(height, width)', maximum(height, width)],
  ])('is written as %s', (text, dim) => {
    expect(shortDim(dim)).toBe(text);
  });
});

describe('a shape', () => {
  it('has one line where it is short, and its dtype unless it is f32', () => {
    const shape = drawnShape({ dtype: 'i32', shape: [batch, height] }, new Map());
    expect(linesOf(shape)).toEqual(['i32[batch, height]']);
    expect(linesOf(drawnShape({ dtype: 'f32', shape: [] }, new Map()))).toEqual(['[]']);
    expect(linesOf(severalOf(8, shape))).toEqual(['8 × i32[batch, height]']);
  });

  it('is cut between axes where both lines are short', () => {
    const shape = drawnShape(
      { dtype: 'f32', shape: [batch, constant(64), over(height, 2), over(width, 2)] },
      new Map(),
    );
    expect(linesOf(shape)).toEqual(['[batch, 64,', '⌊height/2⌋, ⌊width/2⌋]']);
    expect(shape.full).toBe('[batch, 64, floordiv(height, 2), floordiv(width, 2)]');
  });

  it('has the numbers that are known', () => {
    const known = new Map([['height', 9]]);
    expect(linesOf(drawnShape({ dtype: 'f32', shape: [over(height, 2), width] }, known))).toEqual(['[4, width]']);
  });
});
