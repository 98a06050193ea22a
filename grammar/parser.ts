/**
 * The grammar, as chevrotain rules: files and declarations, on top of statements and expressions. It reads the laid-out
 * token stream (see `tokens.ts`), so one token of lookahead decides almost everywhere. The parser only recovers from
 * mistakes; the sentences a user reads are made in `src/compiler/syntax/syntax-errors.ts`.
 */
import { EOF, tokenMatcher } from 'chevrotain';
import type { CstNode, ISerializedGast, IToken } from 'chevrotain';
import type { Failure, Rule } from './expressions.ts';
import { StatementGrammar } from './statements.ts';
import * as t from './tokens.ts';

class HeddleParser extends StatementGrammar {
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
        { ALT: () => this.SUBRULE(this.trainDeclaration, { LABEL: 'items' }) },
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

  readonly trainDeclaration: Rule = this.RULE('trainDeclaration', () => {
    this.CONSUME(t.TrainKeyword);
    this.SUBRULE(this.trainHeader);
    this.SUBRULE(this.body);
  });

  // An entry without hyperparameters may leave out the list.

  readonly modelHeader: Rule = this.RULE('modelHeader', () => {
    this.CONSUME(t.Identifier);
    this.OPTION({ DEF: () => this.SUBRULE(this.parameters), MAX_LOOKAHEAD: 1 });
    this.takeLeftover('header');
  });

  readonly trainHeader: Rule = this.RULE('trainHeader', () => {
    this.CONSUME(t.Identifier);
    this.OPTION({ DEF: () => this.SUBRULE(this.parameters), MAX_LOOKAHEAD: 1 });
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

/** The rules as data, for the grammar that people read. */
export function grammarRules(): ISerializedGast[] {
  return parser.getSerializedGastProductions();
}

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
