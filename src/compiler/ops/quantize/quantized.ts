/** What the pass `quantize` makes of a product. */
import type { Op } from '../../ir/op.ts';
import { quantizeChannels } from './channels.ts';
import { contractWords } from './contract-words.ts';
import { quantizeRows } from './rows.ts';

export const quantized: readonly Op[] = [quantizeRows, quantizeChannels, contractWords];
