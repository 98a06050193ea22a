/** The bundles of convolutions, pools and the like. */
import { form, literal, named, type Call, type Form, type Table } from './form.ts';

const IMAGES = { x: 'batch . height width' };

/** The function, and the layer of the standard library with the bundle's weights. */
function convolution(name: string, layer: string, outAxis: number): readonly Form[] {
  const plain = (call: Call): string => `output y = ${name}(${call.given('x', 'w', 'b')}, ${named(call.attributes)})`;
  const asLayer = (call: Call): ReturnType<Form['write']> => {
    const weight = call.sizes('w');
    const out = Number(weight[outAxis]) * (outAxis === 0 ? 1 : Number(call.attributes['groups']));
    const kernel = weight.length === 3 ? weight[2] : `(${weight.slice(2).join(', ')})`;
    const further = Object.entries(call.attributes).map(([key, value]) => `${key}: ${tuple(literal(value))}`);
    return {
      preamble: `import { ${layer} } from "std/conv"`,
      body: `output y = x |> ${layer}(${[out, kernel, ...further, `bias: ${call.has('b')}`].join(', ')}) as layer`,
      parameters: { w: 'layer.weight', ...(call.has('b') && { b: 'layer.bias' }) },
    };
  };
  return [form(plain, IMAGES), form(asLayer, IMAGES)];
}

const tuple = (list: string): string => list.replace(/^\[(.*)\]$/, '($1)');

/** A function of `x` with the bundle's attributes; `kernel` is `kernel_size` here. */
function windowed(name: string): Form {
  return form(
    ({ attributes: { kernel, ...further } }) => `output y = ${name}(x, ${named({ kernel_size: kernel!, ...further })})`,
    IMAGES,
  );
}

export const windowForms: Table = {
  adaptive_avg_pool2d: form(({ attributes: { out } }) => `output y = adaptive_avg_pool2d(x, ${literal(out!)})`, IMAGES),
  avg_pool2d: windowed('avg_pool2d'),
  conv1d: convolution('conv1d', 'Conv1d', 0),
  conv2d: convolution('conv2d', 'Conv2d', 0),
  conv_transpose2d: convolution('conv_transpose2d', 'ConvTranspose2d', 1),
  interpolate: form(({ attributes }) => `output y = interpolate(x, ${named(attributes)})`, IMAGES),
  max_pool1d: windowed('max_pool1d'),
  max_pool2d: windowed('max_pool2d'),
  unfold: windowed('unfold'),
};
