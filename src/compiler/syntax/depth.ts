/**
 * Refuses text whose tree would be too deep, before it is parsed: parser, tree builder and later stages recurse over
 * the tree, and must not run out of stack on any input. What lies in each other also in the text is limited strictly,
 * for there the parser recurses too; chains, which read as flat, generously.
 */
import { tokenMatcher } from 'chevrotain';
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import { tokenSpan } from './lex.ts';
import { isBinaryOperator, precedence } from './operators.ts';
import { endsOperand } from './token-facts.ts';
import { beginsDeclarationLine } from './words.ts';

/** Brackets, signs, powers and `if`s in each other: far beyond what people write, and far below what the stack holds. */
const depthLimit = 128;
/** Operators, stages and `else if`s in a row, those of all brackets around included. */
const chainLimit = 1024;

/** What one bracket level adds to the depth. Operators and stages join whole operands, suffixes only the last one. */
class Level {
  readonly brace: boolean;
  /** `if`s and `for`s of expressions, which reach to the end of their item. */
  conditionals = 0;
  suffixes = 0;
  /** Operators and stages in a row, and `else if`s. */
  chain = 0;
  elseIfs = 0;
  /** How tightly the operators bind whose right operand the current one belongs to. */
  #open: number[] = [];

  constructor(brace: boolean) {
    this.brace = brace;
  }

  get nesting(): number {
    return this.conditionals + this.suffixes + this.#open.length;
  }

  get length(): number {
    return this.chain + this.elseIfs;
  }

  prefix(text: string): void {
    this.#open.push(text === 'not' ? precedence.not : precedence['unary -']);
    this.suffixes = 0;
  }

  /** As in `combine`: what binds more tightly on the left becomes the left operand. */
  operator(text: string): void {
    const strength = isBinaryOperator(text) ? precedence[text] : 0;
    const isPower = text === '**';
    while (this.#open.length > 0 && this.#open.at(-1)! >= strength + (isPower ? 1 : 0)) this.#open.pop();
    this.#open.push(strength);
    if (!isPower) this.chain++;
    this.suffixes = 0;
  }

  stage(): void {
    this.#open = [];
    this.chain++;
    this.suffixes = 0;
  }

  /** Another operation begins, within the same item. */
  endOperation(): void {
    this.#open = [];
    this.chain = 0;
    this.suffixes = 0;
  }

  endItem(): void {
    this.endOperation();
    this.conditionals = 0;
  }
}

/** Whether the tokens nest no deeper than the limits. Reports the first place where they do. */
export function checkDepth(tokens: readonly IToken[], source: Source, sink: DiagnosticSink): boolean {
  const levels: Level[] = [];
  let level = new Level(true);
  let [nesting, length] = [0, 0];
  const leave = (): void => {
    const parent = levels.pop();
    if (!parent) return;
    level = parent;
    nesting -= level.nesting;
    length -= level.length;
  };
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    if (opens(token)) {
      level.suffixes++;
      nesting += level.nesting;
      length += level.length;
      levels.push(level);
      level = new Level(token.tokenType === t.LeftBrace);
    } else if (closes(token)) {
      leave();
    } else if (tokenMatcher(token, t.StatementStart) || tokenMatcher(token, t.DeclarationStart)) {
      // A bracket of an expression that is still open here has been forgotten.
      while (!level.brace) leave();
      level.endItem();
      // The branches of an `else if` chain lie inside each other.
      level.elseIfs = before?.tokenType === t.Else ? level.elseIfs + 1 : 0;
    } else {
      count(level, token, before);
    }
    if (nesting + level.nesting > depthLimit) return refuse(nestingMessage, token, source, sink);
    if (length + level.length > chainLimit) return refuse(chainMessage, token, source, sink);
  }
  return true;
}

/** Counts a token that is neither a bracket nor the start of a statement. */
function count(level: Level, token: IToken, before: IToken | undefined): void {
  const behindOperand = before !== undefined && endsOperand(before);
  if (tokenMatcher(token, t.PrefixOperator) && !(behindOperand && tokenMatcher(token, t.BinaryOperator))) {
    return level.prefix(token.image);
  }
  if (tokenMatcher(token, t.BinaryOperator)) return level.operator(token.image);
  switch (token.tokenType) {
    case t.Comma:
      if (!level.brace) level.elseIfs = 0;
      return level.endItem();
    case t.PipeArrow:
      return level.stage();
    case t.Dot:
      level.suffixes++;
      return;
    case t.If:
      level.endOperation();
      if (before?.tokenType === t.Else) level.elseIfs++;
      else level.conditionals++;
      return;
    case t.For:
      level.conditionals++;
      return;
    case t.Then:
    case t.Else:
    case t.In:
    case t.FatArrow:
    case t.Colon:
    case t.Equal:
      return level.endOperation();
    default:
  }
}

/**
 * The same for braces alone, before the layout stage: it takes braces that cannot be meant out of the stream, each with
 * a report of its own.
 */
export function checkBraces(tokens: readonly IToken[], source: Source, sink: DiagnosticSink): boolean {
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (beginsDeclarationLine(tokens, i)) depth = 0;
    else if (token.tokenType === t.LeftBrace) depth++;
    else if (token.tokenType === t.RightBrace) depth = Math.max(0, depth - 1);
    if (depth > depthLimit) return refuse(nestingMessage, token, source, sink);
  }
  return true;
}

const nestingMessage = `this is nested too deeply: more than ${depthLimit} levels of brackets and operators`;
const chainMessage = `this chain is too long: more than ${chainLimit} operators, stages or branches in a row`;

function refuse(message: string, token: IToken, source: Source, sink: DiagnosticSink): false {
  const hint = 'name parts of it in statements of their own';
  sink.report(diagnostic('HED1009', tokenSpan(source, token), message, { hint }));
  return false;
}

function opens(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.LeftParen || type === t.LeftBracket || type === t.LeftBrace || type === t.LeftExpertBrace;
}

function closes(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.RightParen || type === t.RightBracket || type === t.RightBrace || type === t.RightExpertBrace;
}
