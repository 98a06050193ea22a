/**
 * Decides where statements and declarations begin, before anything is parsed.
 *
 * Newlines do not separate statements, and most keywords are ordinary names elsewhere. But after a finished operand no
 * expression goes on with a name, so outside of brackets a name there begins a statement, and the word after it tells
 * which. This pass marks those words with token types of their own. The parser then needs one token of lookahead, and
 * after a mistake it always knows where the next statement begins. Where text is broken, line breaks serve as a hint;
 * they never decide how correct text is read.
 *
 * Braces that are missing or too many and words that begin nothing are reported here, once; the stream that leaves has
 * balanced bodies.
 */
import type { IToken, TokenType } from 'chevrotain';
import type { Failure } from '../../../grammar/expressions.ts';
import * as t from '../../../grammar/tokens.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import { LayoutState } from './layout-state.ts';
import { clip } from './lex.ts';
import {
  isForeignFunction,
  skipBraces,
  skipElse,
  skipForeignFunction,
  skipImport,
  skipMisplaced,
  skipStray,
  skipUnknownStatement,
} from './skipping.ts';
import { endsOperand, isBrace } from './token-facts.ts';
import { bodyWords, declarationWords, keywordTypes, misspeltDeclaration } from './words.ts';

export interface LaidOut {
  readonly tokens: IToken[];
  /** Offsets at which something was reported here. */
  readonly mistakes: readonly number[];
  /** What was missing and has been written; told together with the parser's failures. */
  readonly failures: readonly Failure[];
}

export function layOut(tokens: readonly IToken[], source: Source, sink: DiagnosticSink): LaidOut {
  const state = new LayoutState(tokens, source, sink);
  while (state.at < tokens.length) {
    if (!begin(state)) pass(state);
  }
  state.closeBraces('the end of the file');
  return { tokens: state.out, mistakes: state.mistakes, failures: state.failures };
}

/** Handles the current token if something begins with it, or if nothing may stand there. */
function begin(state: LayoutState): boolean {
  if (isForeignFunction(state)) {
    skipForeignFunction(state);
    return true;
  }
  const path = leadsToPath(state);
  if (path && state.place === 'names') state.closeNames();
  if (path) return false;
  const wantsBrace = state.is(0, t.LeftBrace) ? undefined : state.braceWord;
  if (wantsBrace) state.openOwned(wantsBrace);
  const declaration = declarationStart(state);
  if (declaration !== undefined) {
    beginDeclaration(state, declaration);
    return true;
  }
  if (state.is(0, t.RightBrace) && state.atFileLevel && !state.awaiting) {
    skipStray(state, 'unexpected `}`: no brace is open here');
    return true;
  }
  const start = statementStart(state);
  const outside = state.atFileLevel && !state.awaiting;
  if (outside && (start === undefined ? isBetweenDeclarations(state) : start !== t.ConstKeyword)) {
    skipStray(state, `expected a declaration, found \`${clip(state.current.image)}\``);
    return true;
  }
  if (start === undefined) return false;
  if (start !== t.GroupKeyword && skipMisplaced(state)) return true;
  if (start === t.Else) skipElse(state);
  else if (start === t.ImportKeyword) skipImport(state);
  else if (start === t.Skipped) skipUnknownStatement(state, beginStatement);
  else beginStatement(state, start);
  return true;
}

/** Whether this is the `from` of an import, or what was meant for it. */
function leadsToPath(state: LayoutState): boolean {
  if (state.place === 'names' && state.is(0, t.Text)) return true;
  if (!state.is(0, t.Identifier)) return false;
  const before = state.is(1, t.Text);
  if (state.place === 'names') return before && state.current.image === 'from';
  return state.closed === 'import' && (before || state.current.image === 'from');
}

function isBetweenDeclarations({ place, previous, closed }: LayoutState): boolean {
  return place === 'file' && closed !== 'import' && (isBrace(previous) || previous?.tokenType === t.Skipped);
}

// Declarations.

/** `import`, or a declaration's word with a name and what must follow the name. */
function declarationStart(state: LayoutState): TokenType | undefined {
  // Inside of something else only what stands no further to the right counts: else it is nested.
  const outdented = state.onNewLine && (state.current.startColumn ?? 1) <= state.margin;
  const possible = state.atFileLevel && state.fresh && !state.awaiting;
  if (state.is(0, t.Import)) return (possible || outdented) && !state.is(1, t.Equal) ? t.ImportKeyword : undefined;
  if (!state.is(0, t.Identifier)) return undefined;
  const word = state.current.image;
  // The parser tells that the name is missing.
  if (possible && declarationWords.has(word) && !state.is(1, t.Equal, t.Comma, t.Colon)) return keywordTypes.get(word);
  if (!state.is(1, t.Identifier)) return undefined;
  // There it must also look like a whole header.
  const opened = state.is(2, t.LeftParen, t.LeftBrace);
  if (!possible && !(opened && outdented)) return undefined;
  if (declarationWords.has(word)) return keywordTypes.get(word);
  const meant = possible && opened ? misspeltDeclaration(word) : undefined;
  if (meant === undefined) return undefined;
  state.report('HED1004', `\`${word}\` begins no declaration`, { hint: `did you mean \`${meant}\`?` });
  return keywordTypes.get(meant);
}

