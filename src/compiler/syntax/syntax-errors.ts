/**
 * From the parser's errors to sentences. One mistake must give one diagnostic: within one statement (or one parameter
 * of a header) only the first error counts, and none where lexing or layout has already reported something.
 */
import { createTokenInstance, EOF, tokenMatcher } from 'chevrotain';
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import type { Failure } from '../../../grammar/expressions.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { Diagnostic, Label } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';
import { expectation } from './expectations.ts';
import { clip, tokenSpan } from './lex.ts';
import { endsOperand, isInserted } from './token-facts.ts';
import { regionsOf } from './regions.ts';
import type { Regions } from './regions.ts';

export interface ParsedText {
  readonly source: Source;
  readonly tokens: readonly IToken[];
  /** Offsets of what was reported before parsing. */
  readonly mistakes: readonly number[];
  /** Offsets at which something was lost before parsing, so that what is left does not say what was meant. */
  readonly gaps: readonly number[];
  /** What to call the end of the text. */
  readonly end: string;
}

export interface Told {
  readonly diagnostics: readonly Diagnostic[];
  /** Whether something was reported about the statement at an offset, so that more about it would repeat that. */
  readonly covers: (offset: number) => boolean;
  /** Whether part of the statement at an offset could not be read, so that its expressions may mean anything. */
  readonly breaks: (offset: number) => boolean;
}

/** Tells the failures, of those of one statement only the first. */
export function tellFailures(failures: readonly Failure[], text: ParsedText): Told {
  const regions = regionsOf(text.tokens);
  const mistakes = text.mistakes.toSorted((a, b) => a - b);
  const spoken = new Set<number>(mistakes.map((offset) => regions.at(offset)));
  const faults = failures.map((failure) => faultOf(failure, text, regions));
  const broken = new Set<number>(text.gaps.map((offset) => regions.at(offset)));
  // Braces that were written in are outside of expressions.
  for (const [i, { index }] of faults.entries()) {
    if (!isInserted(failures[i]!.found)) broken.add(regions.before(index));
  }
  const diagnostics: Diagnostic[] = [];
  let last = -1;
  for (const fault of faults.toSorted((a, b) => a.index - b.index)) {
    const region = regions.before(fault.index);
    // At the very next token the parser is still stumbling over the same mistake.
    const repeated = last >= 0 && fault.index <= last + 1;
    last = fault.index;
    if (repeated || spoken.has(region) || anyBetween(mistakes, fault.previous?.startOffset ?? 0, fault.foundAt))
      continue;
    spoken.add(region);
    diagnostics.push(explain(fault));
  }
  return {
    diagnostics,
    covers: (offset) => spoken.has(regions.at(offset)),
    breaks: (offset) => broken.has(regions.at(offset)),
  };
}

/** Whether one of the ascending numbers lies in the half-open range. */
function anyBetween(ascending: readonly number[], from: number, to: number): boolean {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low < ascending.length && ascending[low]! < to;
}

/** One failure with what is needed to talk about it. */
interface Fault extends Failure {
  readonly source: Source;
  readonly end: string;
  /** Where in the stream the parser was. */
  readonly index: number;
  /** The offset of what was found. */
  readonly foundAt: number;
  readonly previous: IToken | undefined;
  readonly beforePrevious: IToken | undefined;
  /** The innermost bracket open there, and the token before it. */
  readonly opener: IToken | undefined;
  readonly beforeOpener: IToken | undefined;
}

function faultOf(failure: Failure, { source, tokens, end }: ParsedText, regions: Regions): Fault {
  const index = tokenMatcher(failure.found, EOF) ? tokens.length : regions.indexOf(failure.found);
  // Braces that were written in for the parser were not found by the user.
  const found = tokens.slice(index, index + 4).find((token) => !isInserted(token)) ?? endOfText;
  const opener = regions.openerAt(index);
  return {
    ...failure,
    source,
    end,
    index,
    found,
    foundAt: isEnd(found) ? source.text.length : found.startOffset,
    previous: tokens[index - 1],
    beforePrevious: tokens[index - 2],
    opener,
    beforeOpener: opener && tokens[regions.indexOf(opener) - 1],
  };
}

const endOfText = createTokenInstance(EOF, '', NaN, NaN, NaN, NaN, NaN, NaN);

function isEnd(token: IToken): boolean {
  return tokenMatcher(token, EOF);
}

function explain(fault: Fault): Diagnostic {
  return missingOperand(fault) ?? unclosed(fault) ?? strayInBody(fault) ?? unexpected(fault);
}

