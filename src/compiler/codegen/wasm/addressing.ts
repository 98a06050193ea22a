/**
 * Byte addresses of elements. In an innermost loop every group of neighbouring accesses gets one pointer, made before the
 * loop and moved by it; elsewhere an address is computed where it is first needed and kept.
 */
import { constant, constantValue, dependsOn, equal, multiply, splitConstant, ZERO, type Dim } from '../../dims/dim.ts';
import { groupAccesses, groupKey, splitInvariant, strideOf, type AccessGroup, type Positions } from '../access.ts';
import type { Frame } from './frame.ts';
import { emitBytes, emitPosition, isSimple, plus } from './position.ts';

/** Bytes of every element. */
const ELEMENT = 4;

/** Pushes an address of element `index`; the returned number of bytes is still to be added, by the access itself. */
export function emitAddress(frame: Frame, buffer: string, index: Dim): number {
  const { rest, offset } = splitConstant(index);
  const key = groupKey(buffer, rest);
  const known = frame.address(key);
  if (known) {
    frame.code.emit('local.get', known.local);
    addBytes(frame, known.moving);
    return reach(frame, ELEMENT * (offset - known.anchor), known.firm);
  }
  const group = frame.group(key) ?? [...groupAccesses([{ buffer, index, conditional: true }]).values()][0]!;
  emitBase(frame, buffer, rest, group.anchor);
  const isBuffer = equal(rest, ZERO) && group.anchor === 0;
  if (group.uses > 1 && !isBuffer) {
    const local = frame.kept('i32');
    frame.code.emit('local.tee', local);
    frame.keepAddress(key, { local, anchor: group.anchor, firm: group.firm, moving: ZERO });
  }
  return reach(frame, ELEMENT * (offset - group.anchor), group.firm);
}

/** What of a distance an access can add itself; the rest is added here. */
function reach(frame: Frame, distance: number, firm: boolean): number {
  if (firm && distance >= 0) return distance;
  if (distance !== 0) {
    frame.code.emit('i32.const', distance);
    frame.code.emit('i32.add');
  }
  return 0;
}

/** Pushes the address of element `rest + anchor`. */
function emitBase(frame: Frame, buffer: string, rest: Dim, anchor: number): void {
  frame.code.emit('local.get', frame.local(buffer));
  addBytes(frame, rest);
  if (anchor !== 0) addBytes(frame, constant(anchor));
}

function addBytes(frame: Frame, elements: Dim): void {
  if (equal(elements, ZERO)) return;
  emitBytes(frame, elements);
  frame.code.emit('i32.add');
}

/** Plans the addresses of a list of statements that is not the body of an innermost loop. */
export function planRegion(frame: Frame, positions: Positions): void {
  frame.setGroups(groupAccesses(positions.accesses));
}

/** A pointer that an innermost loop moves. */
interface Pointer {
  readonly local: number;
  /** Elements it moves per iteration. */
  readonly step: Dim;
}

export interface LoopAddresses {
  /** Whether the body still needs the value of the loop variable. */
  readonly usesVariable: boolean;
  /** Moves the pointers to the next iteration. */
  readonly advance: () => void;
}

/** Makes the pointers of an innermost loop over `variable`, before it. */
export function emitLoopAddresses(
  frame: Frame,
  variable: string,
  varying: ReadonlySet<string>,
  positions: Positions,
): LoopAddresses {
  const pointers = new Map<string, Pointer>();
  const computed: Dim[] = [...positions.values];
  for (const [key, group] of groupAccesses(positions.accesses)) {
    const { steady, step, moving } = strideOf(group.rest, variable, varying);
    if (equal(steady, ZERO) && group.anchor === 0) {
      frame.keepAddress(key, { local: frame.local(group.buffer), anchor: 0, firm: group.firm, moving });
    } else {
      const pointer = pointerFor(frame, pointers, group, variable, steady, step);
      frame.keepAddress(key, { local: pointer.local, anchor: group.anchor, firm: group.firm, moving });
    }
    computed.push(moving);
  }
  for (const dim of computed) {
    const { invariant } = splitInvariant(dim, varying);
    if (!isSimple(invariant)) hoist(frame, invariant);
  }
  return {
    usesVariable: positions.names.has(variable) || computed.some((dim) => dependsOn(dim, variable)),
    advance: advancer(frame, [...pointers.values()]),
  };
}

function pointerFor(
  frame: Frame,
  pointers: Map<string, Pointer>,
  group: AccessGroup,
  variable: string,
  steady: Dim,
  step: Dim,
): Pointer {
  const start = plus(steady, group.anchor);
  const key = groupKey(group.buffer, start);
  const known = pointers.get(key);
  if (known) return known;
  // The variable is 0 before the loop.
  const first = splitInvariant(steady, new Set([variable])).invariant;
  emitBase(frame, group.buffer, first, group.anchor);
  const pointer = { local: frame.kept('i32'), step };
  frame.code.emit('local.set', pointer.local);
  pointers.set(key, pointer);
  return pointer;
}

/** Puts symbolic steps into locals now; the returned function adds them. */
function advancer(frame: Frame, pointers: readonly Pointer[]): () => void {
  const { code } = frame;
  const moved = pointers
    .filter((pointer) => !equal(pointer.step, ZERO))
    .map(({ local, step }) => ({ local, bytes: multiply(constant(ELEMENT), step) }));
  for (const { bytes } of moved) hoist(frame, bytes);
  return () => {
    for (const { local, bytes } of moved) {
      code.emit('local.get', local);
      emitPosition(frame, bytes);
      code.emit('i32.add');
      code.emit('local.set', local);
    }
  };
}

/** Puts a position that is not constant into a local, for the whole loop. */
function hoist(frame: Frame, dim: Dim): void {
  if (constantValue(dim) !== undefined || frame.position(dim.key) !== undefined) return;
  emitPosition(frame, dim);
  const local = frame.kept('i32');
  frame.code.emit('local.set', local);
  frame.keepPosition(dim.key, local);
}
