/** Matches the arguments of an op's call to its operands and attributes, by kind, position and name. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { constantValue } from '../dims/dim.ts';
import type { Attribute, Attributes } from '../ir/graph.ts';
import type { AttributeSpec, Op } from '../ir/op.ts';
import type { EvaluatedArgument } from './calls.ts';
import { report, type Frame } from './frame.ts';
import { usualArgument } from './habits.ts';
import type { Operand } from './tensors.ts';
import { describeKind, numberOf, printValue, type StaticValue } from './values.ts';

export interface BoundArguments {
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
  readonly attributeSpans: ReadonlyMap<string, Span>;
}

/**
 * Positional tensors fill the operands in order, and `none` stands for an optional one that is left out; other
 * positional values fill the attributes, or an operand of a pointwise op that may be a number (`maximum(x, 0)`).
 * Undefined after a report.
 */
export function bindOpArguments(
  frame: Frame,
  op: Op,
  list: readonly EvaluatedArgument[],
  span: Span,
): BoundArguments | undefined {
  const binding = new OpBinding(frame, op, span);
  for (const argument of list) {
    if (argument.value.kind === 'error') binding.poisoned = true;
    else if (argument.name) binding.named(argument, argument.name);
    else binding.positional(argument);
  }
  return binding.finish();
}

class OpBinding {
  poisoned = false;
  readonly #frame: Frame;
  readonly #op: Op;
  readonly #span: Span;
  readonly #operands = new Map<string, Operand[]>();
  readonly #attributes = new Map<string, Attribute>();
  readonly #attributeSpans = new Map<string, Span>();
  readonly #sizes: { [name: string]: Attribute } = {};

  constructor(frame: Frame, op: Op, span: Span) {
    this.#frame = frame;
    this.#op = op;
    this.#span = span;
  }

