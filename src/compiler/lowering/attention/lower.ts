/**
 * All kernels of an attention region: one of workgroups where the target has them; else keys and values copied into dense
 * rows where they lie apart, then the nest.
 */
import type { Bounds } from '../../dims/dim.ts';
import type { Region, Value } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import type { Packed } from '../contract/pack.ts';
import type { LoweredKernel } from '../lowered-kernel.ts';
import { forTiles } from '../tiles.ts';
import { analyseAttention } from './analyse.ts';
import { writeAttention } from './kernel.ts';
import { hasDenseRows, packRows } from './rows.ts';
import { writeWorkgroupAttention } from './workgroups/kernel.ts';

export function lowerAttention(region: Region, name: string, target: Target, bounds: Bounds): readonly LoweredKernel[] {
  const attention = analyseAttention(region);
  if (target.workgroups) return [writeWorkgroupAttention(attention, name, target.workgroups, bounds)];
  const rowsOf = (value: Value, what: string): Packed | undefined =>
    hasDenseRows(region, value, bounds) ? undefined : packRows(region, value, `${name}_${what}`, bounds);
  const keys = rowsOf(attention.k, 'keys');
  const values = attention.v === attention.k ? keys : rowsOf(attention.v, 'values');
  const rows = { ...(keys && { keys: keys.scratch }), ...(values && { values: values.scratch }) };
  const streamed = forTiles(target, (tile) => writeAttention(attention, { name, target, tile, bounds, rows }));
  const packed = new Set([keys, values].flatMap((one) => (one ? [one.lowered] : [])));
  return [...packed, streamed];
}
