/** Matches the arguments of an op's call to its operands and attributes, by kind, position and name. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { constantValue } from '../dims/dim.ts';
import type { Attribute, Attributes } from '../ir/graph.ts';
import type { AttributeSpec, Op } from '../ir/op.ts';
import type { EvaluatedArgument } from './calls.ts';
import { report, type Frame } from './frame.ts';
import type { Operand } from './tensors.ts';
import { describeKind, numberOf, printValue, type StaticValue } from './values.ts';

export interface BoundArguments {
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
  readonly attributeSpans: ReadonlyMap<string, Span>;
}

/**
 * Positional tensors fill the operands in order; other positional values fill the attributes, or an operand of a
 * pointwise op that may be a number (`maximum(x, 0)`). Undefined after a report.
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
      this.#addOperand(operand.name, operand.variadic ?? false, argument);
      return;
    }
    const attribute = this.#op.attributes.find((one) => one.name === name.text && one.kind !== 'sizes');
    if (attribute) {
      this.#addAttribute(attribute, argument);
      return;
    }
    if (this.#op.attributes.some((one) => one.kind === 'sizes')) {
      const size = argument.value.kind === 'integer' ? argument.value.value : undefined;
      if (size) this.#sizes[name.text] = size;
      else
        this.#fail(
          'HED2309',
          argument.span,
          `the size \`${name.text}\` must be an int, found ${describeKind(argument.value)}`,
        );
      return;
    }
    const names = [...this.#op.operands, ...this.#op.attributes].map((one) => one.name);
    const similar = closest(name.text, names);
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
    const attribute = this.#op.attributes.find((one) => one.kind !== 'sizes' && !this.#attributes.has(one.name));
    if (attribute && value.kind !== 'tensor') this.#addAttribute(attribute, argument);
    else if (open)
      this.#fail('HED2308', argument.span, `\`${this.#op.name}\` takes a tensor here, found ${describeKind(value)}`);
    else
      this.#fail(
        'HED2307',
        argument.span,
        `\`${this.#op.name}\` takes no further ${value.kind === 'tensor' ? 'tensor' : 'argument'}`,
      );
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
        `\`${spec.name}\` of \`${this.#op.name}\` must be ${attributeKinds[spec.kind]}, found \`${printValue(argument.value)}\``,
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
      if (!this.#operands.has(operand.name) && !this.poisoned)
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

function isTensorList(value: StaticValue): boolean {
  return (
    (value.kind === 'list' || value.kind === 'tuple') && value.elements.some((element) => element.kind === 'tensor')
  );
}

const attributeKinds: Readonly<Record<AttributeSpec['kind'], string>> = {
  int: 'an int known at compile time',
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

/** The value as an attribute of the wanted kind, or undefined when it is none. */
function attributeOf(spec: AttributeSpec, value: StaticValue): Attribute | undefined {
  if (value.kind === 'none' && spec.default === null) return null;
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
      return listOf(value, (element) => (element.kind === 'integer' ? constantValue(element.value) : undefined));
    case 'dim':
      return value.kind === 'integer' ? value.value : undefined;
    case 'shape':
    case 'dims':
      if (value.kind === 'axes') return value.axes;
      return listOf(value, (element) => (element.kind === 'integer' ? element.value : undefined));
    case 'dtype':
      return value.kind === 'dtype' ? value.dtype : undefined;
    case 'sizes':
      return undefined;
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
