/** Types as documents. */
import type { Axis, TensorTypeExpr, ValueType } from '../ast.ts';
import { indent, line, space } from './doc.ts';
import type { Doc } from './doc.ts';
import { expression } from './expressions.ts';
import { bracketList } from './lists.ts';
import type { Item } from './lists.ts';
import type { Writer } from './writer.ts';

export function tensorType(w: Writer, type: TensorTypeExpr): Doc {
  const axes = type.axes.map((axis) => ({ span: axis.span, doc: (): Doc => axisDoc(w, axis) }));
  return [w.take(type.dtype.text), bracketList(w, '[', axes, ']')];
}

function axisDoc(w: Writer, axis: Axis): Doc {
  return axis.kind === 'rest' ? [w.take('..'), w.take()] : expression(w, axis.value);
}

export function valueType(w: Writer, type: ValueType): Doc {
  switch (type.kind) {
    case 'primitive':
      return w.take(type.name);
    case 'literals':
      return w.group(() => {
        const [first, ...others] = type.values.map((_, i) =>
          i === 0 ? w.take() : [line, w.take('|'), space, w.take()],
        );
        return [first ?? [], indent(others)];
      });
    case 'tuple':
      return bracketList(w, '(', elements(w, type.elements), ')');
    case 'list':
      return w.group(() =>
        w.bracketed(
          w.punctuation('['),
          () => valueType(w, type.element),
          () => w.take(']'),
        ),
      );
    case 'optional':
      return [valueType(w, type.inner), w.take('?')];
    default:
      return type satisfies never;
  }
}

function elements(w: Writer, types: readonly ValueType[]): Item[] {
  return types.map((type) => ({ span: type.span, doc: () => valueType(w, type) }));
}
