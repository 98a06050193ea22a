/**
 * What would make operands fit: found by trying, so that a proposal is never wrong about shapes. Whether it is what the
 * author meant only the author knows.
 */
import {
  constant,
  constantValue,
  DimensionOverflow,
  equal,
  minimum,
  ONE,
  subtract,
  symbol,
  type Dim,
} from '../dims/dim.ts';
import { elementCount, sameShape, type Shape } from '../dims/shape.ts';
import type { Attributes, DType, Node, TensorType, Value } from '../ir/graph.ts';
import type { Op } from '../ir/op.ts';
import { broadcastShapes, isOne } from '../ir/types.ts';
import type { Elaboration } from './frame.ts';
import { sizeText } from './origins.ts';

/** Operands that do not fit, with their texts. */
export interface Misfit {
  readonly op: Op;
  readonly values: readonly Value[];
  readonly attributes: Attributes;
  readonly texts: readonly string[];
}

/** An operand's text as an argument, where it needs no parentheses. */
function alone(text: string): string {
  return text.startsWith('(') ? text.slice(1, -1) : text;
}

/** A hint, or undefined where no single mechanical change helps. */
export function repairOf(elaboration: Elaboration, misfit: Misfit): string | undefined {
  const { op, values } = misfit;
  if (op.body.kind === 'pointwise')
    return grownAxis(elaboration, misfit) ?? missingAxis(elaboration, misfit) ?? missingLimit(elaboration, misfit);
  const other = otherAxis(elaboration, misfit);
  if (other !== undefined) return other;
  const multiplies = values.length === 2 && op.body.kind !== 'movement';
  return multiplies ? transposition(elaboration, misfit) : undefined;
}

const CONVERSIONS: readonly DType[] = ['f32', 'i32', 'bool'];

/** An operand that would fit if it were of another dtype; a conversion to f32 comes first, as it loses least. */
export function conversionOf(
  elaboration: Elaboration,
  misfit: Misfit,
  types: readonly TensorType[],
): string | undefined {
  for (const dtype of CONVERSIONS) {
    const at = types.findIndex(
      (type, place) => type.dtype !== dtype && fits(elaboration, misfit, types.with(place, { ...type, dtype })),
    );
    if (at !== -1) return `convert it: \`cast(${alone(misfit.texts[at]!)}, ${dtype})\``;
  }
  return undefined;
}

/** Whether the op takes operands of these types. */
function fits({ bounds }: Elaboration, { op, attributes }: Misfit, types: readonly TensorType[]): boolean {
  try {
    const inferred = op.infer(types, attributes, { bounds });
    if ('error' in inferred) return false;
    inferred.types.forEach((type) => elementCount(type.shape));
    return true;
  } catch (error) {
    if (error instanceof RangeError || !(error instanceof DimensionOverflow)) throw error;
    return false;
  }
}

/** Two operands of different dtypes in the wrong order: `embedding(weight, ids)`. */
export function exchangeOf(elaboration: Elaboration, misfit: Misfit, types: readonly TensorType[]): string | undefined {
  const [first, second] = types;
  if (types.length !== 2 || first!.dtype === second!.dtype || !fits(elaboration, misfit, [second!, first!]))
    return undefined;
  return `the operands fit the other way round: \`${misfit.op.name}(${alone(misfit.texts[1]!)}, ${alone(misfit.texts[0]!)})\``;
}

/** The only axis along which the operands fit: that of a `concat`. */
function otherAxis(elaboration: Elaboration, misfit: Misfit): string | undefined {
  const { axis } = misfit.attributes;
  if (typeof axis !== 'number' || misfit.values.length < 2) return undefined;
  const types = misfit.values.map((value) => value.type);
  const axes = [...types[0]!.shape.keys()].filter((other) =>
    fits(elaboration, { ...misfit, attributes: { ...misfit.attributes, axis: other } }, types),
  );
  return axes.length === 1 ? `they fit along \`axis: ${axes[0]}\`` : undefined;
}

/** A dimension that something stored for at most so many is used with: `weight[:n]`. */
function missingLimit({ dims, bounds }: Elaboration, { values }: Misfit): string | undefined {
  const [left, right] = values.map((value) => value.type.shape);
  if (!left || !right || values.length !== 2) return undefined;
  for (const [a, b] of [
    [left, right],
    [right, left],
  ] as const) {
    for (let back = 1; back <= Math.min(a.length, b.length); back++) {
      const dim = dims.find(({ name }) => a.at(-back)!.key === symbol(name).key);
      const limit = dim && upperLimit(b.at(-back)!);
      if (limit !== undefined && equal(minimum(constant(limit), symbol(dim!.name), bounds), b.at(-back)!))
        return `limit the dimension: \`dims ${dim!.name} <= ${limit}\``;
    }
  }
  return undefined;
}

/** n of `min(n, …)`. */
function upperLimit({ terms }: Dim): number | undefined {
  const [atom] = terms.length === 1 ? terms[0]!.factors : [];
  if (atom?.kind !== 'min') return undefined;
  return constantValue(atom.left) ?? constantValue(atom.right);
}