/** `a +`, `a |>`: reported at the operator, where the next line is not to blame. */
function missingOperand(fault: Fault): Diagnostic | undefined {
  const { previous, found } = fault;
  if (!previous || (fault.rule !== 'atom' && fault.rule !== 'expression')) return undefined;
  const isOperator = tokenMatcher(previous, t.BinaryOperator) || tokenMatcher(previous, t.PrefixOperator);
  if (!isOperator && previous.tokenType !== t.PipeArrow) return undefined;
  if (found.tokenType === t.If) {
    return diagnostic('HED1006', tokenSpan(fault.source, found), 'an `if` expression as an operand needs parentheses', {
      hint: 'write `(if … then … else …)`',
    });
  }
  const before = fault.beforePrevious;
  const what =
    previous.tokenType === t.PipeArrow ? 'stage' : before && endsOperand(before) ? 'right operand' : 'operand';
  const sameLine = !isEnd(found) && previous.endLine === found.startLine;
  const message = `\`${previous.image}\` has no ${what}${sameLine ? `: found ${foundIn(fault)}` : ''}`;
  const isFrozenStage = what === 'stage' && found.tokenType === t.Frozen;
  const hint = isFrozenStage ? frozenStage : sameLine ? reservedHint(found) : undefined;
  return diagnostic('HED1006', tokenSpan(fault.source, previous), message, { hint });
}

const frozenStage = 'give the frozen model a name first: `teacher = frozen …`, then `|> teacher`';

function reservedHint({ image }: IToken): string | undefined {
  return t.reservedTexts.includes(image) ? `\`${image}\` is a reserved word and cannot be a name` : undefined;
}

const closers: Readonly<Record<string, string>> = {
  [t.RightParen.name]: ')',
  [t.RightBracket.name]: ']',
  [t.RightBrace.name]: '}',
  [t.RightExpertBrace.name]: '}',
};

/** A bracket that is not closed where its content must end. */
function unclosed(fault: Fault): Diagnostic | undefined {
  const { wanted, rule, found, opener } = fault;
  const closer = closers[wanted] ?? impliedCloser(fault);
  if (closer === undefined || !opener || !endsContent(found)) return undefined;
  if (rule === 'body') return undefined;
  const message = `expected \`${closer}\` to close ${purpose(fault)}, found ${foundIn(fault)}`;
  const secondary: Label[] = [{ span: tokenSpan(fault.source, opener), text: 'opened here' }];
  return diagnostic('HED1003', place(fault), message, { secondary });
}

/** Where an item is missing because its list stops: `f(a,` before the next statement. */
function impliedCloser({ wanted, found, opener }: Fault): string | undefined {
  if (wanted !== '' || !opener || !(isEnd(found) || startsSomething(found))) return undefined;
  return opener.tokenType === t.LeftParen ? ')' : opener.tokenType === t.LeftBracket ? ']' : undefined;
}

function startsSomething(token: IToken): boolean {
  return tokenMatcher(token, t.StatementStart) || tokenMatcher(token, t.DeclarationStart);
}

/** Whether nothing inside of brackets could go on with the token, so that it is the bracket that is missing. */
function endsContent(token: IToken): boolean {
  const type = token.tokenType;
  return contentEnds.has(type) || isEnd(token) || startsSomething(token);
}

const contentEnds: ReadonlySet<TokenType> = new Set([
  t.RightParen,
  t.RightBracket,
  t.RightBrace,
  t.RightExpertBrace,
  t.LeftBrace,
]);

/** What the open bracket is for. */
function purpose({ rule, opener, beforeOpener }: Fault): string {
  const known = purposes.get(rule);
  if (known !== undefined) return known;
  if (opener?.tokenType === t.LeftBracket) return 'the brackets';
  return beforeOpener && endsOperand(beforeOpener) ? 'the call' : 'the parenthesis';
}

const purposes: ReadonlyMap<string, string> = new Map([
  ['arguments', 'the call'],
  ['subscripts', 'the index'],
  ['list', 'the list'],
  ['group', 'the parenthesis'],
  ['parameters', 'the parameters'],
  ['results', 'the results'],
  ['tupleType', 'the tuple type'],
  ['listType', 'the list type'],
  ['axes', 'the tensor type'],
  ['experts', 'the experts'],
  ['groups', 'the groups'],
]);

