/** Follows rename maps: foreign tensors under own names, and own tensors under the foreign names again. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { matchPattern, substitutePattern, type Match, type Pattern } from './pattern.ts';
import { cut, inversePermutation, joined, transposed } from './rearrange.ts';
import type { Division, RenameMap, RenameRule } from './rename-map.ts';

type Tensors = ReadonlyMap<string, StoredTensor>;

/**
 * The tensors of a foreign checkpoint under own names. Reports tensors that would share a name (HED3008) and tensors
 * that a rule does not fit (HED3009); undefined when there was one.
 */
export function applyRename(map: RenameMap, tensors: Tensors, sink: DiagnosticSink): Tensors | undefined {
  const renaming = new Renaming('forward', sink);
  for (const [name, tensor] of tensors) {
    const found = forwardRule(map, name);
    if (!found) renaming.keep(name, tensor);
    else if (found.rule.to.length > 0) renaming.add(found.rule, found.part, found.match, name, tensor);
  }
  return renaming.finish();
}

/**
 * The inverse of `applyRename`: own tensors (parameters, gradients, checkpoints) under the foreign names. Reports also
 * names that the map would read back differently (HED3010).
 */
export function invertRename(map: RenameMap, tensors: Tensors, sink: DiagnosticSink): Tensors | undefined {
  const renaming = new Renaming('backward', sink);
  for (const [name, tensor] of tensors) {
    const candidates = map.rules.flatMap((rule) => {
      const found = matchAny(rule.to, name);
      return found ? [{ rule, ...found }] : [];
    });
    // The first rule whose foreign names lead back to itself.
    const chosen = candidates.find(({ rule, match }) =>
      rule.from.every((pattern) => forwardRule(map, substitutePattern(pattern, match))?.rule === rule),
    );
    if (chosen) renaming.add(chosen.rule, chosen.part, chosen.match, name, tensor);
    else if (!forwardRule(map, name)) renaming.keep(name, tensor);
    else
      renaming.fail(
        'HED3010',
        forwardRule(map, name)!.rule.span,
        `\`${name}\` has no foreign name that leads back to it`,
      );
  }
  return renaming.finish();
}

function matchAny(patterns: readonly Pattern[], name: string): { part: number; match: Match } | undefined {
  for (const [part, pattern] of patterns.entries()) {
    const match = matchPattern(pattern, name);
    if (match) return { part, match };
  }
  return undefined;
}

function forwardRule(map: RenameMap, name: string): { rule: RenameRule; part: number; match: Match } | undefined {
  for (const rule of map.rules) {
    const found = matchAny(rule.from, name);
    if (found) return { rule, ...found };
  }
  return undefined;
}

/** The tensors that one application of a rule takes, of which some may not have come yet. */
interface Group {
  readonly rule: RenameRule;
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly parts: (StoredTensor | undefined)[];
}

/** Collects the tensors of one direction; a rule is applied when all its parts are there. */
class Renaming {
  readonly #direction: 'forward' | 'backward';
  readonly #sink: DiagnosticSink;
  readonly #groups = new Map<string, Group>();
  readonly #result = new Map<string, StoredTensor>();
  /** By new name, what got it. */
  readonly #origins = new Map<string, string>();
  #failed = false;

  constructor(direction: 'forward' | 'backward', sink: DiagnosticSink) {
    this.#direction = direction;
    this.#sink = sink;
  }

  fail(code: 'HED3008' | 'HED3009' | 'HED3010', span: Span | undefined, message: string): void {
    this.#failed = true;
    this.#sink.report(diagnostic(code, span, message));
  }

  keep(name: string, tensor: StoredTensor): void {
    this.#emit(name, tensor, name, undefined);
  }

