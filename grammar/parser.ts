/**
 * The grammar, as chevrotain rules: files, declarations, types and statements. It reads the laid-out token stream (see
 * `tokens.ts`), so one token of lookahead decides almost everywhere. The parser only recovers from mistakes; the
 * sentences a user reads are made in `src/compiler/syntax/syntax-errors.ts`.
 */
import { EOF, tokenMatcher } from 'chevrotain';
import type { CstNode, IToken } from 'chevrotain';
import { ExpressionGrammar } from './expressions.ts';
import type { Failure, Rule } from './expressions.ts';
import * as t from './tokens.ts';

class HeddleParser extends ExpressionGrammar {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  // Files and declarations.

  readonly file: Rule = this.RULE('file', () => {
    this.SUBRULE(this.items);
  });

  // In a rule of its own, as the statements of a body are, so that chevrotain does not recover inside the repetition.
  readonly items: Rule = this.RULE('items', () => {
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.importDeclaration, { LABEL: 'items' }) },
        { ALT: () => this.SUBRULE(this.blockDeclaration, { LABEL: 'items' }) },
        { ALT: () => this.SUBRULE(this.functionDeclaration, { LABEL: 'items' }) },
        { ALT: () => this.SUBRULE(this.modelDeclaration, { LABEL: 'items' }) },
        { ALT: () => this.SUBRULE(this.constDeclaration, { LABEL: 'items' }) },
        { ALT: () => this.CONSUME(t.Skipped) },
      ]);
    });
  });

  readonly importDeclaration: Rule = this.RULE('importDeclaration', () => {
    this.CONSUME(t.ImportKeyword);
    this.SUBRULE(this.importedNames);
    this.SUBRULE(this.importPath);
    this.takeLeftover('items');
  });

  readonly importedNames: Rule = this.RULE('importedNames', () => {
    this.CONSUME(t.LeftBrace);
    this.commaSeparated(this.importedName);
    this.takeLeftover('importedNames');
    this.CONSUME(t.RightBrace);
  });

  readonly importedName: Rule = this.RULE('importedName', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.AsKeyword);
      this.CONSUME2(t.Identifier);
    });
  });

  readonly importPath: Rule = this.RULE('importPath', () => {
    this.CONSUME(t.FromKeyword);
    this.CONSUME(t.Text);
  });

  // Headers are rules of their own, so that after a mistake in one the parser goes on with the body.

  readonly blockDeclaration: Rule = this.RULE('blockDeclaration', () => {
    this.CONSUME(t.BlockKeyword);
    this.SUBRULE(this.blockHeader);
    this.SUBRULE(this.body);
  });

  readonly blockHeader: Rule = this.RULE('blockHeader', () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.SUBRULE2(this.parameters);
    this.SUBRULE(this.results);
    this.takeLeftover('header');
  });

  readonly functionDeclaration: Rule = this.RULE('functionDeclaration', () => {
    this.CONSUME(t.FnKeyword);
    this.SUBRULE(this.functionHeader);
    this.SUBRULE(this.body);
  });

  readonly functionHeader: Rule = this.RULE('functionHeader', () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.results);
    this.takeLeftover('header');
  });

  readonly modelDeclaration: Rule = this.RULE('modelDeclaration', () => {
    this.CONSUME(t.ModelKeyword);
    this.SUBRULE(this.modelHeader);
    this.SUBRULE(this.body);
  });

  /** A model without hyperparameters may leave out the list. */
  readonly modelHeader: Rule = this.RULE('modelHeader', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.takeLeftover('header');
  });

  readonly constDeclaration: Rule = this.RULE('constDeclaration', () => {
    this.SUBRULE(this.constStatement);
    this.takeLeftover('items');
  });

  readonly parameters: Rule = this.RULE('parameters', () => {
    this.CONSUME(t.LeftParen);
    this.commaSeparated(this.parameterSlot);
    this.CONSUME(t.RightParen);
  });

  /** A parameter and what is left over before the next one, so that each parameter's mistakes are its own. */
  readonly parameterSlot: Rule = this.RULE('parameterSlot', () => {
    this.SUBRULE(this.parameter);
    this.takeLeftoverInList('parameters');
  });

  readonly parameter: Rule = this.RULE('parameter', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.CONSUME(t.Question));
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION2(() => {
      this.CONSUME(t.Equal);
      this.SUBRULE(this.expression);
    });
  });

  readonly results: Rule = this.RULE('results', () => {
    this.CONSUME(t.Arrow);
    this.OR([
      { ALT: () => this.SUBRULE(this.tensorType) },
      {
        ALT: () => {
          this.CONSUME(t.LeftParen);
          this.commaSeparated(this.tensorType);
          this.CONSUME(t.RightParen);
        },
      },
    ]);
  });

  // Types.

  /** What may follow a parameter's colon: a tensor type or the type of a compile-time value. */
  readonly type: Rule = this.RULE('type', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Identifier);
          this.OPTION(() => this.SUBRULE(this.axes));
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Text);
          this.MANY(() => {
            this.CONSUME(t.Bar);
            this.CONSUME2(t.Text);
          });
        },
      },
      { ALT: () => this.SUBRULE(this.tupleType) },
      { ALT: () => this.SUBRULE(this.listType) },
    ]);
    this.OPTION2(() => this.CONSUME(t.Question));
  });

  readonly tupleType: Rule = this.RULE('tupleType', () => {
    this.CONSUME(t.LeftParen);
    this.commaSeparated(this.type);
    this.CONSUME(t.RightParen);
  });

  readonly listType: Rule = this.RULE('listType', () => {
    this.CONSUME(t.LeftBracket);
    this.SUBRULE(this.type);
    this.CONSUME(t.RightBracket);
  });

  readonly tensorType: Rule = this.RULE('tensorType', () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.axes);
  });

  readonly axes: Rule = this.RULE('axes', () => {
    this.CONSUME(t.LeftBracket);
    this.commaSeparated(this.axis);
    this.CONSUME(t.RightBracket);
  });

  readonly axis: Rule = this.RULE('axis', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.DotDot);
          this.CONSUME(t.Identifier);
        },
      },
      { ALT: () => this.SUBRULE(this.expression) },
    ]);
  });

  // Statements.

  /** The layout stage sees to it that both braces are there. */
  readonly body: Rule = this.RULE('body', () => {
    this.CONSUME(t.LeftBrace);
    this.SUBRULE(this.statements);
    this.CONSUME(t.RightBrace);
  });

  readonly statements: Rule = this.RULE('statements', () => {
    this.takeLeftover('statements');
    this.MANY(() => this.SUBRULE(this.statement));
  });

  readonly statement: Rule = this.RULE('statement', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.assignStatement) },
      { ALT: () => this.SUBRULE(this.paramStatement) },
      { ALT: () => this.SUBRULE(this.inputStatement) },
      { ALT: () => this.SUBRULE(this.outputStatement) },
      { ALT: () => this.SUBRULE(this.constStatement) },
      { ALT: () => this.SUBRULE(this.requireStatement) },
      { ALT: () => this.SUBRULE(this.dimsStatement) },
      { ALT: () => this.SUBRULE(this.ifStatement) },
      { ALT: () => this.SUBRULE(this.forStatement) },
      { ALT: () => this.SUBRULE(this.returnStatement) },
      { ALT: () => this.CONSUME(t.Skipped) },
    ]);
    this.takeLeftover('statements');
  });

  readonly assignStatement: Rule = this.RULE('assignStatement', () => {
    this.CONSUME(t.Target, { LABEL: 'targets' });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.CONSUME(t.Identifier, { LABEL: 'targets' });
    });
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  readonly paramStatement: Rule = this.RULE('paramStatement', () => {
    this.CONSUME(t.ParamKeyword);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
    this.OPTION(() => {
      this.CONSUME(t.Equal);
      this.SUBRULE(this.expression);
    });
  });

  readonly inputStatement: Rule = this.RULE('inputStatement', () => {
    this.CONSUME(t.InputKeyword);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.CONSUME(t.Question));
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
  });

  readonly outputStatement: Rule = this.RULE('outputStatement', () => {
    this.CONSUME(t.OutputKeyword);
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.tensorType);
    });
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  readonly constStatement: Rule = this.RULE('constStatement', () => {
    this.CONSUME(t.ConstKeyword);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  });

  readonly requireStatement: Rule = this.RULE('requireStatement', () => {
    this.CONSUME(t.RequireKeyword);
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.CONSUME(t.Text);
    });
  });

  readonly dimsStatement: Rule = this.RULE('dimsStatement', () => {
    this.CONSUME(t.DimsKeyword);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.dim) });
  });

  readonly dim: Rule = this.RULE('dim', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.LessEqual);
      this.SUBRULE(this.expression);
    });
  });

  readonly ifStatement: Rule = this.RULE('ifStatement', () => {
    this.SUBRULE(this.branch, { LABEL: 'branches' });
    this.MANY(() => this.SUBRULE(this.elseBranch, { LABEL: 'branches' }));
  });

  readonly branch: Rule = this.RULE('branch', () => {
    this.CONSUME(t.IfKeyword);
    this.SUBRULE(this.condition);
    this.SUBRULE(this.body);
  });

  /** `else if …` or `else …`; the layout stage lets nothing but the end follow the latter. */
  readonly elseBranch: Rule = this.RULE('elseBranch', () => {
    this.CONSUME(t.Else);
    this.takeLeftover('else');
    this.OR([{ ALT: () => this.SUBRULE(this.branch) }, { ALT: () => this.SUBRULE(this.body) }]);
  });

  readonly condition: Rule = this.RULE('condition', () => {
    this.SUBRULE(this.expression);
    this.takeLeftover('condition');
  });

  readonly forStatement: Rule = this.RULE('forStatement', () => {
    this.CONSUME(t.ForKeyword);
    this.SUBRULE(this.loopHeader);
    this.SUBRULE(this.body);
  });

  readonly loopHeader: Rule = this.RULE('loopHeader', () => {
    this.SUBRULE(this.iteration);
    this.takeLeftover('condition');
  });

  readonly returnStatement: Rule = this.RULE('returnStatement', () => {
    this.CONSUME(t.ReturnKeyword);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
  });

  // A value given on the command line.

  readonly value: Rule = this.RULE('value', () => {
    this.SUBRULE(this.expression);
    this.MANY({
      MAX_LOOKAHEAD: 1,
      GATE: () => !tokenMatcher(this.LA(2), EOF),
      DEF: () => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.expression);
      },
    });
    this.OPTION(() => this.CONSUME2(t.Comma));
    this.takeLeftover('value');
  });
}

/**
 * One parser for the process: building it analyses the grammar, which costs more than parsing a file. Each parse sets
 * its input and reads its failures before another can begin, so no state is observable between calls.
 */
const parser = new HeddleParser();

export type RuleName = 'file' | 'value';

/** Parses laid-out tokens from the given rule. Total: what could not be read is among the failures. */
export function parseTokens(rule: RuleName, tokens: IToken[]): { cst: CstNode; failures: readonly Failure[] } {
  parser.input = tokens;
  parser.leftovers = [];
  const cst = rule === 'file' ? parser.file() : parser.value();
  const failures = parser.errors.map((error) => ({
    rule: error.context.ruleStack.at(-1) ?? rule,
    second: error.context.ruleOccurrenceStack.at(-1) === 2,
    wanted: error.message,
    found: error.token,
  }));
  return { cst, failures: [...failures, ...parser.leftovers] };
}
