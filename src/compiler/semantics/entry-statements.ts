/** The statements that describe an entry's surface: `dims`, `input`, `output`, `generate`. */
import { constant, symbol } from '../dims/dim.ts';
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { printType } from '../ir/types.ts';
import type { DimsStatement, GenerateStatement, InputStatement, Name, OutputStatement } from '../syntax/ast.ts';
import type { Generation } from './elaborated.ts';
import { evaluateExpression, evaluateLimit } from './expressions.ts';
import { report, type Elaboration, type Frame } from './frame.ts';
import { expectDims, giveOutput, takeInput } from './models.ts';
import { assumeName } from './statements.ts';
import { suggestApplication } from './suggestions.ts';
import { evaluateType, matchType } from './unify.ts';
import { describeKind, ERROR, integer, NONE, tensor } from './values.ts';

export function declareDims(frame: Frame, statement: DimsStatement): void {
  if (!allowInEntry(frame, 'dims', statement.span)) {
    statement.dims.forEach(({ name }) => assumeName(frame, name));
    return;
  }
  if (frame.application) {
    expectDims(frame, frame.application, statement);
    return;
  }
  for (const { name, max } of statement.dims) {
    const first = frame.scope.definedHere(name.text);
    if (first) {
      report(frame, 'HED2507', name.span, `\`${name.text}\` is already defined`, {
        secondary: [{ span: first.span, text: 'here' }],
      });
      continue;
    }
    const limit = evaluateLimit(frame, name.text, max);
    frame.scope.define({ name: name.text, value: integer(symbol(name.text)), span: name.span, role: 'dimension' });
    frame.elaboration.dimSpans.set(name.text, name.span);
    frame.elaboration.dims.push({ name: name.text, ...(limit !== undefined && { max: limit }) });
    if (limit !== undefined) frame.elaboration.bounds.set(name.text, constant(limit));
  }
}

/** False when nothing of the body can be right any more. */
export function declareInput(frame: Frame, statement: InputStatement): boolean {
  const { name } = statement;
  if (!allowInEntry(frame, 'input', statement.span)) {
    assumeName(frame, name);
    return true;
  }
  if (!isFreeName(frame, name)) return true;
  if (frame.application) return takeInput(frame, frame.application, statement);
  const { elaboration } = frame;
  const type = evaluateType(frame, statement.type);
  if (statement.optional) {
    const given = isGiven(elaboration, name.text);
    elaboration.optionalInputs.push({ name: name.text, given });
    if (!given) {
      frame.scope.define({ name: name.text, value: NONE, span: name.span, role: 'input' });
      return true;
    }
  }
  const value = type && elaboration.builder.value(type);
  if (value) {
    elaboration.inputs.push({ name: name.text, value });
    elaboration.declared.set(value, { type: statement.type, scope: frame.scope });
  }
  frame.scope.define({ name: name.text, value: value ? tensor(value) : ERROR, span: name.span, role: 'variable' });
  return true;
}

function isGiven({ inputChoice: { given, atHand } }: Elaboration, name: string): boolean {
  return given.includes(name) || atHand.includes(name);
}

export function declareOutput(frame: Frame, statement: OutputStatement): void {
  const { name, type } = statement;
  if (!allowInEntry(frame, 'output', statement.span)) {
    assumeName(frame, name);
    return;
  }
  if (frame.application) {
    giveOutput(frame, frame.application, statement);
    return;
  }
  const { elaboration } = frame;
  elaboration.outputStatements++;
  const value = evaluateExpression(frame, statement.value);
  const { span } = statement.value;
  if (value.kind === 'tensor') {
    if (type && !matchType(frame, type, value.value.type, { what: `output \`${name.text}\``, span })) {
      assumeName(frame, name);
      return;
    }
    if (isFreeResult(frame, name)) elaboration.outputs.push({ name: name.text, value: value.value });
  } else if (value.kind !== 'error') {
    report(frame, 'HED2510', span, `an output must be a tensor, found ${describeKind(value)}`, {
      hint: suggestApplication(value, span),
    });
  }
  frame.scope.define({ name: name.text, value, span: name.span, role: 'variable' });
}

