/** The ops of the routines that generate. */
import type { Op } from '../../ir/op.ts';
import { decodeAttention } from './decode-attention.ts';
import { putRows } from './put-rows.ts';
import { sampleToken } from './sample-token.ts';

export const decodings: readonly Op[] = [putRows, decodeAttention, sampleToken];