/** Something between two statements, or two declarations, that belongs to neither. */
function strayInBody(fault: Fault): Diagnostic | undefined {
  const { rule, found, previous } = fault;
  if (rule !== 'items' && rule !== 'statements') return undefined;
  const span = tokenSpan(fault.source, found);
  const known = strays.get(found.tokenType);
  if (known) return diagnostic('HED1002', span, known.message, { hint: known.hint });
  const behind = previous && previous.tokenType !== t.LeftBrace ? ` after ${shown(previous)}` : '';
  const wish = rule === 'items' ? 'a declaration' : 'the next statement';
  const message = `expected an operator or ${wish}${behind}, found ${foundIn(fault)}`;
  return diagnostic('HED1002', span, message, { hint: reservedHint(found) });
}

const choice = 'a choice is written `if c then a else b`';

/** What often stands where a statement should have ended. */
const strays: ReadonlyMap<TokenType, { readonly message: string; readonly hint: string }> = new Map([
  [t.If, { message: 'unexpected `if`: the value ended before it', hint: choice }],
  [t.Question, { message: 'unexpected `?`: the value ended before it', hint: choice }],
  [t.Else, { message: '`else` without an `if` before it', hint: choice }],
  [
    t.AsKeyword,
    {
      message: '`as` can only stand behind a stage of `|>`, or in a `for`',
      hint: 'it names where parameters live: `x |> Linear(8) as head`; a value is named by `name = …`',
    },
  ],
  [
    t.Bar,
    {
      message: 'unexpected `|`: the value ended before it',
      hint: 'a pipe is written `|>`, and the logical operator `or`',
    },
  ],
  [t.Comma, { message: 'unexpected `,`: the value ended before it', hint: 'a tuple stands in parentheses: `(a, b)`' }],
  [
    t.Equal,
    {
      message: 'unexpected `=`: the value ended before it',
      hint: 'a comparison is written `==`; names are assigned to without brackets: `a, b = …`',
    },
  ],
]);

function unexpected(fault: Fault): Diagnostic {
  const { wanted, found, previous } = fault;
  const closer = closers[wanted];
  const inList = closer !== undefined && !endsContent(found);
  const phrase = inList ? itemOrEnd(fault, closer) : expectation(fault, previous);
  return diagnostic('HED1002', place(fault), `expected ${phrase}, found ${foundIn(fault)}`, { hint: hintFor(fault) });
}

function itemOrEnd({ rule, previous, opener }: Fault, closer: string): string {
  const atStart = previous === opener ? items.get(rule) : undefined;
  return `${atStart ?? '`,`'} or \`${closer}\``;
}

/** What the lists of some rules hold. */
const items: ReadonlyMap<string, string> = new Map([
  ['parameters', 'a parameter'],
  ['arguments', 'an argument'],
  ['axes', 'an axis'],
  ['subscripts', 'an index'],
  ['list', 'an element'],
  ['importedNames', 'a name'],
]);

const plainName =
  'a name has no dots: parameters get their paths from the instances around them, `x |> Linear(8) as head`';

function hintFor({ rule, wanted, found, previous, beforePrevious }: Fault): string | undefined {
  if (rule === 'member' && beforePrevious && tokenMatcher(beforePrevious, t.Integer)) {
    return `a float has a digit after its dot: \`${beforePrevious.image}.0\``;
  }
  if (found.tokenType === t.Dot)
    return previous?.tokenType === t.Identifier ? plainName : 'a float has a digit before its dot: `0.5`';
  if (wanted === t.LeftBracket.name && rule === 'axes') return 'a scalar has no axes: `f32[]`';
  if (found.tokenType === t.Equal && rule === 'condition') return 'a comparison is written `==`';
  if (found.tokenType === t.Ellipsis && rule === 'axes') return 'any number of axes is written `..name`';
  // `for = x` was meant to assign.
  if (found.tokenType === t.Equal && previous && rule === 'iteration') return reservedHint(previous);
  const wantsName = [t.Identifier.name, t.Segment.name, ''].includes(wanted) || rule === 'parameters';
  return wantsName ? reservedHint(found) : undefined;
}

/** The found token; or, where a line ends too early, the place behind what came before. */
function place({ source, found, previous, foundAt }: Fault): Span {
  const moved = previous && (isEnd(found) || previous.endLine !== found.startLine);
  if (moved) {
    const end = tokenSpan(source, previous).end;
    return { source, start: end, end };
  }
  return isEnd(found) ? { source, start: foundAt, end: foundAt } : tokenSpan(source, found);
}

function foundIn({ found, end }: Fault): string {
  return isEnd(found) ? end : shown(found);
}

function shown(token: IToken): string {
  return `\`${clip(token.image)}\``;
}
