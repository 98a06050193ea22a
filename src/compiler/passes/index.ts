/** The pipeline: the order of this array is the order of the passes. */
import { canonicalize } from './canonicalize.ts';
import { cse } from './cse.ts';
import { dce } from './dce.ts';
import { expand, expandToSoftmax } from './expand.ts';
import { fold } from './fold.ts';
import { fuse } from './fuse/fuse.ts';
import { joinProducts } from './join-products.ts';
import { narrow } from './narrow.ts';
import type { Pass } from './pass.ts';
import { pushSlices } from './push-slices.ts';
import { quantize } from './quantize.ts';
import { recognizeAttention } from './recognize-attention.ts';
import { rematerialize } from './rematerialize.ts';
import { schedule } from './schedule.ts';

export const passes: readonly Pass[] = [
  expandToSoftmax,
  recognizeAttention,
  expand,
  joinProducts,
  narrow,
  pushSlices,
  quantize,
  canonicalize,
  fold,
  cse,
  rematerialize,
  dce,
  fuse,
  schedule,
];