  /** `name` is the `part`-th of the tensors that `rule` takes where its placeholders have the values of `match`. */
  add(rule: RenameRule, part: number, match: Match, name: string, tensor: StoredTensor): void {
    const [from, to] = this.#direction === 'forward' ? [rule.from, rule.to] : [rule.to, rule.from];
    const sources = from.map((pattern) => substitutePattern(pattern, match));
    const key = sources.join('\n');
    const group = this.#groups.get(key) ?? {
      rule,
      sources,
      targets: to.map((pattern) => substitutePattern(pattern, match)),
      parts: sources.map(() => undefined),
    };
    this.#groups.set(key, group);
    group.parts[part] = tensor;
    const parts = group.parts.filter((item) => item !== undefined);
    if (parts.length === sources.length) this.#apply(group, parts, name);
  }

  finish(): Tensors | undefined {
    for (const { rule, sources, targets, parts } of this.#groups.values()) {
      const missing = sources.filter((_, at) => !parts[at]).map((name) => `\`${name}\``);
      if (missing.length > 0)
        this.fail('HED3009', rule.span, `${missing.join(' and ')} is missing to make \`${targets.join('`, `')}\``);
    }
    return this.#failed ? undefined : this.#result;
  }

  #apply({ rule, sources, targets }: Group, parts: readonly StoredTensor[], name: string): void {
    const results = this.#direction === 'forward' ? arranged(rule, parts) : arrangedBack(rule, parts);
    if (typeof results === 'string') {
      const shapes = parts.map(({ shape }, at) => `\`${sources[at]}\` is [${shape.join(', ')}]`);
      return this.fail('HED3009', rule.span, `${shapes.join(', ')}; ${results}`);
    }
    targets.forEach((target, at) => this.#emit(target, results[at]!, name, rule.span));
  }

  #emit(target: string, tensor: StoredTensor, origin: string, span: Span | undefined): void {
    const other = this.#origins.get(target);
    if (other !== undefined)
      return this.fail('HED3008', span, `\`${other}\` and \`${origin}\` would both be named \`${target}\``);
    this.#origins.set(target, origin);
    this.#result.set(target, tensor);
  }
}

/** From foreign to own tensors, or a sentence of why the rule does not fit. */
function arranged(rule: RenameRule, tensors: readonly StoredTensor[]): readonly StoredTensor[] | string {
  const turned = turnAll(rule, tensors, (axes) => axes);
  if (typeof turned === 'string' || !rule.division) return turned;
  return rule.to.length > 1 ? divide(turned[0]!, rule.division, rule.to.length) : combine(turned, rule.division);
}

/** From own to foreign tensors. */
function arrangedBack(rule: RenameRule, tensors: readonly StoredTensor[]): readonly StoredTensor[] | string {
  let parts: readonly StoredTensor[] | string = tensors;
  if (rule.division) {
    parts = rule.to.length > 1 ? combine(tensors, rule.division) : divide(tensors[0]!, rule.division, rule.from.length);
  }
  return typeof parts === 'string' ? parts : turnAll(rule, parts, inversePermutation);
}

function turnAll(
  { transpose }: RenameRule,
  tensors: readonly StoredTensor[],
  direction: (axes: readonly number[]) => readonly number[],
): readonly StoredTensor[] | string {
  if (transpose === undefined) return tensors;
  if (transpose === 'reverse') {
    return tensors.map((tensor) => transposed(tensor, tensor.shape.map((_, axis) => axis).reverse()));
  }
  const unfit = tensors.find(({ shape }) => shape.length !== transpose.length);
  if (unfit) return `a permutation of ${transpose.length} axes does not fit ${unfit.shape.length}`;
  return tensors.map((tensor) => transposed(tensor, direction(transpose)));
}

function divide(tensor: StoredTensor, { axis, sizes }: Division, count: number): readonly StoredTensor[] | string {
  const extent = tensor.shape[axis];
  if (extent === undefined) return `there is no axis ${axis} to divide`;
  if (!sizes && extent % count !== 0) return `axis ${axis} does not divide into ${count} equal parts`;
  const extents = sizes ?? Array.from({ length: count }, () => extent / count);
  const total = extents.reduce((sum, size) => sum + size, 0);
  if (total !== extent) return `parts of ${extents.join(', ')} make ${total}, not ${extent}`;
  return cut(tensor, axis, extents);
}

function combine(parts: readonly StoredTensor[], { axis, sizes }: Division): readonly StoredTensor[] | string {
  const [first] = parts;
  if (axis >= first!.shape.length) return `there is no axis ${axis} to join along`;
  for (const [at, { dtype, shape }] of parts.entries()) {
    if (dtype !== first!.dtype) return `${first!.dtype} and ${dtype} cannot be joined`;
    if (String(shape.with(axis, 0)) !== String(first!.shape.with(axis, 0)))
      return `these shapes cannot be joined along axis ${axis}`;
    const wanted = sizes ? sizes[at] : first!.shape[axis];
    if (shape[axis] !== wanted)
      return `part ${at + 1} has extent ${shape[axis]} along axis ${axis} instead of ${wanted}`;
  }
  return [joined(parts, axis)];
}
