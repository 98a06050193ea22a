/** Tells of a training while it goes on: a line in place on a terminal, otherwise a line now and then. */
import type { Io } from '../io.ts';
import { formatNumber } from '../table.ts';
import { isEvaluation, type LogLine, type Metrics, type StepLine } from './log.ts';
import type { Watch } from './loop.ts';

/** Milliseconds between two lines: on a terminal, and elsewhere. */
const [IN_PLACE, APART] = [100, 10_000];

export interface Printer extends Watch {
  /** Ends the line in place. */
  close(): void;
}

/** Speed and time left are those of the last half of what was done since the start. */
export function watchOn({ stderr }: Pick<Io, 'stderr'>, steps: number, now: () => number): Printer {
  const isLive = stderr.isTTY;
  const pace = new Pace(now);
  let shown = -Infinity;
  let isOpen = false;
  const clear = (): void => {
    if (isOpen) stderr.write('\r\u001b[K');
    isOpen = false;
  };
  const told = new Set<string>();
  const warn = (what: string, value: number, step: number): void => {
    if (!Number.isNaN(value) || told.has(what)) return;
    told.add(what);
    clear();
    stderr.write(`warning: step ${step}: ${what} is NaN; this is told once\n`);
  };
  return {
    step(line, examples) {
      pace.add(examples);
      for (const [name, value] of Object.entries(line.metrics)) warn(`the metric ${name}`, value, line.step);
      if (now() - shown < (isLive ? IN_PLACE : APART) && line.step < steps) return;
      shown = now();
      const text = [...progress(line, steps), ...pace.tell(steps - line.step)].join(' · ');
      if (!isLive) stderr.write(`${text}\n`);
      else stderr.write(`\r${text.slice(0, (stderr.columns ?? 80) - 1)}\u001b[K`);
      isOpen = isLive;
    },
    evaluated(line, isBest) {
      clear();
      if (isEvaluation(line)) {
        const { loss, metrics } = line.evaluation;
        warn('the validation loss', loss, line.step);
        for (const [name, value] of Object.entries(metrics)) warn(`the validation metric ${name}`, value, line.step);
      }
      stderr.write(`${describeEvaluation(line)}${isBest ? ', the best so far' : ''}\n`);
    },
    saved: () => undefined,
    close: clear,
  };
}

/** How fast it goes. Only the last steps count, since the first ones are slow. */
class Pace {
  readonly #now: () => number;
  readonly #start: number;
  #marks: { readonly time: number; readonly steps: number; readonly examples: number }[];
  #steps = 0;
  #examples = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
    this.#marks = [{ time: this.#start, steps: 0, examples: 0 }];
  }

  add(examples: number): void {
    this.#steps++;
    this.#examples += examples;
    const last = this.#marks.at(-1)!;
    // A mark for each tenth of the time so far, so that there are never many.
    if (this.#now() - last.time < (last.time - this.#start) / 10) return;
    this.#marks.push({ time: this.#now(), steps: this.#steps, examples: this.#examples });
    if (this.#marks.length > 10) this.#marks.shift();
  }

  tell(left: number): string[] {
    const first = this.#marks[0]!;
    const time = (this.#now() - first.time) / 1000;
    const steps = this.#steps - first.steps;
    if (steps === 0 || time === 0) return [];
    const speed = (this.#examples - first.examples) / time;
    return [`${formatSpeed(speed)} examples/s`, ...(left > 0 ? [`${formatTime((left * time) / steps)} left`] : [])];
  }
}

function progress({ step, loss, metrics, lr, multiplyAdds }: StepLine, steps: number): string[] {
  const part = multiplyAdds && Math.round((100 * multiplyAdds.executed) / multiplyAdds.dense);
  return [
    `step ${step}/${steps}`,
    `loss ${short(loss)}`,
    ...describeMetrics(metrics),
    `lr ${describeRates(lr)}`,
    ...(part === undefined ? [] : [`experts ${part} % of dense`]),
  ];
}

/** `step 200: validation loss 0.31, accuracy 0.91` */
export function describeEvaluation(line: LogLine): string {
  if (!isEvaluation(line)) return '';
  const { loss, metrics, examples } = line.evaluation;
  return [
    `step ${line.step}: validation loss ${short(loss)}`,
    ...describeMetrics(metrics),
    `${examples} examples`,
  ].join(', ');
}

export function describeMetrics(metrics: Metrics): string[] {
  return Object.entries(metrics).map(([name, value]) => `${name} ${short(value)}`);
}

function describeRates(rates: readonly number[]): string {
  return [...new Set(rates)].map((rate) => formatNumber(Number(rate.toPrecision(3)))).join(', ') || '–';
}

export function short(value: number): string {
  return Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : String(value);
}

function formatSpeed(speed: number): string {
  return speed >= 100 ? Math.round(speed).toLocaleString('en-US') : speed.toPrecision(3);
}

/** `1:05:09`, `0:42` */
export function formatTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
