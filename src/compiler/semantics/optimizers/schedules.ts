/**
 * The schedules of the learning rate, each once. t is the number of the update from 0 on; closed forms as in PyTorch's
 * `torch.optim.lr_scheduler`. During the first `warmup` updates the rate is
 * `warmup_start + (peak - warmup_start) t / warmup`, with t + 1 in place of t where the warm-up is inclusive. The schedule
 * proper begins behind them: there t counts from the end of the warm-up and `steps` is what is left, unless
 * `warmup_prefix` is off. What is computed is in `src/program/schedules.ts`.
 */
import type { ArgumentRecord, CallableRecord } from './arguments.ts';
import type { Settings } from './optimizer.ts';

const peak: ArgumentRecord = {
  name: 'peak',
  type: { kind: 'float', range: { least: 0 } },
  doc: 'The learning rate that the schedule scales: the highest.',
};

const steps: ArgumentRecord = {
  name: 'steps',
  type: { kind: 'int', range: { least: 1 } },
  doc: 'The number of updates, warm-up included.',
};

const gamma = (usual?: number): ArgumentRecord => ({
  name: 'gamma',
  type: { kind: 'float', range: { above: 0 } },
  doc: 'The factor of each decay.',
  ...(usual !== undefined && { default: usual }),
});

const end: ArgumentRecord = {
  name: 'end',
  type: { kind: 'float', range: { least: 0 } },
  default: 0,
  doc: 'The last learning rate.',
};

const warmup: readonly ArgumentRecord[] = [
  {
    name: 'warmup',
    type: { kind: 'int', range: { least: 0 } },
    default: 0,
    doc: 'For how many updates the rate climbs linearly to the peak.',
  },
  {
    name: 'warmup_start',
    type: { kind: 'float', range: { least: 0 } },
    default: 0,
    doc: 'The learning rate from which the warm-up climbs.',
  },
  {
    name: 'warmup_inclusive',
    type: { kind: 'bool' },
    default: false,
    doc: 'Whether the first update has climbed one step already, and the last of the warm-up has the peak.',
  },
  {
    name: 'warmup_prefix',
    type: { kind: 'bool' },
    default: true,
    doc: 'Whether the schedule begins behind the warm-up; otherwise the warm-up stands in place of its beginning.',
  },
];

function warmupFits({ steps: all, warmup: first }: Settings): string | undefined {
  return typeof all === 'number' && typeof first === 'number' && first >= all
    ? `\`warmup\` takes ${first} of ${all} steps: nothing is left for the schedule`
    : undefined;
}

export const scheduleRecords: readonly CallableRecord[] = [
  { name: 'constant', doc: 'lr(t) = peak.', arguments: [peak, ...warmup] },
  {
    name: 'linear',
    doc: 'lr(t) = peak (start_factor + (end_factor - start_factor) min(t, steps) / steps): `LinearLR`.',
    arguments: [
      peak,
      steps,
      { name: 'start_factor', type: { kind: 'float', range: { least: 0 } }, default: 1, doc: 'The first factor.' },
      { name: 'end_factor', type: { kind: 'float', range: { least: 0 } }, default: 0, doc: 'The last factor.' },
      ...warmup,
    ],
    check: warmupFits,
  },
  {
    name: 'cosine',
    doc: 'lr(t) = end + (peak - end) (1 + cos(π t / steps)) / 2: `CosineAnnealingLR`.',
    arguments: [peak, steps, end, ...warmup],
    check: warmupFits,
  },
  {
    name: 'step',
    doc: 'lr(t) = peak gamma^floor(t / step_size): `StepLR`.',
    arguments: [
      peak,
      { name: 'step_size', type: { kind: 'int', range: { least: 1 } }, doc: 'Updates between decays.' },
      gamma(0.1),
      ...warmup,
    ],
  },
  {
    name: 'multistep',
    doc: 'lr(t) = peak gamma^(number of milestones <= t): `MultiStepLR`.',
    arguments: [
      peak,
      { name: 'milestones', type: { kind: 'list', of: 'int', range: { least: 0 } }, doc: 'The updates of the decays.' },
      gamma(0.1),
      ...warmup,
    ],
  },
  { name: 'exponential', doc: 'lr(t) = peak gamma^t: `ExponentialLR`.', arguments: [peak, gamma(), ...warmup] },
  {
    name: 'polynomial',
    doc: 'lr(t) = end + (peak - end) (1 - min(t, steps) / steps)^power: `PolynomialLR` where `end` is 0.',
    arguments: [
      peak,
      steps,
      { name: 'power', type: { kind: 'float', range: { above: 0 } }, default: 1, doc: 'The exponent.' },
      end,
      ...warmup,
    ],
    check: warmupFits,
  },
  {
    name: 'one_cycle',
    doc: 'Up from peak / div_factor to peak, then down to peak / div_factor / final_div_factor: `OneCycleLR`, two phases.',
    arguments: [
      peak,
      steps,
      {
        name: 'pct_start',
        type: { kind: 'float', range: { above: 0, below: 1 } },
        default: 0.3,
        doc: 'The part of the steps in which the rate climbs: the warm-up of this schedule.',
      },
      { name: 'anneal', type: { kind: 'word', words: ['cos', 'linear'] }, default: 'cos', doc: 'The curve.' },
      { name: 'div_factor', type: { kind: 'float', range: { above: 0 } }, default: 25, doc: 'Peak over first rate.' },
      {
        name: 'final_div_factor',
        type: { kind: 'float', range: { above: 0 } },
        default: 1e4,
        doc: 'First rate over last rate.',
      },
    ],
  },
];
