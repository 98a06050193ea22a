/**
 * The rules for expressions, and what all rules share. Operators come out flat, in the order written; the syntax
 * tree's builder knows their precedence.
 */
import { CstParser, tokenMatcher } from 'chevrotain';
import type { CstNode, IParserErrorMessageProvider, IToken, ParserMethod, TokenType } from 'chevrotain';
import * as t from './tokens.ts';

/** Hands on which token was expected by its type's name, and nothing else: the wording is another file's subject. */
const bareMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: () => '',
  buildEarlyExitMessage: () => '',
};

/** Signs whose absence is repaired as if they had been written. Names and values are never made up. */
const insertable: ReadonlySet<TokenType> = new Set([
  t.RightParen,
  t.RightBracket,
  t.Colon,
  t.Equal,
  t.Comma,
  t.Arrow,
  t.FatArrow,
  t.Then,
  t.In,
  t.FromKeyword,
  t.AlongKeyword,
]);

/** One place where the text does not follow the grammar. */
export interface Failure {
  /** The rule that was being read, and whether it is its second occurrence in the rule around it. */
  readonly rule: string;
  readonly second: boolean;
  /** The name of the token type wanted, or `''` where several are possible. */
  readonly wanted: string;
  readonly found: IToken;
}

export type Rule = ParserMethod<[], CstNode>;

/** Not complete by itself: whoever extends it ends its constructor with `performSelfAnalysis`. */
export class ExpressionGrammar extends CstParser {
  /** Failures that did not disturb the parser, of the current parse. */
  leftovers: Failure[] = [];

  constructor() {
    super(t.tokenTypes, {
      recoveryEnabled: true,
      maxLookahead: 2,
      nodeLocationTracking: 'onlyOffset',
      errorMessageProvider: bareMessages,
    });
  }

