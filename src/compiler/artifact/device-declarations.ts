/** The types of what an artifact that was compiled for webgpu offers to choose and to test its device. */
import type { Program } from '../../program/program.ts';
import { property, quoted } from './declaration-text.ts';

/** Options of a load. */
export function deviceOptions({ targets, dims }: Program): string[] {
  const names = Object.keys(targets).map(quoted).join(' | ');
  const device = [
    '/** The same as `target`, or what should be fastest here. */',
    `readonly device?: 'auto' | ${names};`,
  ];
  if (!targets.webgpu) return device;
  const sizes = dims.map(({ name }) => `readonly ${property(name)}?: number;`).join(' ');
  return [
    ...device,
    '/** For `auto`, the sizes that most runs will have; by default the limits of the dimensions, or 1. */',
    `readonly expect?: {${sizes === '' ? '' : ` ${sizes} `}};`,
    '/** Whether to compare what the device computes with what it should, and to go on with another where it is wrong. */',
    'readonly selfTest?: boolean;',
    ...(targets.wasm
      ? []
      : [
          '/** Told in one line what is wrong, in place of `console.warn`. */',
          'readonly onWarning?: (message: string) => void;',
        ]),
  ];
}

/** The types that its models or trainers have; empty where there is nothing to choose. */
export function choiceType({ targets }: Program): string[] {
  if (!targets.webgpu) return [];
  const names = Object.keys(targets).map(quoted).join(' | ');
  return [
    `/** What a load with \`device: 'auto'\` took, and why. */
export interface Choice {
  readonly device: ${names};
  readonly threads: number;
  readonly reason: string;
  /** The fastest by estimate first; then what cannot run here. */
  readonly considered: readonly {
    readonly device: ${names};
    readonly threads: number;
    /** That a run should take. */
    readonly seconds?: number;
    /** Why it cannot run here, or why it was given up. */
    readonly hindrance?: string;
  }[];
}`,
  ];
}

/** The member of a model or trainer. */
export function choiceMember({ targets }: Program): string {
  if (!targets.webgpu) return '';
  return "  /** Of a load with `device: 'auto'`. */\n  readonly choice?: Choice;\n";
}