function beginDeclaration(state: LayoutState, type: TokenType): void {
  state.closeBraces(`\`${state.current.image}\``);
  state.margin = state.current.startColumn ?? 1;
  state.emit(type);
  if (type !== t.ImportKeyword) state.awaiting = 'declaration';
  else if (state.at < state.tokens.length && state.is(0, t.Identifier)) bareNames(state);
}

/** `import A, B from "path"`: the braces are written. */
function bareNames(state: LayoutState): void {
  state.openNames();
  const wanted = (offset: number): boolean =>
    state.is(offset, t.Identifier) && state.tokens[state.at + offset]!.image !== 'from';
  while (wanted(0) && (!state.onNewLine || state.previous?.tokenType === t.Comma)) {
    state.emit();
    if (state.is(0, t.Identifier) && state.current.image === 'as' && state.is(1, t.Identifier)) {
      state.emit(t.AsKeyword);
      state.emit();
    }
    if (!state.is(0, t.Comma)) break;
    state.emit();
  }
  state.closeNames();
}

// Statements.

/** The token type of the statement that begins here; `Skipped` if a word begins none. */
function statementStart(state: LayoutState): TokenType | undefined {
  const inHeader = state.awaiting === 'declaration';
  // A header, or a condition, whose `{` was forgotten ends with a line that begins a statement.
  if (inHeader && !(state.onNewLine && state.previous && endsOperand(state.previous))) return undefined;
  const elseIf = state.is(0, t.If) && state.previous?.tokenType === t.Else;
  if (state.awaiting && !state.onNewLine && !elseIf) return undefined;
  switch (state.current.tokenType) {
    case t.Return:
      return t.ReturnKeyword;
    case t.For:
      return forBegins(state) ? t.ForKeyword : undefined;
    case t.If:
      return ifBegins(state) ? t.IfKeyword : undefined;
    case t.Identifier:
      return state.fresh && !inHeader ? freshWord(state) : interruptingWord(state);
    case t.Import:
      return reservedTarget(state) ?? (state.fresh ? t.ImportKeyword : undefined);
    case t.Else:
      if (state.closed === 'if' || state.place === 'names') return undefined;
      return isBrace(state.previous) || state.is(1, t.LeftBrace) ? t.Else : undefined;
    case t.Frozen:
    case t.Mixture:
      return reservedTarget(state) ?? (state.fresh && beginsLine(state) ? t.Skipped : undefined);
    default:
      return reservedTarget(state);
  }
}

function beginsLine(state: LayoutState): boolean {
  return state.onNewLine || isBrace(state.previous);
}

/** Directly behind `[` it is a comprehension. */
function forBegins(state: LayoutState): boolean {
  if (state.previous?.tokenType === t.LeftBracket) return false;
  return state.fresh || state.onNewLine;
}

function ifBegins(state: LayoutState): boolean {
  const { previous } = state;
  // `a if c else b` is Python's form of an expression; the parser says how it is written.
  if (state.fresh) return isBrace(previous) || state.onNewLine || state.landmark === t.LeftBrace;
  if (previous?.tokenType === t.Else) return state.out.at(-2)?.tokenType === t.RightBrace;
  // Where an operand is missing, a line that begins with `if … {` is the next statement.
  return state.onNewLine && state.landmark === t.LeftBrace;
}

/** What a name begins where whatever came before is complete. */
function freshWord(state: LayoutState): TokenType | undefined {
  const word = state.current.image;
  if (word === 'group' && state.place === 'optimizer') return t.GroupKeyword;
  if (state.is(1, t.Equal, t.Comma, t.Colon)) return t.Target;
  if ((word === 'as' && !isBrace(state.previous)) || generateWord(state)) return undefined;
  if (bodyWords.has(word)) return keywordTypes.get(word);
  // On the same line it is rather an operator or a comma that is missing; the parser says so.
  return beginsLine(state) ? t.Skipped : undefined;
}

/** Whether what follows a keyword on its line cannot follow a name in an expression. */
function goesOnAsStatement(state: LayoutState): boolean {
  const next = state.tokens[state.at + 1];
  if (next?.startLine !== state.current.startLine || state.previous?.tokenType === t.AlongKeyword) return false;
  if (next?.tokenType === t.Identifier) return next.image !== 'as';
  return state.current.image === 'loss' && state.is(1, ...operandStarts);
}

/** They take a name and `=` themselves. */
const takesName = [t.ConstKeyword, t.OutputKeyword, t.NextKeyword, t.AuxKeyword, t.MetricKeyword];

/** What begins an operand and can follow none, names left aside. */
const operandStarts = [
  t.Integer,
  t.Float,
  t.Text,
  t.True,
  t.False,
  t.None,
  t.Training,
  t.Mixture,
  t.Not,
  t.Frozen,
  t.If,
];

