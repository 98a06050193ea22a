/** `fusion`: a region run as one kernel. Made by the fuse pass only; it means what its nodes mean. */
import { Builder } from '../ir/builder.ts';
import type { Fusion } from '../ir/fusion.ts';
import type { Region } from '../ir/graph.ts';
import { evaluateRegion } from '../ir/interpret.ts';
import { defineOp, type Op } from '../ir/op.ts';
import { printType, sameType } from '../ir/types.ts';
import { arithmetic } from './pointwise/arithmetic.ts';
import { fails, gives } from './rules.ts';
import { f32, n } from './samples.ts';

function sampleBody(): Region {
  const builder = new Builder(new Map(arithmetic.map((op) => [op.name, op])), new Map(), 10);
  const parameters = [builder.value(f32(n, 3)), builder.value(f32(n, 3))];
  const sum = builder.one('add', parameters);
  const results = [builder.one('mul', [sum, parameters[0]!]), sum];
  return { parameters, nodes: builder.nodes, results };
}

export const fusion: Op = defineOp<Fusion>({
  name: 'fusion',
  doc: 'Runs `body`, whose parameters are the operands in order and whose results are the results.',
  internal: true,
  operands: [{ name: 'operands', variadic: true }],
  attributes: [],
  infer(inputs, { body }) {
    const operand = inputs.findIndex((input, at) => !body.parameters[at] || !sameType(input, body.parameters[at].type));
    if (operand === -1 && inputs.length === body.parameters.length)
      return gives(...body.results.map((result) => result.type));
    const parameters = body.parameters.map((parameter) => printType(parameter.type)).join(', ');
    return fails(`\`fusion\` of a region that takes (${parameters}) got (${inputs.map(printType).join(', ')})`);
  },
  evaluate: (inputs, { body }, _outputs, symbols) => evaluateRegion(body, inputs, symbols).map((result) => result.data),
  body: { kind: 'fusion' },
  noGradient: 'the pass that makes it runs after differentiation',
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [{ inputs: [f32(n, 3), f32(n, 3)], attributes: { body: sampleBody(), kind: 'pointwise' } }],
});
