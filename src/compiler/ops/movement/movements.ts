/** The list of movement ops. */
import type { Op } from '../../ir/op.ts';
import { concat, stack } from './concat.ts';
import { expand } from './expand.ts';
import { pad } from './pad.ts';
import { reshape } from './reshape.ts';
import { roll } from './roll.ts';
import { flip, slice } from './slice.ts';
import { chunk, split, unstack } from './split.ts';
import { squeeze, unsqueeze } from './squeeze.ts';
import { diagonal, transpose } from './transpose.ts';

export const movements: readonly Op[] = [
  reshape,
  transpose,
  diagonal,
  expand,
  slice,
  flip,
  roll,
  concat,
  stack,
  split,
  chunk,
  unstack,
  pad,
  squeeze,
  unsqueeze,
];
