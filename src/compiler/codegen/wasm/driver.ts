/**
 * Drivers: what enters a kernel's body once for each point of its grid. A driver takes its rank's piece: the grid's points
 * in order are divided into as many contiguous pieces as there are ranks, whose lengths differ by at most one. It must not
 * know how ranks wait for each other.
 */
import { constantValue, isAtLeast, ONE, ZERO, type Dim } from '../../dims/dim.ts';
import type { GridAxis } from '../../kernel/ir.ts';
import type { Frame } from './frame.ts';
import { emitIntegerExtremum, emitPosition } from './position.ts';

/** Numbers of the module's globals: which rank an instance is, and of how many. */
export const RANK = 0;
export const RANKS = 1;

/** An axis with more than one point: the local of its coordinate, which begins as 0, and a way to push its extent. */
interface Axis {
  readonly coordinate: number;
  readonly pushExtent: () => void;
}

/** Writes the calls of `body`, whose parameters are `parameters` and the coordinates of a point. */
export function emitDriver(frame: Frame, parameters: readonly string[], grid: readonly GridAxis[], body: number): void {
  const { code } = frame;
  if (grid.some(({ extent }) => isAtLeast(ZERO, extent))) return;
  // What begins as 0 is taken before any local that an extent's evaluation gives back.
  const coordinates = grid.map(({ variable }) => frame.define(variable, 'i32'));
  const first = frame.temporary('i32');
  const axes = grid.flatMap(({ extent }, at): Axis[] => {
    if (constantValue(extent) === 1) return [];
    return [{ coordinate: coordinates[at]!, pushExtent: extentOf(frame, extent) }];
  });
  const remaining = frame.temporary('i32');
  emitProduct(frame, axes);
  code.emit('local.tee', remaining);
  code.emit('i32.const', 0);
  code.emit('i32.gt_s');
  code.emit('if', 'void');
  emitPiece(frame, first, remaining);
  code.emit('local.get', remaining);
  code.emit('if', 'void');
  emitStart(frame, axes, first);
  code.emit('loop', 'void');
  for (const name of [...parameters, ...grid.map(({ variable }) => variable)])
    code.emit('local.get', frame.local(name));
  code.emit('call', body);
  emitNextPoint(frame, axes);
  code.emit('local.get', remaining);
  code.emit('i32.const', 1);
  code.emit('i32.sub');
  code.emit('local.tee', remaining);
  code.emit('br_if', 0);
  code.emit('end');
  code.emit('end');
  code.emit('end');
}

function extentOf(frame: Frame, extent: Dim): () => void {
  const { code } = frame;
  if (constantValue(extent) !== undefined) return () => emitPosition(frame, extent);
  const local = frame.temporary('i32');
  emitPosition(frame, extent);
  if (!isAtLeast(extent, ZERO)) {
    // The product of two negative extents would pass for a number of points.
    code.emit('i32.const', 0);
    emitIntegerExtremum(frame, 'i32.gt_s');
  }
  code.emit('local.set', local);
  return () => code.emit('local.get', local);
}

/** Pushes the number of points. It is below 2^31: every point writes elements of its own, in 2^32 bytes of memory. */
function emitProduct(frame: Frame, axes: readonly Axis[]): void {
  if (axes.length === 0) return emitPosition(frame, ONE);
  axes.forEach(({ pushExtent }, at) => {
    pushExtent();
    if (at > 0) frame.code.emit('i32.mul');
  });
}

/** With several ranks, replaces the number of points by that of this rank, and `first` by the number of its first one. */
function emitPiece(frame: Frame, first: number, remaining: number): void {
  const { code } = frame;
  const surplus = frame.temporary('i32');
  code.emit('global.get', RANKS);
  code.emit('i32.const', 1);
  code.emit('i32.gt_u');
  code.emit('if', 'void');
  code.emit('local.get', remaining);
  code.emit('global.get', RANKS);
  code.emit('i32.rem_u');
  code.emit('local.set', surplus);
  code.emit('local.get', remaining);
  code.emit('global.get', RANKS);
  code.emit('i32.div_u');
  code.emit('local.tee', remaining);
  // The ranks before this one have a point more each, as long as there is a surplus. No product exceeds the points.
  code.emit('global.get', RANK);
  code.emit('i32.mul');
  code.emit('global.get', RANK);
  code.emit('local.get', surplus);
  emitIntegerExtremum(frame, 'i32.lt_u');
  code.emit('i32.add');
  code.emit('local.set', first);
  code.emit('local.get', remaining);
  code.emit('global.get', RANK);
  code.emit('local.get', surplus);
  code.emit('i32.lt_u');
  code.emit('i32.add');
  code.emit('local.set', remaining);
  code.emit('end');
}

/** Sets the coordinates to those of point `first`. Point 0 has them already, and no extent is 0 where there is a point. */
function emitStart(frame: Frame, axes: readonly Axis[], first: number): void {
  const { code } = frame;
  code.emit('local.get', first);
  code.emit('if', 'void');
  axes.toReversed().forEach(({ coordinate, pushExtent }, at) => {
    code.emit('local.get', first);
    if (at === axes.length - 1) return code.emit('local.set', coordinate);
    pushExtent();
    code.emit('i32.rem_u');
    code.emit('local.set', coordinate);
    code.emit('local.get', first);
    pushExtent();
    code.emit('i32.div_u');
    code.emit('local.set', first);
  });
  code.emit('end');
}

/** Moves to the next point: the last axis first, and the one before it whenever an axis has come to its end. */
function emitNextPoint(frame: Frame, axes: readonly Axis[]): void {
  const { code } = frame;
  const [axis] = axes.slice(-1);
  if (!axis) return;
  code.emit('local.get', axis.coordinate);
  code.emit('i32.const', 1);
  code.emit('i32.add');
  code.emit('local.set', axis.coordinate);
  if (axes.length === 1) return;
  code.emit('local.get', axis.coordinate);
  axis.pushExtent();
  code.emit('i32.eq');
  code.emit('if', 'void');
  code.emit('i32.const', 0);
  code.emit('local.set', axis.coordinate);
  emitNextPoint(frame, axes.slice(0, -1));
  code.emit('end');
}