  /** Never: the token taken away might begin a statement. */
  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false;
  }

  protected override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    return insertable.has(type);
  }

  /** `item, item,` with an optional comma at the end; the brackets around it belong to the calling rule. */
  protected commaSeparated(item: Rule): void {
    this.OPTION8(() => {
      this.SUBRULE8(item);
      this.MANY8({
        MAX_LOOKAHEAD: 1,
        GATE: () => !closes(this.LA(2)),
        DEF: () => {
          this.CONSUME8(t.Comma);
          this.SUBRULE9(item);
        },
      });
      this.OPTION9(() => this.CONSUME9(t.Comma));
    });
  }

  /**
   * What is left over where a rule should have ended, up to the next token that begins something. Part of the grammar,
   * and not left to chevrotain's own recovery inside repetitions, because that one recurses.
   */
  private readonly leftover = this.RULE('leftover', (rule = '') => {
    const found = this.CONSUME(t.Loose);
    this.ACTION(() => this.leftovers.push({ rule, second: false, wanted: '', found }));
    this.MANY(() => this.CONSUME2(t.Loose));
  });

  /** The same within a list: the next comma or closing bracket ends it too. */
  private readonly leftoverInList = this.RULE('leftoverInList', (rule = '', wanted = '') => {
    const found = this.CONSUME(t.Loose);
    this.ACTION(() => this.leftovers.push({ rule, second: false, wanted, found }));
    this.MANY({ GATE: () => !endsItem(this.LA(1)), DEF: () => this.CONSUME2(t.Loose) });
  });

  /** The same within the braces of a `mixture`. */
  private readonly leftoverOfExperts = this.RULE('leftoverOfExperts', () => {
    const found = this.CONSUME(t.Loose);
    this.ACTION(() => this.leftovers.push({ rule: 'experts', second: false, wanted: '', found }));
    this.MANY({
      GATE: () => !tokenMatcher(this.LA(1), t.RightExpertBrace),
      DEF: () => this.CONSUME2(t.Loose),
    });
  });

  /** To be called where `rule` ends: takes what is left over, if anything is. */
  protected takeLeftover(rule: string): void {
    this.OPTION7(() => this.SUBRULE7(this.leftover, { ARGS: [rule] }));
  }

  /** To be called where an item of the list `rule` ends. */
  protected takeLeftoverInList(rule: string): void {
    this.OPTION7({
      GATE: () => !endsItem(this.LA(1)),
      DEF: () => this.SUBRULE7(this.leftoverInList, { ARGS: [rule, t.RightParen.name] }),
    });
  }

  /** To be called where the value of a `mixture` ends. */
  private takeLeftoverOfExperts(): void {
    this.OPTION7({
      GATE: () => !tokenMatcher(this.LA(1), t.RightExpertBrace),
      DEF: () => this.SUBRULE7(this.leftoverOfExperts),
    });
  }

  readonly expression: Rule = this.RULE('expression', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.conditional) }, { ALT: () => this.SUBRULE(this.pipe) }]);
  });

  readonly conditional: Rule = this.RULE('conditional', () => {
    this.SUBRULE(this.arms);
    this.CONSUME(t.Else);
    this.SUBRULE(this.expression, { LABEL: 'else' });
  });

  /** An `else if` chain is read flat, so that its length is not the parser's depth. */
  readonly arms: Rule = this.RULE('arms', () => {
    this.SUBRULE(this.arm);
    this.MANY({
      GATE: () => tokenMatcher(this.LA(2), t.If),
      DEF: () => {
        this.CONSUME(t.Else);
        this.SUBRULE2(this.arm);
      },
    });
  });

  readonly arm: Rule = this.RULE('arm', () => {
    this.CONSUME(t.If);
    this.SUBRULE(this.expression, { LABEL: 'condition' });
    this.CONSUME(t.Then);
    this.SUBRULE2(this.expression, { LABEL: 'then' });
  });

  readonly pipe: Rule = this.RULE('pipe', () => {
    this.SUBRULE(this.operation);
    this.MANY(() => this.SUBRULE(this.stage));
  });

  readonly stage: Rule = this.RULE('stage', () => {
    this.CONSUME(t.PipeArrow);
    this.SUBRULE(this.postfixed);
    this.OPTION(() => this.SUBRULE(this.path));
  });

  /** Operators and operands in the order written, all under one label. */
  readonly operation: Rule = this.RULE('operation', () => {
    this.MANY(() => this.CONSUME(t.PrefixOperator, { LABEL: 'parts' }));
    this.SUBRULE(this.postfixed, { LABEL: 'parts' });
    this.MANY2(() => {
      this.CONSUME(t.BinaryOperator, { LABEL: 'parts' });
      this.MANY3(() => this.CONSUME2(t.PrefixOperator, { LABEL: 'parts' }));
      this.SUBRULE2(this.postfixed, { LABEL: 'parts' });
    });
  });

  readonly postfixed: Rule = this.RULE('postfixed', () => {
    this.SUBRULE(this.atom);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.arguments, { LABEL: 'suffixes' }) },
        { ALT: () => this.SUBRULE(this.subscripts, { LABEL: 'suffixes' }) },
        { ALT: () => this.SUBRULE(this.member, { LABEL: 'suffixes' }) },
      ]);
    });
  });

  readonly atom: Rule = this.RULE('atom', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.Integer) },
      { ALT: () => this.CONSUME(t.Float) },
      { ALT: () => this.CONSUME(t.Text) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.CONSUME(t.Training) },
      { ALT: () => this.CONSUME(t.SkippedOperand) },
      { ALT: () => this.SUBRULE(this.group) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.mixture) },
    ]);
  });

  readonly mixture: Rule = this.RULE('mixture', () => {
    this.CONSUME(t.Mixture);
    this.SUBRULE(this.arguments);
    this.OPTION(() => this.SUBRULE(this.path));
    this.SUBRULE(this.experts);
  });

  /** `{ t => value }` */
  readonly experts: Rule = this.RULE('experts', () => {
    this.CONSUME(t.LeftExpertBrace);
    this.CONSUME(t.Identifier);
    this.CONSUME(t.FatArrow);
    this.SUBRULE(this.expression);
    this.takeLeftoverOfExperts();
    this.CONSUME(t.RightExpertBrace);
  });

  /** Grouping or a tuple. */
  readonly group: Rule = this.RULE('group', () => {
    this.CONSUME(t.LeftParen);
    this.commaSeparated(this.expression);
    this.CONSUME(t.RightParen);
  });

  readonly list: Rule = this.RULE('list', () => {
    this.CONSUME(t.LeftBracket);
    this.OR([{ ALT: () => this.SUBRULE(this.comprehension) }, { ALT: () => this.commaSeparated(this.expression) }]);
    this.CONSUME(t.RightBracket);
  });

  readonly comprehension: Rule = this.RULE('comprehension', () => {
    this.CONSUME(t.For);
    this.SUBRULE(this.iteration);
    this.CONSUME(t.FatArrow);
    this.SUBRULE(this.expression);
  });

  readonly member: Rule = this.RULE('member', () => {
    this.CONSUME(t.Dot);
    this.CONSUME(t.Segment);
  });

  readonly arguments: Rule = this.RULE('arguments', () => {
    this.CONSUME(t.LeftParen);
    this.commaSeparated(this.argument);
    this.CONSUME(t.RightParen);
  });

  /** `name = value` is Python's form: read, so that the builder can say how to write it. */
  readonly argument: Rule = this.RULE('argument', () => {
    this.OPTION(() => {
      this.CONSUME(t.Identifier);
      this.OR([{ ALT: () => this.CONSUME(t.Colon) }, { ALT: () => this.CONSUME(t.Equal) }]);
    });
    this.SUBRULE(this.expression);
  });

  readonly subscripts: Rule = this.RULE('subscripts', () => {
    this.CONSUME(t.LeftBracket);
    this.commaSeparated(this.subscript);
    this.CONSUME(t.RightBracket);
  });

  readonly subscript: Rule = this.RULE('subscript', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Ellipsis) },
      {
        ALT: () => {
          this.SUBRULE(this.expression, { LABEL: 'start' });
          this.OPTION(() => this.SUBRULE(this.sliceEnd));
        },
      },
      { ALT: () => this.SUBRULE2(this.sliceEnd) },
    ]);
  });

  /** `:stop:step`, both optional. */
  readonly sliceEnd: Rule = this.RULE('sliceEnd', () => {
    this.CONSUME(t.Colon);
    this.OPTION(() => this.SUBRULE(this.expression, { LABEL: 'stop' }));
    this.OPTION2(() => {
      this.CONSUME2(t.Colon);
      this.OPTION3(() => this.SUBRULE2(this.expression, { LABEL: 'step' }));
    });
  });

  /** `i in e as path`, of a loop or a comprehension. */
  readonly iteration: Rule = this.RULE('iteration', () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.In);
    this.SUBRULE(this.expression);
    this.OPTION(() => this.SUBRULE(this.path));
  });

  /** `as a.b`, `as net.0` */
  readonly path: Rule = this.RULE('path', () => {
    this.CONSUME(t.AsKeyword);
    this.AT_LEAST_ONE_SEP({ SEP: t.Dot, DEF: () => this.CONSUME(t.Segment) });
  });
}

function closes(token: IToken): boolean {
  return [t.RightParen, t.RightBracket, t.RightBrace, t.RightExpertBrace].some((type) => tokenMatcher(token, type));
}

function endsItem(token: IToken): boolean {
  return closes(token) || tokenMatcher(token, t.Comma);
}
