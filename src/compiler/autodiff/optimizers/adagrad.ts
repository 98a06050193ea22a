/** AdaGrad (Duchi et al. 2011), as `torch.optim.Adagrad`. */
import { numberSetting, penalized, type UpdateRule } from './rule.ts';

/** s = s + g²; p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps). */
export const adagrad: UpdateRule = (slot) => {
  const { apply, parameter, settings, lr } = slot;
  const fall = numberSetting(settings, 'lr_decay');
  const rate = slot.host('lr', fall === 0 ? lr : ['/', lr, ['+', 1, ['*', ['-', 'update', 1], fall]]]);
  const gradient = penalized(slot);
  const before = slot.state('sum', numberSetting(settings, 'initial_accumulator_value'));
  const sum = apply('add', before, apply('mul', gradient, gradient));
  const scaled = apply('div', gradient, apply('add', apply('sqrt', sum), numberSetting(settings, 'eps')));
  return { parameter: apply('sub', parameter, apply('mul', scaled, rate)), states: { sum } };
};
