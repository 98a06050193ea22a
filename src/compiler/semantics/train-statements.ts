/** The statements of a `train` entry: `loss`, `metric`, `optimizer`. */
import type { Span } from '../base/source.ts';
import type { Value } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { Expr, LossStatement, MetricStatement, OptimizerStatement } from '../syntax/ast.ts';
import type { TrainProgram } from './elaborated.ts';
import { isFreeResult } from './entry-statements.ts';
import { evaluateExpression } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { evaluateOptimizer, settleOptimizer } from './optimizer-statement.ts';
import { describeKind } from './values.ts';

export function noteLoss(frame: Frame, { value: expr, span }: LossStatement): void {
  if (!allowInTrain(frame, 'loss', span)) return;
  const { losses } = frame.elaboration.train;
  const value = evaluateScalar(frame, expr, 'a loss', 'f32');
  const [first] = losses;
  if (first) {
    report(frame, 'HED2521', span, 'a train entry has one loss', {
      secondary: first.span === span ? [] : [{ span: first.span, text: 'first declared here' }],
      hint: 'several are weighed by plain arithmetic: `loss 1.0 * main + 0.2 * aux`',
    });
    return;
  }
  losses.push({ value, span });
}

export function noteMetric(frame: Frame, { name, value: expr, span }: MetricStatement): void {
  if (!allowInTrain(frame, 'metric', span)) return;
  const value = evaluateScalar(frame, expr, `the metric \`${name.text}\``);
  if (isFreeResult(frame, name) && value) frame.elaboration.train.metrics.push({ name: name.text, value });
}

/** A tensor without axes; undefined after a report. */
function evaluateScalar(frame: Frame, expr: Expr, what: string, dtype?: 'f32'): Value | undefined {
  const value = evaluateExpression(frame, expr);
  if (value.kind === 'error') return undefined;
  if (value.kind === 'tensor') {
    const { type } = value.value;
    if (type.shape.length === 0 && (dtype === undefined || type.dtype === dtype)) return value.value;
  }
  const found = value.kind === 'tensor' ? printType(value.value.type) : describeKind(value);
  const reduces = value.kind === 'tensor' && value.value.type.shape.length > 0;
  report(frame, 'HED2520', expr.span, `${what} is a scalar${dtype ? `, ${dtype}[]` : ''}, found ${found}`, {
    hint: reduces ? '`mean(…)` or `sum(…)` makes one number of a tensor' : undefined,
  });
  return undefined;
}

export function noteOptimizer(frame: Frame, statement: OptimizerStatement): void {
  if (!allowInTrain(frame, 'optimizer', statement.span)) return;
  const { optimizers } = frame.elaboration.train;
  const [first] = optimizers;
  const choice = evaluateOptimizer(frame, statement);
  if (first) {
    report(frame, 'HED2529', statement.name.span, 'a train entry has one optimizer', {
      secondary: first.span === statement.span ? [] : [{ span: first.span, text: 'first declared here' }],
      hint: 'groups give some parameters settings of their own',
    });
    return;
  }
  optimizers.push({ choice, span: statement.span });
}

function allowInTrain(frame: Frame, what: string, span: Span): boolean {
  if (frame.role === 'train') return true;
  report(frame, 'HED2519', span, `\`${what}\` stands only in a train entry`, {
    hint: what === 'loss' ? 'a block hands values up to the loss with `aux name = …`' : undefined,
  });
  return false;
}

/** What the entry trains; undefined where that is not known because of a mistake. */
export function settleTrain(
  frame: Frame,
  name: { readonly text: string; readonly span: Span },
): TrainProgram | undefined {
  const { losses, metrics, optimizers } = frame.elaboration.train;
  const [loss] = losses;
  if (!loss && !frame.elaboration.sink.hasErrors && !frame.module.broken) {
    report(frame, 'HED2522', name.span, `train entry \`${name.text}\` has no loss`, { hint: '`loss …`' });
  }
  reportTakenPaths(frame);
  const choice = optimizers[0]?.choice;
  // After a mistake, parameters may be missing that patterns were written for.
  const optimizer = choice && !frame.elaboration.sink.hasErrors ? settleOptimizer(frame, choice) : undefined;
  return loss?.value && { loss: loss.value, metrics, ...(optimizer && { optimizer }) };
}

/** States of the optimizer are kept beside the parameters, under a prefix of their own. */
function reportTakenPaths(frame: Frame): void {
  for (const [path, span] of frame.elaboration.sites) {
    if (!path.startsWith('optimizer.')) continue;
    report(frame, 'HED2313', span, `the path \`${path}\` is already taken: those of the optimizer's states begin so`, {
      hint: 'give the instance another name',
    });
    return;
  }
}
