/** The bundles of products, normalisations, attention and recurrence. */
import { form, literal, named, numbers, type Call, type Form, type Table } from './form.ts';

function einsum({ attributes, operands }: Call): string {
  return `output y = einsum(${literal(attributes['eq']!)}, ${operands.join(', ')})`;
}

/** An axis is called after its letter. */
function letters({ attributes }: Call): { [operand: string]: string } {
  const terms = String(attributes['eq']).split('->')[0]!.split(',');
  return Object.fromEntries(
    terms.map((term, at) => ['abc'[at]!, [...term].map((letter) => `size_${letter}`).join(' ')]),
  );
}

/** Matrices by rows and columns; axes in front of them are those of a batch. */
function matrices({ sizes }: Call): { [operand: string]: string } {
  const batch = (name: string): string[] =>
    sizes(name)
      .slice(0, -2)
      .map((_, at, { length }) => `n${length - at}`);
  return {
    a: (sizes('a').length === 1 ? ['k'] : [...batch('a'), 'm', 'k']).join(' '),
    b: (sizes('b').length === 1 ? ['k'] : [...batch('b'), 'k', 'n']).join(' '),
  };
}

/** An attribute of a layer: whether it has the affine parameters. */
const affine = (call: Call): string => `affine: ${call.has('w')}`;

/** Parameters of the layer called `layer`. */
function ofLayer(call: Call, paths: { readonly [operand: string]: string }): { [operand: string]: string } {
  const there = Object.entries(paths).filter(([operand]) => call.has(operand));
  return Object.fromEntries(there.map(([operand, path]) => [operand, `layer.${path}`]));
}

const NORM = { w: 'weight', b: 'bias' };

/** Over one axis it is the layer of the standard library; over several, its definition. */
function layerNorm(call: Call): ReturnType<Form['write']> {
  const { shape, eps } = call.attributes;
  if (numbers(shape).length === 1)
    return {
      preamble: 'import { LayerNorm } from "std/nn"',
      body: `output y = x |> LayerNorm(${literal(eps!)}, ${affine(call)}) as layer`,
      parameters: ofLayer(call, NORM),
    };
  const further = named({ axis: numbers(shape).map((_, at) => -1 - at), keepdim: true });
  return `centred = x - mean(x, ${further})
    normed = centred * rsqrt(var(x, ${further}) + ${literal(eps!)})
    output y = normed * w + b`;
}

function rmsNorm(call: Call): ReturnType<Form['write']> {
  const eps = literal(call.attributes['eps']!);
  if (!call.has('w')) return `output y = x * rsqrt(mean(square(x), axis: -1, keepdim: true) + ${eps})`;
  return {
    preamble: 'import { RMSNorm } from "std/nn"',
    body: `output y = x |> RMSNorm(${eps}) as layer`,
    parameters: ofLayer(call, { w: 'weight' }),
  };
}

/** A batch moves the running statistics in training; elsewhere they are what they were. */
function batchNorm(call: Call): ReturnType<Form['write']> {
  const { training, momentum, eps } = call.attributes;
  const name = call.sizes('x').length === 4 ? 'BatchNorm2d' : 'BatchNorm1d';
  const layer = `layer = ${name}(${named({ eps: eps!, momentum: momentum! })}, ${affine(call)})`;
  const states = { running_mean: 'layer.running_mean', running_var: 'layer.running_var' };
  const further = training
    ? 'loss mean(y)'
    : Object.entries(states)
        .map(([result, path]) => `output ${result} = ${path}`)
        .join('\n');
  return {
    preamble: `import { ${name} } from "std/conv"`,
    body: `${layer}
      y = layer(x)
      output y = y
      ${further}`,
    parameters: ofLayer(call, { ...NORM, running_mean: 'running_mean', running_var: 'running_var' }),
    ...(training === true && { updates: states }),
  };
}

function groupNorm(call: Call): ReturnType<Form['write']> {
  const { groups, eps } = call.attributes;
  return {
    preamble: 'import { GroupNorm } from "std/conv"',
    body: `output y = x |> GroupNorm(${literal(groups!)}, ${literal(eps!)}, ${affine(call)}) as layer`,
    parameters: ofLayer(call, NORM),
  };
}