/** Outputs, metrics and the loss of an entry are told apart by name. */
export function isFreeResult(frame: Frame, { text, span }: Name): boolean {
  const { outputs, train } = frame.elaboration;
  const isLoss = frame.role === 'train' && text === 'loss';
  const isTaken = (results: readonly { readonly name: string }[]): boolean => results.some(({ name }) => name === text);
  if (!isLoss && !isTaken(outputs) && !isTaken(train.metrics)) return true;
  const what = isLoss
    ? 'an output called `loss` is there already: the loss'
    : `the output \`${text}\` is declared twice`;
  const first = frame.scope.definedHere(text);
  report(frame, 'HED2507', span, what, {
    secondary: first && first.span !== span ? [{ span: first.span, text: 'here' }] : [],
    hint: 'choose another name',
  });
  return false;
}

/** Whether a declaration may take the name: in a body it is given once. A hyperparameter may be taken over. */
export function isFreeName(frame: Frame, { text, span }: Name): boolean {
  const first = frame.scope.definedHere(text);
  if (!first || first.role === 'hyperparameter' || first.value.kind === 'error') return true;
  report(frame, 'HED2507', span, `\`${text}\` is already defined`, {
    secondary: [{ span: first.span, text: 'here' }],
    hint: 'choose another name',
  });
  return false;
}

type EntryStatement = 'dims' | 'input' | 'output' | 'generate';

const insteadInBlocks: Readonly<Partial<Record<EntryStatement, string>>> = {
  input: 'a block takes its tensors in its signature',
  output: 'a block gives its result with `return`',
};

function allowInEntry(frame: Frame, what: EntryStatement, span: Span): boolean {
  if (frame.role === 'model' || frame.role === 'train' || frame.role === 'applied') return true;
  report(frame, 'HED2511', span, `\`${what}\` stands only in a model`, { hint: insteadInBlocks[what] });
  return false;
}

/** An applied model is a part of another entry, which says itself how it generates. */
export function noteGeneration(frame: Frame, statement: GenerateStatement): void {
  if (!allowInEntry(frame, 'generate', statement.span) || frame.application) return;
  const { elaboration } = frame;
  if (elaboration.generation) {
    report(frame, 'HED2528', statement.span, 'an entry generates along one dimension, said once', {
      secondary: [{ span: elaboration.generation.span, text: 'first said here' }],
    });
  } else elaboration.generation = statement;
}

/** Checks `generate` at the end of an entry; undefined where there is none or after a report. */
export function settleGeneration(frame: Frame): Generation | undefined {
  const { generation, inputs, outputs, dims, sink } = frame.elaboration;
  // After a mistake something may be missing that was written.
  if (!generation || sink.hasErrors) return undefined;
  const { input, along, from, span } = generation;
  const unknown = (name: Name, what: string, known: readonly string[]): void => {
    const similar = closest(name.text, known);
    report(frame, 'HED2528', name.span, `the entry has no ${what} \`${name.text}\``, {
      hint: similar ? `did you mean \`${similar}\`?` : `it has ${known.join(', ') || 'none'}`,
    });
  };
  const namesOf = (items: readonly { readonly name: string }[]): string[] => items.map((item) => item.name);
  const source = inputs.find((one) => one.name === input.text);
  const result = outputs.find((one) => one.name === from.text);
  const isDim = dims.some((dim) => dim.name === along.text);
  if (!source) unknown(input, 'input', namesOf(inputs));
  if (!isDim) unknown(along, 'dimension', namesOf(dims));
  if (!result) unknown(from, 'output', namesOf(outputs));
  if (!source || !isDim || !result) return undefined;
  const key = symbol(along.text).key;
  for (const [name, { value }] of [
    [input, source],
    [from, result],
  ] as const) {
    const axes = value.type.shape.filter((size) => size.key === key).length;
    if (axes === 1) continue;
    const message = `\`${name.text}\` must have one axis \`${along.text}\`, found ${printType(value.type)}`;
    report(frame, 'HED2528', name.span, message);
    return undefined;
  }
  const { dtype } = source.value.type;
  if (dtype !== 'i32') {
    report(frame, 'HED2528', input.span, `what is generated are token numbers, i32; \`${input.text}\` is ${dtype}`);
    return undefined;
  }
  return { input: input.text, along: along.text, output: from.text, span };
}