/** What a name begins where an expression, a bracket or a header is still open, that is, where something is missing. */
function interruptingWord(state: LayoutState): TokenType | undefined {
  if (!state.onNewLine || state.place === 'names') return undefined;
  const word = state.current.image;
  if (word === 'group' && state.owner === 'optimizer' && state.is(1, t.Text)) return t.GroupKeyword;
  if (bodyWords.has(word) && goesOnAsStatement(state)) return keywordTypes.get(word);
  const previous = state.previous?.tokenType;
  // Behind a comma a name may go on a list of targets; or, in brackets, be a named argument in Python's form, which
  // then stands further to the right.
  const continued = state.place === 'group' ? [t.LeftParen, t.LeftBracket, t.Comma, t.Colon] : [t.Comma];
  if (continued.some((type) => type === previous)) {
    const interrupts = state.place === 'group' ? state.outdented : !state.inTargets;
    return interrupts && state.is(1, t.Equal) ? t.Target : undefined;
  }
  if (takesName.some((type) => type === previous)) return undefined;
  if (state.assigns) return t.Target;
  if (state.is(1, t.BinaryOperator) && state.is(2, t.Equal)) return t.Skipped;
  // A line further to the right would be an argument behind a missing comma.
  const asserts = state.place === 'group' && !state.awaiting && state.outdented && state.is(1, t.Colon);
  return asserts && endsOperand(state.previous!) ? t.Target : undefined;
}

/** `training = …`: reported, then taken for the assignment it was meant to be. */
function reservedTarget(state: LayoutState): TokenType | undefined {
  const { image } = state.current;
  if (!t.reservedTexts.includes(image) || !state.is(1, t.Equal)) return undefined;
  if (!state.fresh || !beginsLine(state)) return undefined;
  state.report('HED1019', `\`${image}\` is a reserved word and cannot be a name`);
  return t.Target;
}

function beginStatement(state: LayoutState, type: TokenType): void {
  state.closeGroups();
  const elseIf = type === t.IfKeyword && state.previous?.tokenType === t.Else;
  if (state.awaiting && !elseIf) state.insertBrace();
  state.inTargets = type === t.Target;
  state.inOptimizer = type === t.OptimizerKeyword;
  state.awaiting = type === t.IfKeyword ? 'if' : type === t.ForKeyword ? 'for' : undefined;
  state.emit(type);
}

// Everything else.

function pass(state: LayoutState): void {
  switch (state.current.tokenType) {
    case t.LeftParen:
    case t.LeftBracket:
      state.open(undefined);
      return state.emit();
    case t.RightParen:
    case t.RightBracket:
      if (state.place === 'group') state.close();
      return state.emit();
    case t.LeftBrace:
      return passLeftBrace(state);
    case t.RightBrace:
      return passRightBrace(state);
    case t.Equal:
      state.inTargets = false;
      return state.emit();
    case t.Else:
      if (state.closed === 'if') state.awaiting = 'else';
      return state.emit();
    case t.Identifier:
      return state.emit(wordInside(state));
    default:
      return state.emit();
  }
}

function passLeftBrace(state: LayoutState): void {
  if (state.braceWord === 'mixture') {
    state.open('mixture');
    state.awaiting = undefined;
    return state.emit(t.LeftExpertBrace);
  }
  const imports = state.previous?.tokenType === t.ImportKeyword;
  const owner = imports ? 'import' : (state.braceWord ?? state.awaiting);
  // In the middle of a header it is one too many, if the file has one too many.
  const misplaced = owner === 'declaration' && state.place === 'group' && state.braceBalance > 0;
  if (!owner || misplaced) return skipBraces(state);
  state.closeGroups();
  state.open(owner);
  state.awaiting = undefined;
  state.inTargets = false;
  state.emit();
}

function passRightBrace(state: LayoutState): void {
  if (state.isStrayBrace || state.atFileLevel) {
    state.report('HED1002', 'unexpected `}`');
    state.at++;
    return;
  }
  if (state.awaiting) state.insertBody();
  state.closeGroups();
  const owner = state.close();
  state.inTargets = false;
  state.emit(owner === 'mixture' ? t.RightExpertBrace : t.RightBrace);
  state.closed = owner;
}

/** `as`, `from` and `along` are keywords inside of what another word began. */
function wordInside(state: LayoutState): TokenType {
  const { previous } = state;
  const word = state.current.image;
  if (state.closed === 'import' && word === 'from') return t.FromKeyword;
  const named = state.is(1, t.Equal, t.Comma, t.Colon);
  if (word === 'as' && previous !== undefined && endsOperand(previous) && !named) return t.AsKeyword;
  return generateWord(state) ?? t.Identifier;
}

/** What the word is in `generate input along axis from output`, if that is where it stands. */
function generateWord(state: LayoutState): TokenType | undefined {
  if (state.previous?.tokenType !== t.Identifier || state.is(1, t.Equal, t.Comma, t.Colon)) return undefined;
  const before = state.out.at(-2)?.tokenType;
  const word = state.current.image;
  if (word === 'along' && before === t.GenerateKeyword) return t.AlongKeyword;
  return word === 'from' && (before === t.AlongKeyword || before === t.GenerateKeyword) ? t.FromKeyword : undefined;
}
