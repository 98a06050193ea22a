/** Logic on bool tensors, the language's operators. */
import type { Op } from '../../ir/op.ts';
import { binary, unary } from '../../kernel/build.ts';
import { pointwise } from './define.ts';

export const logical: readonly Op[] = [
  pointwise({
    name: 'and',
    operator: 'and',
    doc: 'Whether both bool elements are true.',
    operands: ['left', 'right'],
    dtypes: ['bool'],
    compute: () => (a, b) => (a === 1 && b === 1 ? 1 : 0),
    scalar: ([a, b]) => binary('and', a!, b!),
  }),
  pointwise({
    name: 'or',
    operator: 'or',
    doc: 'Whether either bool element is true.',
    operands: ['left', 'right'],
    dtypes: ['bool'],
    compute: () => (a, b) => (a === 1 || b === 1 ? 1 : 0),
    scalar: ([a, b]) => binary('or', a!, b!),
  }),
  pointwise({
    name: 'not',
    operator: 'not',
    doc: 'Whether the bool element is false.',
    operands: ['x'],
    dtypes: ['bool'],
    compute: () => (a) => 1 - a,
    scalar: ([x]) => unary('not', x!),
  }),
];
