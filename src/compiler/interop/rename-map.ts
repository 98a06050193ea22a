/**
 * Reads rename maps: JSON that relates the tensor names of a foreign checkpoint to the parameters of a model.
 *
 * A map is an object, `{ "<foreign pattern>": "<own pattern>", … }`, or a list of rules; both are ordered, and the first
 * rule that matches a foreign name decides. A value of the object may also be a rule without `from`. A rule:
 *
 *     {
 *       "from": "<foreign pattern>",          // with "merge" a list of two or more
 *       "to": "<own pattern>",                // with "split" a list of two or more
 *       "transpose": true | [1, 0, …],        // true reverses the axes; a list is a permutation, as NumPy's transpose
 *       "split": 0 | { "axis": 0, "sizes": [8, 8, 16] },
 *       "merge": 0 | { "axis": 0, "sizes": [8, 8, 16] }
 *     }
 *
 * Patterns match whole dotted segments from the start, so `"a.b": "c"` also renames `a.b.weight` to `c.weight`; `{i}`
 * stands for one segment or a part of one, `{path..}` for one or more. Both sides have the same placeholders. Names
 * that no rule matches stay as they are. A value of null in the object drops the tensors that match:
 * `"{path..}.num_batches_tracked": null`; the way back does without them.
 *
 * `transpose` turns the foreign tensor (before it is split, or each part before it is merged), so that axes of `split`
 * and `merge` are those of the model. Without `sizes` the parts are equal. Every rule can be followed backwards: merged
 * parts are cut again, split ones joined, transposed ones turned back.
 */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';
import { closest } from '../base/suggest.ts';
import { parseJson, type Json, type JsonMember } from './json.ts';
import { parsePattern, type Pattern } from './pattern.ts';

/** How one tensor relates to several along an axis. */
export interface Division {
  readonly axis: number;
  /** Extent of each part; equal parts when absent. */
  readonly sizes: readonly number[] | undefined;
}

export interface RenameRule {
  /** Several for a merge. */
  readonly from: readonly Pattern[];
  /** Several for a split, none for tensors that are dropped. */
  readonly to: readonly Pattern[];
  readonly transpose: 'reverse' | readonly number[] | undefined;
  /** Of a split or a merge. */
  readonly division: Division | undefined;
  readonly span: Span;
}

export interface RenameMap {
  readonly rules: readonly RenameRule[];
}

/** Reports HED3006 and HED3007, every independent mistake; undefined when there was one. */
export function parseRenameMap(source: Source, sink: DiagnosticSink): RenameMap | undefined {
  const json = parseJson(source, sink);
  if (!json) return undefined;
  const reader = new RuleReader(sink);
  const rules = reader.readMap(json);
  return reader.failed ? undefined : { rules };
}

const KEYS = ['from', 'to', 'transpose', 'split', 'merge'];

class RuleReader {
  failed = false;
  readonly #sink: DiagnosticSink;

  constructor(sink: DiagnosticSink) {
    this.#sink = sink;
  }

  readMap(json: Json): RenameRule[] {
    const rules = this.#readRules(json).filter((rule) => rule !== undefined);
    const seen = new Set<string>();
    for (const { from, span } of rules) {
      for (const { text } of from) {
        if (seen.has(text))
          this.#fail(span, `an earlier rule has the same pattern \`${text}\`, so this one never applies`);
        seen.add(text);
      }
    }
    return rules;
  }

