/** Stochastic gradient descent with momentum and Nesterov's look-ahead (Sutskever et al. 2013), as `torch.optim.SGD`. */
import type { HostExpr } from '../../../program/training.ts';
import { numberSetting, penalized, type UpdateRule } from './rule.ts';

/**
 * b = momentum b + (1 - dampening) g, and b = g in the first update, where b is 0 before and 0 ** (t - 1) is 1; then
 * p - lr b, or p - lr (g + momentum b) with Nesterov.
 */
export const sgd: UpdateRule = (slot) => {
  const { apply, parameter, settings, lr } = slot;
  const rate = slot.host('lr', lr);
  const gradient = penalized(slot);
  const momentum = numberSetting(settings, 'momentum');
  if (momentum === 0) return { parameter: apply('sub', parameter, apply('mul', gradient, rate)), states: {} };
  const before = apply('mul', slot.state('momentum_buffer'), momentum);
  const dampening = numberSetting(settings, 'dampening');
  const share: HostExpr = ['-', 1, ['*', dampening, ['-', 1, ['**', 0, ['-', 'update', 1]]]]];
  const own = dampening === 0 ? gradient : apply('mul', gradient, slot.host('share', share));
  const buffer = apply('add', before, own);
  const step = settings['nesterov'] ? apply('add', gradient, apply('mul', buffer, momentum)) : buffer;
  return { parameter: apply('sub', parameter, apply('mul', step, rate)), states: { momentum_buffer: buffer } };
};
