/** The pipeline: the order of this array is the order of the passes. */
import { canonicalize } from './canonicalize.ts';
import { cse } from './cse.ts';
import { dce } from './dce.ts';
import { expand } from './expand.ts';
import { fold } from './fold.ts';
import { fuse } from './fuse/fuse.ts';
import type { Pass } from './pass.ts';

export const passes: readonly Pass[] = [expand, canonicalize, fold, cse, dce, fuse];