function linear(call: Call): ReturnType<Form['write']> {
  return {
    preamble: 'import { Linear } from "std/nn"',
    body: `output y = x |> Linear(${call.sizes('w')[0]}, bias: ${call.has('b')}) as layer`,
    parameters: ofLayer(call, NORM),
  };
}

function multiHead({ attributes, sizes }: Call): ReturnType<Form['write']> {
  return {
    preamble: 'import { Linear } from "std/nn"',
    body: `qkv = x |> Linear(${sizes('in_w')[0]}) as in_proj
      q, k, v = unstack(rearrange(qkv, "b n (s h d) -> s b h n d", s: 3, h: ${literal(attributes['heads']!)}), axis: 0)
      mixed = rearrange(attention(q, k, v), "b h n d -> b n (h d)")
      output y = mixed |> Linear(${sizes('out_w')[0]}) as out_proj`,
    parameters: {
      in_w: 'in_proj.weight',
      in_b: 'in_proj.bias',
      out_w: 'out_proj.weight',
      out_b: 'out_proj.bias',
    },
  };
}

const lstm = `y = []
  h = h0
  c = c0
  for t in 0..STEPS {
    i, f, g, o = chunk(x[:, t] @ transpose(w_ih) + b_ih + h @ transpose(w_hh) + b_hh, 4, axis: 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    y = y + [h]
  }
  output y = stack(y, axis: 1)
  output h = h
  output c = c`;

const gru = `y = []
  h = h0
  for t in 0..STEPS {
    rx, zx, nx = chunk(x[:, t] @ transpose(w_ih) + b_ih, 3, axis: 1)
    rh, zh, nh = chunk(h @ transpose(w_hh) + b_hh, 3, axis: 1)
    z = sigmoid(zx + zh)
    h = (1 - z) * tanh(nx + sigmoid(rx + rh) * nh) + z * h
    y = y + [h]
  }
  output y = stack(y, axis: 1)`;

function recurrent(body: string): Form {
  return form((call) => body.replace('STEPS', call.sizes('x')[1]!), { x: 'batch', h0: 'batch', c0: 'batch' });
}

/** Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864) of neighbouring features, or of those in halves. */
function rotary({ attributes }: Call): ReturnType<Form['write']> {
  const { style, base, offset } = attributes;
  const pair = style === 'half' ? '(two r)' : '(r two)';
  return {
    preamble: `fn rotary(x: f32[b, h, t, e], base: float, offset: int) -> f32[b, h, t, e] {
        const half = floordiv(e, 2)
        rate = base ** (cast(arange(half), f32) / -half)
        angle = cast(arange(offset + t, offset), f32)[:, none] * rate
        one, other = unstack(rearrange(x, "b h t ${pair} -> two b h t r", two: 2), axis: 0)
        turned = stack([one * cos(angle) - other * sin(angle), other * cos(angle) + one * sin(angle)])
        return rearrange(turned, "two b h t r -> b h t ${pair}")
      }`,
    body: `output y = rotary(x, ${literal(base!)}, ${literal(offset!)})`,
  };
}

function attention(call: Call): string {
  const { scale, causal } = call.attributes;
  return `output y = attention(${call.given('q', 'k', 'v', 'mask')}, ${named({ causal: causal!, scale: scale! })})`;
}

export const layerForms: Table = {
  batch_norm: form(batchNorm, { x: 'batch' }),
  einsum: form(einsum, letters),
  group_norm: form(groupNorm, { x: 'batch . height width' }),
  gru: recurrent(gru),
  layer_norm: form(layerNorm, { x: 'rows' }),
  linear: form(linear, { x: 'rows' }),
  lstm: recurrent(lstm),
  matmul: form(() => 'output y = a @ b', matrices),
  mha: form(multiHead, { x: 'batch time' }),
  rms_norm: form(rmsNorm, { x: 'rows' }),
  rope: form(rotary, { x: 'batch heads time' }),
  sdpa: form(attention, (call) => {
    const keys = call.attributes['causal'] === true ? 'queries' : 'keys';
    const mask = call.has('mask') && call.sizes('mask').length === 4 ? 'batch heads' : 'heads';
    return {
      q: 'batch heads queries',
      k: `batch heads ${keys}`,
      v: `batch heads ${keys}`,
      mask: `${mask} queries ${keys}`,
    };
  }),
};
