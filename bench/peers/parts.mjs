/** Parameters that a library without sparse experts is faster with together: matrices of heads and of experts. */

/** `…heads.3.query.weight`, whose rows go behind each other, queries first, then keys, then values. */
const HEAD = /^(.*\.heads)\.(\d+)\.(query|key|value)\.weight$/;
/** `…experts.3.net.0.weight`, stacked along a new first axis. */
const EXPERT = /^(.*\.experts)\.(\d+)\.(.*)$/;

const KINDS = ['query', 'key', 'value'];

/** The parameters by name; what is joined has the name `…heads.qkv.weight` or `…experts.net.0.weight`. */
export function stackParts(weights) {
  const groups = new Map();
  const joined = new Map();
  const collect = (name, order, tensor, shapeOf) => {
    if (!groups.has(name)) groups.set(name, { parts: [], shapeOf });
    groups.get(name).parts.push({ order, tensor });
  };
  for (const [name, tensor] of weights) {
    const [head, expert] = [HEAD.exec(name), EXPERT.exec(name)];
    if (head) {
      const order = 1000 * KINDS.indexOf(head[3]) + Number(head[2]);
      collect(`${head[1]}.qkv.weight`, order, tensor, ([rows, ...rest], count) => [count * rows, ...rest]);
    } else if (expert) {
      collect(`${expert[1]}.${expert[3]}`, Number(expert[2]), tensor, (shape, count) => [count, ...shape]);
    } else joined.set(name, tensor);
  }
  for (const [name, { parts, shapeOf }] of groups) {
    const tensors = parts.toSorted((a, b) => a.order - b.order).map(({ tensor }) => tensor);
    const length = tensors[0].data.length;
    const data = new Float32Array(length * tensors.length);
    tensors.forEach((tensor, at) => data.set(tensor.data, at * length));
    joined.set(name, { data, shape: shapeOf(tensors[0].shape, tensors.length) });
  }
  return joined;
}
