/** Folds the equal rounds of a loop into one block that stands for all of them. */
import { partsOf, type Block, type Item } from './blocks.ts';
import { sumCosts } from './costs.ts';

/** The tree with every run of equal rounds, at any depth, as one block of several copies. */
export function foldBlocks(block: Block): Block {
  const items = block.items.map((item): Item =>
    item.kind === 'block' ? { kind: 'block', block: foldBlocks(item.block) } : item,
  );
  return { ...block, items: runsOf(items).flatMap(foldRun) };
}

/** The tree as it was unrolled, without the rounds of loops that have no name. */
export function unfoldedBlocks(block: Block): Block {
  const items = block.items.flatMap((item): Item[] =>
    item.kind === 'block' ? dissolve(unfoldedBlocks(item.block)) : [item],
  );
  return { ...block, items };
}

/** Neighbouring rounds of one loop that look alike, together; everything else alone. */
function runsOf(items: readonly Item[]): Item[][] {
  const runs: Item[][] = [];
  for (const item of items) {
    const last = runs.at(-1);
    if (last && continues(last.at(-1)!, item)) last.push(item);
    else runs.push([item]);
  }
  return runs;
}

function continues(before: Item, item: Item): boolean {
  if (before.kind !== 'block' || item.kind !== 'block') return false;
  const [a, b] = [before.block, item.block];
  return a.kind === 'round' && b.kind === 'round' && a.span === b.span && a.signature === b.signature;
}

function foldRun(run: readonly Item[]): Item[] {
  const rounds = run.flatMap((item) => (item.kind === 'block' ? [item.block] : []));
  const [first, second] = rounds;
  if (!first) return [...run];
  if (!second) return dissolve(first);
  const merged = mergeCopies(rounds);
  const isChain = second.inputs.some((value) => first.outputs.includes(value));
  const outputs = isChain ? rounds.at(-1)!.outputs : rounds.flatMap((round) => round.outputs);
  const made = new Set(rounds.flatMap((round) => round.outputs));
  const inputs = [...new Set(rounds.flatMap((round) => round.inputs))].filter((value) => !made.has(value));
  const isShared = second.costs.parameters !== first.costs.parameters;
  const outside = { copies: rounds.length, isChain, isShared, inputs, outputs };
  const folded = { ...merged, ...outside };
  const [only, ...others] = folded.items;
  if (folded.name !== '' || only?.kind !== 'block' || others.length > 0 || only.block.copies > 1)
    return [{ kind: 'block', block: folded }];
  // A loop without a name around one block: the block itself is repeated.
  return [{ kind: 'block', block: { ...only.block, ...outside } }];
}

/** A single round of a loop without a name is no block. */
function dissolve(block: Block): Item[] {
  return block.kind === 'round' && block.name === '' && block.copies === 1
    ? [...block.items]
    : [{ kind: 'block', block }];
}

/** Equal trees as one: what each copy costs, and what all do. */
function mergeCopies(copies: readonly Block[]): Block {
  const first = copies[0]!;
  const parts = copies.map(partsOf);
  let at = 0;
  const items = first.items.map((item): Item => {
    if (item.kind === 'node') return item;
    const same = at++;
    return { kind: 'block', block: mergeCopies(parts.map((list) => list[same]!)) };
  });
  return {
    ...first,
    path: mergePaths(first.path, copies.at(-1)!.path),
    items,
    costs: sumCosts(copies.map(({ costs }) => costs)),
  };
}

/** `layers.0.attn` and `layers.5.attn` as `layers.{0..5}.attn`. */
function mergePaths(first: string, last: string): string {
  const ends = last.split('.');
  return first
    .split('.')
    .map((segment, at) => (segment === ends[at] ? segment : `{${segment}..${ends[at]}}`))
    .join('.');
}