  #fail(span: Span, message: string, hint?: string): undefined {
    this.failed = true;
    this.#sink.report(diagnostic('HED3007', span, message, { hint }));
  }

  #readRules(json: Json): (RenameRule | undefined)[] {
    if (json.kind === 'array') {
      return json.items.map((item) => {
        if (item.kind === 'object') return this.#readRule(item.span, item.members);
        return this.#fail(item.span, 'a rule of a list is an object with `from` and `to`');
      });
    }
    if (json.kind === 'object') return json.members.map((member) => this.#readMember(member));
    this.#fail(json.span, 'a rename map is an object of patterns or a list of rules');
    return [];
  }

  #readMember({ key, keySpan, value }: JsonMember): RenameRule | undefined {
    const from: JsonMember = { key: 'from', keySpan, value: { kind: 'string', span: keySpan, value: key } };
    if (value.kind === 'string') return this.#readRule(keySpan, [from, { key: 'to', keySpan, value }]);
    if (value.kind === 'null') return this.#readDropped(from);
    if (value.kind !== 'object')
      return this.#fail(value.span, 'the value of a foreign pattern is the own pattern, an object with `to`, or null');
    const again = value.members.find((member) => member.key === 'from');
    if (again) return this.#fail(again.keySpan, `\`from\` is already given by the key ${JSON.stringify(key)}`);
    return this.#readRule(keySpan, [from, ...value.members]);
  }

  #readRule(span: Span, members: readonly JsonMember[]): RenameRule | undefined {
    const fields = new Map(members.map((member) => [member.key, member]));
    let known = true;
    for (const { key, keySpan } of members) {
      if (KEYS.includes(key)) continue;
      const near = closest(key, KEYS);
      this.#fail(keySpan, `a rule has no field \`${key}\``, near && `did you mean \`${near}\`?`);
      known = false;
    }
    const split = fields.get('split');
    const merge = fields.get('merge');
    if (split && merge) return this.#fail(merge.keySpan, 'a rule cannot split and merge at once');
    // A misspelt field may be the one that is missing.
    const absent = ['from', 'to'].find((side) => !fields.has(side));
    if (absent !== undefined) return known ? this.#fail(span, `the rule lacks \`${absent}\``) : undefined;
    const from = this.#readPatterns('from', fields.get('from')!, merge && 'merge');
    const to = this.#readPatterns('to', fields.get('to')!, split && 'split');
    const transpose = this.#readTranspose(fields.get('transpose')?.value);
    const division = this.#readDivision(split ?? merge, split ? to?.length : from?.length);
    if (!known || !from || !to || transpose === null || division === null) return undefined;
    if (!this.#haveSamePlaceholders([...from, ...to], fields.get('to')!.value.span)) return undefined;
    return { from, to, transpose, division, span };
  }

  #readDropped(from: JsonMember): RenameRule | undefined {
    const patterns = this.#readPatterns('from', from, undefined);
    return patterns && { from: patterns, to: [], transpose: undefined, division: undefined, span: from.keySpan };
  }

  /** `divided` names the field that makes this side a list. */
  #readPatterns(
    side: 'from' | 'to',
    { value }: JsonMember,
    divided: 'split' | 'merge' | undefined,
  ): readonly Pattern[] | undefined {
    const items = value.kind === 'array' ? value.items : [value];
    if (divided && (value.kind !== 'array' || items.length < 2))
      return this.#fail(value.span, `with \`${divided}\`, \`${side}\` is a list of two or more patterns`);
    if (!divided && value.kind === 'array') {
      const field = side === 'from' ? 'merge' : 'split';
      return this.#fail(value.span, `\`${side}\` is a list, but the rule has no \`${field}\``, `add \`"${field}": 0\``);
    }
    const patterns = items.map((item) => {
      if (item.kind !== 'string') return this.#fail(item.span, 'a pattern is a string');
      const pattern = parsePattern(item.value);
      return typeof pattern === 'string' ? this.#fail(item.span, pattern) : pattern;
    });
    const valid = patterns.filter((pattern) => pattern !== undefined);
    return valid.length === patterns.length ? valid : undefined;
  }

  #haveSamePlaceholders(patterns: readonly Pattern[], span: Span): boolean {
    const all = new Set(patterns.flatMap((pattern) => pattern.placeholders));
    for (const { text, placeholders } of patterns) {
      for (const name of all) {
        if (placeholders.includes(name)) continue;
        this.#fail(span, `\`${text}\` lacks the placeholder {${name}}, so the rule could not be followed backwards`);
        return false;
      }
    }
    return true;
  }

  /** Null after an error. */
  #readTranspose(value: Json | undefined): RenameRule['transpose'] | null {
    if (!value || (value.kind === 'boolean' && !value.value)) return undefined;
    if (value.kind === 'boolean') return 'reverse';
    const axes = integersOf(value);
    if (axes && axes.length > 0 && axes.every((_, axis) => axes.includes(axis))) return axes;
    this.#fail(value.span, '`transpose` is true or a permutation of the axes, such as [1, 0]');
    return null;
  }

  /** Null after an error. `count` is the number of parts, where that is known. */
  #readDivision(member: JsonMember | undefined, count: number | undefined): Division | undefined | null {
    if (!member) return undefined;
    const { key, value } = member;
    const fields = new Map(value.kind === 'object' ? value.members.map((field) => [field.key, field.value]) : []);
    const axis = value.kind === 'object' ? fields.get('axis') : value;
    const sizes = fields.get('sizes');
    const isAxis = axis?.kind === 'number' && Number.isSafeInteger(axis.value) && axis.value >= 0;
    const isKnown = [...fields.keys()].every((field) => field === 'axis' || field === 'sizes');
    if (!isAxis || !isKnown) {
      this.#fail(value.span, `\`${key}\` is an axis, or an object with \`axis\` and \`sizes\``);
      return null;
    }
    if (!sizes) return { axis: axis.value, sizes: undefined };
    const extents = integersOf(sizes);
    if (extents && (count === undefined || extents.length === count)) return { axis: axis.value, sizes: extents };
    this.#fail(sizes.span, `\`sizes\` is a list of ${count ?? 'as many'} integers, one for each part`);
    return null;
  }
}

/** The items of a list of non-negative integers. */
function integersOf(value: Json): number[] | undefined {
  if (value.kind !== 'array') return undefined;
  const numbers = value.items.map((item) => (item.kind === 'number' ? item.value : -1));
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0) ? numbers : undefined;
}
