/** Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980) and AdamW, as `torch.optim` and TensorFlow have them. */
import type { HostExpr } from '../../../program/training.ts';
import type { Value } from '../../ir/graph.ts';
import {
  betasOf,
  decayed,
  numberSetting,
  penalized,
  runningMean,
  type Slot,
  type Updated,
  type UpdateRule,
} from './rule.ts';

export const adam: UpdateRule = (slot) => descend(slot, slot.parameter, penalized(slot));

export const adamw: UpdateRule = (slot) => descend(slot, decayed(slot), slot.gradient);

/**
 * m = b₁ m + (1 - b₁) g, v = b₂ v + (1 - b₂) g²; then p - lr m̂ / (sqrt(v̂) + eps) with m̂ = m / c₁, v̂ = v / c₂ and
 * cᵢ = 1 - bᵢᵗ. As sqrt(v̂) is sqrt(v) / sqrt(c₂), that is p - a m / (sqrt(v) + e) with the host's numbers a = lr sqrt(c₂) / c₁
 * and e = eps sqrt(c₂); TensorFlow's e is eps (the formula before section 2.1 of the paper).
 */
function descend(slot: Slot, parameter: Value, gradient: Value): Updated {
  const { apply, settings, lr } = slot;
  const [first, second] = betasOf(settings);
  const eps = numberSetting(settings, 'eps');
  const root: HostExpr = ['sqrt', ['-', 1, ['**', second, 'update']]];
  const size = slot.host('step_size', ['/', ['*', lr, root], ['-', 1, ['**', first, 'update']]]);
  const epsilon = settings['form'] === 'tensorflow' ? eps : slot.host('epsilon', ['*', eps, root]);
  const mean = runningMean(slot, slot.state('exp_avg'), gradient, first);
  const square = runningMean(slot, slot.state('exp_avg_sq'), apply('mul', gradient, gradient), second);
  const step = apply('div', apply('mul', mean, size), apply('add', apply('sqrt', square), epsilon));
  return { parameter: apply('sub', parameter, step), states: { exp_avg: mean, exp_avg_sq: square } };
}