  named(argument: EvaluatedArgument, name: { readonly text: string; readonly span: Span }): void {
    const operand = this.#op.operands.find((one) => one.name === name.text);
    if (operand) {
      // `none` leaves out what may be left out, so that a block can pass on what it may not have got.
      if (operand.optional && argument.value.kind === 'none') this.#leaveOut(operand.name, argument.span);
      else this.#addOperand(operand.name, operand.variadic ?? false, argument);
      return;
    }
    const attribute = this.#op.attributes.find((one) => one.name === name.text && one.kind !== 'sizes');
    if (attribute) {
      this.#addAttribute(attribute, argument);
      return;
    }
    if (this.#op.attributes.some((one) => one.kind === 'sizes')) {
      const size = argument.value.kind === 'integer' ? argument.value.value : undefined;
      if (size) {
        this.#sizes[name.text] = size;
        this.#attributeSpans.set(name.text, name.span);
      } else
        this.#fail(
          'HED2309',
          argument.span,
          `the size \`${name.text}\` must be an int, found ${describeKind(argument.value)}`,
        );
      return;
    }
    const names = [...this.#op.operands, ...this.#op.attributes].map((one) => one.name);
    const similar = usualArgument(name.text, names) ?? closest(name.text, names);
    this.#fail(
      'HED2307',
      name.span,
      `\`${this.#op.name}\` has no argument \`${name.text}\``,
      similar ? `did you mean \`${similar}\`?` : `it has ${names.join(', ')}`,
    );
  }

  positional(argument: EvaluatedArgument): void {
    const { value } = argument;
    const open = this.#op.operands.find((one) => one.variadic || !this.#operands.has(one.name));
    const numberAsOperand =
      this.#op.body.kind === 'pointwise' &&
      (numberOf(value) !== undefined || value.kind === 'integer' || value.kind === 'bool');
    if (open && (value.kind === 'tensor' || isTensorList(value) || numberAsOperand)) {
      this.#addOperand(open.name, open.variadic ?? false, argument);
      return;
    }
    if (open?.optional && value.kind === 'none') {
      this.#leaveOut(open.name, argument.span);
      return;
    }
    const attribute = this.#op.attributes.find((one) => one.kind !== 'sizes' && !this.#attributes.has(one.name));
    // Only a pattern stands in front of the tensors, unless one of those has a mistake.
    const isEarly =
      open && !this.poisoned && !open.optional && !this.#operands.has(open.name) && attribute?.kind !== 'pattern';
    if (attribute && value.kind !== 'tensor' && !isEarly) this.#addAttribute(attribute, argument);
    else if (open)
      this.#fail('HED2308', argument.span, `\`${this.#op.name}\` takes a tensor here, found ${describeKind(value)}`);
    else
      this.#fail(
        'HED2307',
        argument.span,
        `\`${this.#op.name}\` takes no further ${value.kind === 'tensor' ? 'tensor' : 'argument'}`,
      );
  }

  /** Nothing that follows can be taken for it. */
  #leaveOut(name: string, span: Span): void {
    if (this.#operands.has(name)) this.#fail('HED2305', span, `\`${name}\` of \`${this.#op.name}\` is given twice`);
    else this.#operands.set(name, []);
  }

  #addOperand(name: string, variadic: boolean, argument: EvaluatedArgument): void {
    const before = this.#operands.get(name);
    if (before && !variadic) {
      this.#fail('HED2305', argument.span, `\`${name}\` of \`${this.#op.name}\` is given twice`);
      return;
    }
    const { value, span } = argument;
    if (variadic && (value.kind === 'list' || value.kind === 'tuple')) {
      const spans =
        argument.expr?.kind === 'list' || argument.expr?.kind === 'tuple'
          ? argument.expr.elements.map((element) => element.span)
          : [];
      const elements = value.elements.map((element, at) => ({ value: element, span: spans[at] ?? span }));
      this.#operands.set(name, [...(before ?? []), ...elements]);
    } else this.#operands.set(name, [...(before ?? []), { value, span }]);
  }

  #addAttribute(spec: AttributeSpec, argument: EvaluatedArgument): void {
    if (this.#attributes.has(spec.name)) {
      this.#fail('HED2305', argument.span, `\`${spec.name}\` of \`${this.#op.name}\` is given twice`);
      return;
    }
    const attribute = attributeOf(spec, argument.value);
    if (attribute === undefined) {
      this.#fail(
        'HED2309',
        argument.span,
        `\`${spec.name}\` of \`${this.#op.name}\` must be ${wanted(spec)}, found \`${printValue(argument.value)}\``,
        suggestWord(spec, argument.value),
      );
      return;
    }
    this.#attributes.set(spec.name, attribute);
    this.#attributeSpans.set(spec.name, argument.span);
  }

  finish(): BoundArguments | undefined {
    for (const spec of this.#op.attributes) {
      if (spec.kind === 'sizes') this.#attributes.set(spec.name, this.#sizes);
      else if (!this.#attributes.has(spec.name)) {
        if (spec.default !== undefined) this.#attributes.set(spec.name, spec.default);
        else if (!this.poisoned)
          this.#fail('HED2310', this.#span, `\`${this.#op.name}\` needs \`${spec.name}\`: ${spec.doc}`);
      }
    }
    for (const operand of this.#op.operands) {
      if (!this.#operands.has(operand.name) && !operand.optional && !this.poisoned)
        this.#fail('HED2310', this.#span, `\`${this.#op.name}\` needs the tensor \`${operand.name}\``);
    }
    if (this.poisoned) return undefined;
    return {
      operands: this.#op.operands.flatMap((operand) => this.#operands.get(operand.name) ?? []),
      attributes: Object.fromEntries(this.#attributes),
      attributeSpans: this.#attributeSpans,
    };
  }

  #fail(
    code: 'HED2305' | 'HED2307' | 'HED2308' | 'HED2309' | 'HED2310',
    span: Span,
    message: string,
    hint?: string,
  ): void {
    this.poisoned = true;
    report(this.#frame, code, span, message, { hint });
  }
}

function suggestWord({ words = [] }: AttributeSpec, value: StaticValue): string | undefined {
  const similar = value.kind === 'string' ? closest(value.text, words) : undefined;
  return similar && `did you mean "${similar}"?`;
}

function isTensorList(value: StaticValue): boolean {
  return (
    (value.kind === 'list' || value.kind === 'tuple') && value.elements.some((element) => element.kind === 'tensor')
  );
}

const attributeKinds: Readonly<Record<AttributeSpec['kind'], string>> = {
  int: 'an int known at compile time',
  ints: 'an int or several',
  float: 'a number known at compile time',
  bool: 'true or false',
  string: 'a string',
  pattern: 'a pattern string',
  axis: 'an axis number',
  axes: 'an axis number or several',
  dim: 'an int',
  shape: 'a list of ints',
  dims: 'a list of ints',
  dtype: 'a dtype',
  sizes: 'named ints',
};

/** `an int or several, "same" or "valid"` */
function wanted({ kind, words = [] }: AttributeSpec): string {
  const all = [attributeKinds[kind], ...words.map((word) => JSON.stringify(word))];
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}

/** The value as an attribute of the wanted kind, or undefined when it is none. */
function attributeOf(spec: AttributeSpec, value: StaticValue): Attribute | undefined {
  if (value.kind === 'none' && spec.default === null) return null;
  if (value.kind === 'string' && spec.words?.includes(value.text)) return value.text;
  switch (spec.kind) {
    case 'int':
    case 'axis':
      return value.kind === 'integer' ? constantValue(value.value) : undefined;
    case 'float':
      return numberOf(value);
    case 'bool':
      return value.kind === 'bool' ? value.value : undefined;
    case 'string':
    case 'pattern':
      return value.kind === 'string' ? value.text : undefined;
    case 'axes':
    case 'ints':
      return listOf(value, (element) => (element.kind === 'integer' ? constantValue(element.value) : undefined));
    case 'dim':
      return value.kind === 'integer' ? value.value : undefined;
    case 'shape':
    case 'dims':
      return listOf({ kind: 'list', elements: sizesIn(value) }, (element) =>
        element.kind === 'integer' ? element.value : undefined,
      );
    case 'dtype':
      return value.kind === 'dtype' ? value.dtype : undefined;
    case 'sizes':
      return undefined;
  }
}

/** The elements of a list with the sizes that runs of axes stand for: `[n, c, places]`, or `places` alone. */
function sizesIn(value: StaticValue): readonly StaticValue[] {
  switch (value.kind) {
    case 'list':
    case 'tuple':
      return value.elements.flatMap((element) => (element.kind === 'axes' ? sizesIn(element) : element));
    case 'axes':
      return value.axes.map((axis) => ({ kind: 'integer', value: axis }));
    default:
      return [value];
  }
}

function listOf<T extends Attribute>(
  value: StaticValue,
  each: (element: StaticValue) => T | undefined,
): readonly T[] | undefined {
  const elements = value.kind === 'list' || value.kind === 'tuple' ? value.elements : [value];
  const items = elements.map(each);
  return items.includes(undefined) ? undefined : (items as T[]);
}
