/** `tri`: the mask of a triangle. */
import { add, constant, isAtLeast, print, type Dim } from '../../dims/dim.ts';
import { sizeOf, toDim } from '../../ir/attributes.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { compare, position } from '../../kernel/build.ts';
import { fails, gives } from '../rules.ts';
import { n } from '../samples.ts';

type Tri = {
  readonly rows: Dim | number;
  readonly columns: Dim | number | null;
  readonly diagonal: Dim | number;
};

export const tri: Op = defineOp<Tri>({
  name: 'tri',
  doc:
    'bool[rows, columns] with true at and below a diagonal, that is where column <= row + diagonal: the mask of what a ' +
    'causal model sees, of `tril` (`where(tri(n), x, 0)`) and of `triu` (`where(tri(n, diagonal: -1), 0, x)`).',
  operands: [],
  attributes: [
    { name: 'rows', kind: 'dim', doc: 'The number of rows.' },
    { name: 'columns', kind: 'dim', default: null, doc: 'The number of columns, none for as many as rows.' },
    { name: 'diagonal', kind: 'dim', default: 0, doc: 'Which diagonal: 0 the main one, above it positive.' },
  ],
  infer(_, { rows, columns }) {
    const shape = [toDim(rows), toDim(columns ?? rows)];
    const negative = shape.find((size) => isAtLeast(constant(-1), size));
    if (negative) return fails(`\`tri\` with the negative size ${print(negative)}`, { attribute: 'rows' });
    return gives({ dtype: 'bool', shape });
  },
  evaluate(_, { diagonal }, [output], symbols) {
    const [rows, columns] = output!.shape as [number, number];
    const offset = sizeOf(diagonal, symbols);
    return [
      Float64Array.from({ length: rows * columns }, (_, at) =>
        Number((at % columns) - Math.floor(at / columns) <= offset),
      ),
    ];
  },
  body: {
    kind: 'movement',
    element: (_, [row, column], { diagonal }) => compare('le', position(column!), position(add(row!, toDim(diagonal)))),
  },
  tolerance: { absolute: 0, relative: 1e-9 },
  samples: [
    { inputs: [], attributes: { rows: n, columns: null, diagonal: 0 } },
    { inputs: [], attributes: { rows: 3, columns: n, diagonal: -1 } },
    { inputs: [], attributes: { rows: n, columns: 5, diagonal: 2 } },
    { inputs: [], attributes: { rows: n, columns: n, diagonal: n } },
  ],
});
