/** The rules for types and statements, on top of those for expressions. */
import { ExpressionGrammar } from './expressions.ts';
import type { Rule } from './expressions.ts';
import * as t from './tokens.ts';

/** Not complete by itself, as the grammar it stands on. */
export class StatementGrammar extends ExpressionGrammar {
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
      { ALT: () => this.SUBRULE(this.stateStatement) },
      { ALT: () => this.SUBRULE(this.nextStatement) },
      { ALT: () => this.SUBRULE(this.auxStatement) },
      { ALT: () => this.SUBRULE(this.lossStatement) },
      { ALT: () => this.SUBRULE(this.metricStatement) },
      { ALT: () => this.SUBRULE(this.optimizerStatement) },
      { ALT: () => this.SUBRULE(this.generateStatement) },
      { ALT: () => this.CONSUME(t.Skipped) },
    ]);
    this.takeLeftover('statements');
  });

  /** `name = value`, in a statement's rule. */
  private definition(): void {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Equal);
    this.SUBRULE(this.expression);
  }

  /** `name: type`, or `name: type = value`, in a statement's rule. */
  private declaration(): void {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
    this.OPTION(() => {
      this.CONSUME(t.Equal);
      this.SUBRULE(this.expression);
    });
  }

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
    this.declaration();
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
    this.definition();
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

  readonly stateStatement: Rule = this.RULE('stateStatement', () => {
    this.CONSUME(t.StateKeyword);
    this.declaration();
  });

  readonly nextStatement: Rule = this.RULE('nextStatement', () => {
    this.CONSUME(t.NextKeyword);
    this.definition();
  });

  readonly auxStatement: Rule = this.RULE('auxStatement', () => {
    this.CONSUME(t.AuxKeyword);
    this.definition();
  });

  readonly lossStatement: Rule = this.RULE('lossStatement', () => {
    this.CONSUME(t.LossKeyword);
    this.SUBRULE(this.expression);
  });

  readonly metricStatement: Rule = this.RULE('metricStatement', () => {
    this.CONSUME(t.MetricKeyword);
    this.definition();
  });

  readonly optimizerStatement: Rule = this.RULE('optimizerStatement', () => {
    this.CONSUME(t.OptimizerKeyword);
    this.SUBRULE(this.optimizerHeader);
    this.OPTION(() => this.SUBRULE(this.groups));
  });

  readonly optimizerHeader: Rule = this.RULE('optimizerHeader', () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.arguments));
    this.takeLeftover('optimizer');
  });

  readonly groups: Rule = this.RULE('groups', () => {
    this.CONSUME(t.LeftBrace);
    this.SUBRULE(this.groupList);
    this.CONSUME(t.RightBrace);
  });

  // In a rule of its own, as the statements of a body are.
  readonly groupList: Rule = this.RULE('groupList', () => {
    this.takeLeftover('groups');
    this.MANY(() => this.SUBRULE(this.groupSlot));
  });

  readonly groupSlot: Rule = this.RULE('groupSlot', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.parameterGroup) }, { ALT: () => this.CONSUME(t.Skipped) }]);
    this.takeLeftover('groups');
  });

  /** `group "**.bias" (weight_decay: 0)` */
  readonly parameterGroup: Rule = this.RULE('parameterGroup', () => {
    this.CONSUME(t.GroupKeyword);
    this.SUBRULE(this.patterns);
    this.SUBRULE(this.arguments);
  });

  readonly patterns: Rule = this.RULE('patterns', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Text) });
  });

  readonly generateStatement: Rule = this.RULE('generateStatement', () => {
    this.CONSUME(t.GenerateKeyword);
    this.CONSUME(t.Identifier, { LABEL: 'input' });
    this.CONSUME(t.AlongKeyword);
    this.CONSUME2(t.Identifier, { LABEL: 'along' });
    this.CONSUME(t.FromKeyword);
    this.CONSUME3(t.Identifier, { LABEL: 'from' });
  });
}