/** Two matrices that fit when one of them is transposed. */
function transposition(elaboration: Elaboration, misfit: Misfit): string | undefined {
  const { values, texts } = misfit;
  const types = values.map((value) => value.type);
  const fitting = [...types.keys()].toReversed().flatMap((at) => {
    const { shape } = types[at]!;
    if (shape.length < 2) return [];
    const swapped = { ...types[at]!, shape: [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] };
    return fits(elaboration, misfit, types.with(at, swapped)) ? [{ at, rank: shape.length }] : [];
  });
  const [fit] = fitting;
  if (!fit) return undefined;
  const order = Array.from({ length: fit.rank }, (_, axis) => axis);
  const permutation = [...order.slice(0, -2), fit.rank - 1, fit.rank - 2];
  return `the shapes fit with \`transpose(${alone(texts[fit.at]!)}, [${permutation.join(', ')}])\``;
}

/** An operand that would broadcast with one more axis, or with more at its end. */
function missingAxis({ builder }: Elaboration, { values, texts }: Misfit): string | undefined {
  const shapes = values.map((value) => value.type.shape);
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const fits = shapes.flatMap((shape, at) => {
    // In front, broadcasting adds axes by itself.
    const places = Array.from(shape.keys(), (axis) => axis + 1);
    const wider = [
      ...places.map((place) => ({ shape: shape.toSpliced(place, 0, ONE), place, count: 1 })),
      ...[2, 3].map((count) => ({
        shape: [...shape, ...Array.from({ length: count }, () => ONE)],
        place: shape.length,
        count,
      })),
    ];
    return wider
      .filter((one) => one.shape.length <= rank && !('notes' in broadcastShapes(shapes.with(at, one.shape))))
      .map((one) => ({ ...one, at }));
  });
  const [fit] = fits;
  if (!fit || fits.length > 1) return undefined;
  const { at, place, count } = fit;
  const dropped = definitionOf(builder.nodes, values[at]!);
  if (dropped?.attributes['keepdim'] === false && keepsAxis(dropped, fit.shape))
    return `\`keepdim: true\` keeps the axis that \`${dropped.op.name}\` drops`;
  const before = Array.from({ length: place }, () => ':');
  const subscripts = [...before, ...Array.from({ length: count }, () => 'none')].join(', ');
  const what = count === 1 ? 'the axis that is missing' : 'the axes that are missing';
  return `\`${texts[at]}[${subscripts}]\` adds ${what}`;
}

/** Whether the reduction would give `shape` if it kept what it reduces. */
function keepsAxis(node: Node, shape: Shape): boolean {
  const [operand] = node.inputs;
  return (
    operand !== undefined &&
    operand.type.shape.length === shape.length &&
    operand.type.shape.every((size, axis) => size.key === shape[axis]!.key || isOne(shape[axis]!))
  );
}

/** An operand that fitted before something was joined to it: a class token in front of the patches. */
function grownAxis(elaboration: Elaboration, { values, texts }: Misfit): string | undefined {
  if (values.length !== 2) return undefined;
  for (const [at, other] of values.entries()) {
    const join = definitionOf(elaboration.builder.nodes, values[1 - at]!);
    const growth = join && growthOf(join, other.type.shape);
    if (!join || !growth) continue;
    const { axis, more } = growth;
    const declaration = elaboration.declared.get(other);
    const own = axis - values[1 - at]!.type.shape.length + other.type.shape.length;
    const written = declaration && sizeText(declaration.type, own);
    const added = `\`${join.op.name}\` adds ${more}`;
    return written === undefined
      ? `${added} to axis ${axis} of the other operand`
      : `\`${texts[at]}\` was declared with \`${written}\`, and ${added}: \`${written} + ${more}\``;
  }
  return undefined;
}

/** In which axis, and by how much, a node's result is larger than that of its operands that broadcasts with `shape`. */
function growthOf({ op, inputs, results }: Node, shape: Shape): { axis: number; more: number } | undefined {
  const grown = results[0]!.type.shape;
  if (inputs.length < 2 || op.body.kind !== 'movement') return undefined;
  for (const { type: part } of inputs) {
    if (part.shape.length !== grown.length || 'notes' in broadcastShapes([part.shape, shape])) continue;
    const axis = grown.findIndex((size, place) => size.key !== part.shape[place]!.key);
    if (axis === -1 || !sameShape(grown.with(axis, ONE), part.shape.with(axis, ONE))) continue;
    // A part of size 1 fits whatever it is beside.
    const wanted = shape[axis - grown.length + shape.length];
    const more = constantValue(subtract(grown[axis]!, part.shape[axis]!));
    if (wanted?.key === part.shape[axis]!.key && more !== undefined) return { axis, more };
  }
  return undefined;
}

/** The node behind a value, looking through element-wise ones that keep its shape. */
function definitionOf(nodes: readonly Node[], value: Value): Node | undefined {
  let wanted = value;
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]!;
    if (!node.results.includes(wanted)) continue;
    const same = node.inputs.find((input) => sameShape(input.type.shape, wanted.type.shape));
    if (node.op.body.kind !== 'pointwise' || !same) return node;
    wanted = same;
  }
  return undefined;
}
