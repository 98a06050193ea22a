/**
 * Finds layer and batch normalisation where a spec spells them out, so that the peer gets the ops that its own
 * exporters would write. Works on nodes of the graph IR by their form.
 */

/** Sees through `expand`, which ONNX's broadcasting makes needless. */
export function unexpanded(value, definitionOf) {
  const node = definitionOf(value);
  return node?.op.name === 'expand' ? unexpanded(node.inputs[0], definitionOf) : value;
}

/** Questions about what made a value, which answer undefined where it is something else. */
function inspector(definitionOf) {
  const made = (value, name) => {
    const node = value && definitionOf(unexpanded(value, definitionOf));
    return node?.op.name === name ? node : undefined;
  };
  return {
    made,
    operands: (value, name) => made(value, name)?.inputs.map((input) => unexpanded(input, definitionOf)),
    scalar: (value) => {
      const node = made(value, 'constant');
      return node?.attributes.data.length === 1 ? node.attributes.data[0] : undefined;
    },
  };
}

/** Both factors of `normed * weight + bias`, if `node` is that sum. */
function affine(node, { operands }, definitionOf) {
  if (node.op.name !== 'add') return undefined;
  const product = operands(node.inputs[0], 'mul');
  if (!product) return undefined;
  const [normed, weight] = product;
  return { normed, weight, bias: unexpanded(node.inputs[1], definitionOf) };
}

/** `{ x, weight, bias, eps }` if `node` ends a layer normalisation over the last axis. */
export function layerNorm(node, definitionOf) {
  const look = inspector(definitionOf);
  const outer = affine(node, look, definitionOf);
  const [centred, spread] = (outer && look.operands(outer.normed, 'mul')) ?? [];
  const [x, mean] = look.operands(centred, 'sub') ?? [];
  const [variance, eps] = look.operands(look.operands(spread, 'rsqrt')?.[0], 'add') ?? [];
  const square = look.operands(variance, 'mean')?.[0];
  const axes = look.made(variance, 'mean')?.attributes.axis;
  const isNorm =
    look.operands(mean, 'mean')?.[0] === x &&
    look.operands(square, 'square')?.[0] === centred &&
    axes?.length === 1 &&
    axes[0] === -1 &&
    look.scalar(eps) !== undefined;
  return isNorm ? { x, weight: outer.weight, bias: outer.bias, eps: look.scalar(eps) } : undefined;
}

/** `{ x, mean, variance, weight, bias, eps }`, statistics and factors being of shape [channels]. */
export function batchNorm(node, definitionOf) {
  const look = inspector(definitionOf);
  const channels = (value) => look.operands(value, 'reshape')?.[0];
  const outer = affine(node, look, definitionOf);
  const [centred, spread] = (outer && look.operands(outer.normed, 'mul')) ?? [];
  const [x, mean] = look.operands(centred, 'sub') ?? [];
  const [variance, eps] = look.operands(look.operands(channels(spread), 'rsqrt')?.[0], 'add') ?? [];
  const found = {
    x,
    mean: channels(mean),
    variance,
    weight: channels(outer?.weight),
    bias: channels(outer?.bias),
    eps: look.scalar(eps),
  };
  return Object.values(found).includes(undefined) ? undefined : found;
}
