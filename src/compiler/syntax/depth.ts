/**
 * Refuses text whose tree would be too deep, before it is parsed: parser, tree builder and later stages recurse over
 * the tree, and must not run out of stack on any input.
 */
import { tokenMatcher } from 'chevrotain';
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import { tokenSpan } from './lex.ts';

/** Far beyond what people write, and far below what the stack holds. */
export const depthLimit = 128;

/** What one bracket level adds to the depth: operators join whole operands, suffixes only the last one. */
interface Level {
  readonly brace: boolean;
  operators: number;
  suffixes: number;
}

/** Whether the tokens nest no deeper than the limit. Reports the first place where they do. */
export function checkDepth(tokens: readonly IToken[], source: Source, sink: DiagnosticSink): boolean {
  const levels: Level[] = [];
  let level: Level = { brace: true, operators: 0, suffixes: 0 };
  let outer = 0;
  const leave = (): void => {
    const parent = levels.pop();
    if (!parent) return;
    level = parent;
    outer -= level.operators + level.suffixes;
  };
  for (const [i, token] of tokens.entries()) {
    if (opens(token)) {
      level.suffixes++;
      outer += level.operators + level.suffixes;
      levels.push(level);
      level = { brace: token.tokenType === t.LeftBrace, operators: 0, suffixes: 0 };
    } else if (closes(token)) {
      leave();
    } else if (token.tokenType === t.Comma) {
      level.operators = 0;
      level.suffixes = 0;
    } else if (tokenMatcher(token, t.StatementStart) || tokenMatcher(token, t.DeclarationStart)) {
      // A bracket of an expression that is still open here has been forgotten.
      while (!level.brace) leave();
      // The branches of an `else if` chain lie inside each other.
      const chained = tokens[i - 1]?.tokenType === t.Else;
      level.operators = chained ? level.operators + 1 : 0;
      level.suffixes = 0;
    } else if (deepens(token)) {
      level.operators++;
      level.suffixes = 0;
    } else if (token.tokenType === t.Dot) {
      level.suffixes++;
    }
    if (outer + level.operators + level.suffixes > depthLimit) {
      const message = `this is nested too deeply: more than ${depthLimit} levels of brackets and operators`;
      sink.report(
        diagnostic('HED1009', tokenSpan(source, token), message, {
          hint: 'name parts of it in statements of their own',
        }),
      );
      return false;
    }
  }
  return true;
}

function opens(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.LeftParen || type === t.LeftBracket || type === t.LeftBrace;
}

function closes(token: IToken): boolean {
  const type = token.tokenType;
  return type === t.RightParen || type === t.RightBracket || type === t.RightBrace;
}

function deepens(token: IToken): boolean {
  if (tokenMatcher(token, t.BinaryOperator) || tokenMatcher(token, t.PrefixOperator)) return true;
  const type = token.tokenType;
  return type === t.If || type === t.PipeArrow || type === t.For;
}
