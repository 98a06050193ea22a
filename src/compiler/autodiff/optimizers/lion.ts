/** Lion (Chen et al. 2023, https://arxiv.org/abs/2302.06675, algorithm 2). */
import { betasOf, decayed, runningMean, type UpdateRule } from './rule.ts';

/** p (1 - lr weight_decay) - lr sign(b₁ m + (1 - b₁) g); then m = b₂ m + (1 - b₂) g. */
export const lion: UpdateRule = (slot) => {
  const { apply, gradient, settings, lr } = slot;
  const [first, second] = betasOf(settings);
  const before = slot.state('exp_avg');
  const direction = apply('sign', runningMean(slot, before, gradient, first));
  return {
    parameter: apply('sub', decayed(slot), apply('mul', direction, slot.host('lr', lr))),
    states: { exp_avg: runningMean(slot, before, gradient, second) },
  };
};
