/** Literals of WGSL. */
import type { ScalarType } from '../../kernel/ir.ts';
import type { Ask } from './operators.ts';
import { integer, primary, single, type Text } from './text.ts';

export function literalText(ask: Ask, type: ScalarType, value: number): Text {
  switch (type) {
    case 'f32': {
      const rounded = Math.fround(value);
      if (Number.isFinite(rounded)) return single(rounded);
      const bits = Number.isNaN(rounded) ? '0x7fc00000u' : rounded > 0 ? '0x7f800000u' : '0xff800000u';
      return primary(`${ask('single_of_bits')}(${bits})`);
    }
    case 'i32':
      return integer(value | 0);
    case 'u32':
      return integer(value >>> 0, 'u32');
    case 'bool':
      return { ...primary(value === 0 ? 'false' : 'true'), constant: true };
  }
}
