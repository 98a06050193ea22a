/** RMSprop (Tieleman and Hinton 2012), as `torch.optim.RMSprop`. */
import type { Value } from '../../ir/graph.ts';
import { numberSetting, penalized, runningMean, type UpdateRule } from './rule.ts';

/**
 * v = alpha v + (1 - alpha) g², d = sqrt(v) + eps, or sqrt(v - a²) + eps with the running mean a of g; p - lr g / d, or with
 * momentum b = momentum b + g / d, p - lr b. Rounding may bring v - a² below 0, which counts as 0.
 */
export const rmsprop: UpdateRule = (slot) => {
  const { apply, parameter, settings } = slot;
  const rate = slot.host('lr', slot.lr);
  const gradient = penalized(slot);
  const alpha = numberSetting(settings, 'alpha');
  const states: { [name: string]: Value } = {};
  states['square_avg'] = runningMean(slot, slot.state('square_avg'), apply('mul', gradient, gradient), alpha);
  let variance = states['square_avg'];
  if (settings['centered']) {
    const mean = runningMean(slot, slot.state('grad_avg'), gradient, alpha);
    states['grad_avg'] = mean;
    variance = apply('maximum', apply('sub', variance, apply('mul', mean, mean)), 0);
  }
  const scaled = apply('div', gradient, apply('add', apply('sqrt', variance), numberSetting(settings, 'eps')));
  const momentum = numberSetting(settings, 'momentum');
  if (momentum === 0) return { parameter: apply('sub', parameter, apply('mul', scaled, rate)), states };
  const buffer = apply('add', apply('mul', slot.state('momentum_buffer'), momentum), scaled);
  return {
    parameter: apply('sub', parameter, apply('mul', buffer, rate)),
    states: { ...states, momentum_buffer: buffer },
  };
};
