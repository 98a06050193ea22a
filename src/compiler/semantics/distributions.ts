/**
 * What an initialiser of the language means for a parameter of a shape, as `torch.nn.init` computes it: fans, gains and
 * limits become the numbers of a distribution.
 */
import type { Distribution } from '../../program/training.ts';
import { constantValue } from '../dims/dim.ts';
import type { TensorType } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { Setting, Settings } from './optimizers/optimizer.ts';

/** The distribution of an initialiser with all its arguments, or what is wrong with it for a parameter of that type. */
export function distributionOf(
  name: string,
  settings: Settings,
  type: TensorType,
): Distribution | { readonly fault: string } {
  const drawn = distribution(name, (argument) => settings[argument]!, type);
  if ('fault' in drawn || type.dtype === 'f32') return drawn;
  const isWhole = drawn.kind === 'constant' && isWholeOf(type, drawn.value);
  return isWhole ? drawn : { fault: `\`${name}\` draws numbers of f32, not of ${printType(type)}` };
}

function isWholeOf({ dtype }: TensorType, value: number): boolean {
  if (dtype === 'bool') return value === 0 || value === 1;
  return dtype === 'u32' ? value === value >>> 0 : value === (value | 0);
}

function distribution(
  name: string,
  setting: (argument: string) => Setting,
  type: TensorType,
): Distribution | { readonly fault: string } {
  const number = (argument: string): number => setting(argument) as number;
  switch (name) {
    case 'zeros':
      return { kind: 'constant', value: 0 };
    case 'ones':
      return { kind: 'constant', value: 1 };
    case 'constant':
      return { kind: 'constant', value: number('value') };
    case 'normal':
      return { kind: 'normal', mean: number('mean'), std: number('std') };
    case 'trunc_normal': {
      const [low, high] = [number('a'), number('b')];
      if (low > high) return { fault: emptyRange(name, low, high) };
      return { kind: 'truncated_normal', mean: number('mean'), std: number('std'), low, high };
    }
    case 'uniform': {
      const [low, high] = [number('a'), number('b')];
      return low > high ? { fault: emptyRange(name, low, high) } : { kind: 'uniform', low, high };
    }
    case 'xavier_uniform':
    case 'xavier_normal': {
      const fans = fansOf(name, type);
      if ('fault' in fans) return fans;
      return spread(name.endsWith('uniform'), number('gain') * Math.sqrt(2 / (fans.in + fans.out)));
    }
    case 'kaiming_uniform':
    case 'kaiming_normal': {
      const fans = fansOf(name, type);
      if ('fault' in fans) return fans;
      const fan = setting('mode') === 'fan_in' ? fans.in : fans.out;
      return spread(name.endsWith('uniform'), gainOf(setting('nonlinearity'), number('a')) / Math.sqrt(fan));
    }
    default:
      throw new Error(`internal: no initialiser ${name}`);
  }
}

function emptyRange(name: string, low: number, high: number): string {
  return `\`${name}\` draws from ${low} to ${high}, where there is nothing`;
}

/** Around 0 with a standard deviation; a tensor without elements has none. */
function spread(isUniform: boolean, std: number): Distribution {
  if (!Number.isFinite(std)) return { kind: 'constant', value: 0 };
  if (!isUniform) return { kind: 'normal', mean: 0, std };
  const bound = Math.sqrt(3) * std;
  return { kind: 'uniform', low: -bound, high: bound };
}

type Fans = { readonly in: number; readonly out: number } | { readonly fault: string };

/** How many elements each result is summed of, and how many results each element goes into, of weights [out, in, …]. */
function fansOf(name: string, type: TensorType): Fans {
  const [out, inner, ...places] = type.shape.map((size) => constantValue(size)!);
  if (out === undefined || inner === undefined)
    return { fault: `\`${name}\` needs a parameter of at least two axes to count fans; this is ${printType(type)}` };
  const taps = places.reduce((count, size) => count * size, 1);
  return { in: inner * taps, out: out * taps };
}

/** `torch.nn.init.calculate_gain` */
function gainOf(nonlinearity: Setting, slope: number): number {
  switch (nonlinearity) {
    case 'relu':
      return Math.SQRT2;
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + slope ** 2));
    case 'tanh':
      return 5 / 3;
    default:
      return 1;
  }
}
