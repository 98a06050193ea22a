import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DiagnosticSink, type Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import { parseRenameMap } from '../../src/compiler/interop/rename-map.ts';
import { applyRename, invertRename } from '../../src/compiler/interop/rename.ts';
import { bindWeights, readWeights, withoutPrefix, type WeightParameter } from '../../src/compiler/interop/weights.ts';
import { toFloat32 } from '../../src/program/convert.ts';
import { ELEMENT_BYTES, type SafetensorsType, type StoredTensor } from '../../src/program/safetensors.ts';

const parameter = (name: string, shape: number[], dtype: WeightParameter['dtype'] = 'f32'): WeightParameter => ({
  name,
  shape,
  dtype,
});

function tensor(shape: number[], dtype: SafetensorsType = 'F32'): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype, shape, bytes: new Uint8Array(count * ELEMENT_BYTES[dtype]) };
}

function bind(
  parameters: WeightParameter[],
  tensors: Record<string, StoredTensor>,
): { bound: ReadonlyMap<string, StoredTensor> | undefined; items: Diagnostic[] } {
  const sink = new DiagnosticSink();
  const bound = bindWeights(parameters, new Map(Object.entries(tensors)), sink, 'w.safetensors');
  return { bound, items: sink.items };
}

describe('weights are bound to parameters by name', () => {
  test('in the order and the types of the parameters', () => {
    const { bound, items } = bind([parameter('a', [2]), parameter('n', [], 'i32'), parameter('m', [1], 'bool')], {
      m: tensor([1], 'BOOL'),
      n: tensor([], 'I64'),
      a: { dtype: 'F64', shape: [2], bytes: new Uint8Array(Float64Array.of(1, 0.1).buffer) },
    });
    expect(items).toEqual([]);
    expect([...bound!].map(([name, { dtype }]) => [name, dtype])).toEqual([
      ['a', 'F32'],
      ['n', 'I32'],
      ['m', 'BOOL'],
    ]);
    expect([...toFloat32(bound!.get('a')!)]).toEqual([1, Math.fround(0.1)]);
  });

  test('and one diagnostic of each kind lists everything that is wrong', () => {
    const { bound, items } = bind(
      [
        parameter('norm.weight', [4]),
        parameter('head.weight', [3, 4]),
        parameter('head.bias', [3]),
        parameter('up', [8, 4]),
        parameter('down', [4, 8]),
        parameter('count', [], 'i32'),
        parameter('index', [1], 'i32'),
      ],
      {
        'mlp_head.weight': tensor([3, 4]),
        'fc.weight': tensor([3, 4]),
        extra: tensor([9], 'F16'),
        up: tensor([4, 8]),
        down: tensor([8, 4]),
        count: tensor([], 'F32'),
        index: { dtype: 'I64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(2n ** 40n).buffer) },
      },
    );
    expect(bound).toBeUndefined();
    expect(items.map(({ code, message, notes }) => [code, message, ...notes])).toEqual([
      [
        'HED3002',
        'w.safetensors lack 3 tensors of 7 parameters',
        'norm.weight: f32[4]',
        'head.weight: f32[3, 4]; did you mean mlp_head.weight?',
        'head.bias: f32[3]',
      ],
      [
        'HED3003',
        'w.safetensors hold 3 tensors that belong to no parameter',
        'mlp_head.weight: F32 [3, 4]',
        'fc.weight: F32 [3, 4]',
        'extra: F16 [9]',
      ],
      [
        'HED3004',
        'w.safetensors hold 2 tensors of another shape than the parameter',
        'up: [4, 8] against f32[8, 4]',
        'down: [8, 4] against f32[4, 8]',
      ],
      [
        'HED3005',
        'w.safetensors hold 2 tensors of another type than the parameter',
        'count: F32 does not convert to i32',
        'index: the value 1099511627776 does not fit into i32',
      ],
    ]);
  });

  test('and a malformed file is one diagnostic', () => {
    const sink = new DiagnosticSink();
    expect(readWeights('w.safetensors', new Uint8Array(3), sink)).toBeUndefined();
    expect(sink.items[0]!.message).toBe(
      'w.safetensors is no sound safetensors file: the file has 3 bytes, but a safetensors file begins with 8 bytes of header length',
    );
  });
});

/** The parameters of the reference models, as the model's own paths name them. */
const OWN_NAMES = {
  'vit-pytorch': {
    cases: ['vit/seed_cls', 'vit/seed_mean', 'vit/seed_dh_eq'],
    top: [
      'cls_token',
      'pos_embedding',
      'to_patch_embedding.weight',
      'to_patch_embedding.bias',
      'norm.weight',
      'norm.bias',
      'head.weight',
      'head.bias',
    ],
    layer: [
      'norm1.weight',
      'norm1.bias',
      'attn.to_qkv.weight',
      'norm2.weight',
      'norm2.bias',
      'ff.up.weight',
      'ff.up.bias',
      'ff.down.weight',
      'ff.down.bias',
    ],
  },
  'vit-pytorch-head': {
    cases: ['vit/head_cls'],
    top: [
      'cls_token',
      'pos_embedding',
      'patch_norm.weight',
      'patch_norm.bias',
      'to_patch_embedding.weight',
      'to_patch_embedding.bias',
      'embedding_norm.weight',
      'embedding_norm.bias',
      'norm.weight',
      'norm.bias',
      'head.weight',
      'head.bias',
    ],
    layer: [
      'attn.norm.weight',
      'attn.norm.bias',
      'attn.to_qkv.weight',
      'ff.norm.weight',
      'ff.norm.bias',
      'ff.up.weight',
      'ff.up.bias',
      'ff.down.weight',
      'ff.down.bias',
    ],
  },
} as const;

const ORACLE = new URL('../../../shared/oracle/shared/', import.meta.url);
const hasOracle = existsSync(ORACLE);

describe.each(['vit-pytorch', 'vit-pytorch-head'] as const)('the map %s', (name) => {
  const { cases, top, layer } = OWN_NAMES[name];
  const sink = new DiagnosticSink();
  const path = new URL(`../../specs/weights/${name}.json`, import.meta.url);
  const map = parseRenameMap({ path: `${name}.json`, text: readFileSync(path, 'utf8') }, sink);

  test('is sound', () => {
    expect(sink.items).toEqual([]);
    expect(map).toBeDefined();
  });

  test.for(cases)('gives the parameters of %s their own names, and back', (file, { skip }) => {
    if (!hasOracle) skip('the reference cases (../shared/oracle) are not on this machine');
    const all = readWeights(file, new Uint8Array(readFileSync(new URL(`${file}.safetensors`, ORACLE))), sink)!;
    const foreign = withoutPrefix(all, 'param.');
    const own = applyRename(map!, foreign, sink)!;
    expect(sink.items).toEqual([]);
    // With one head as wide as the model, upstream has no output projection.
    const hasProjection = [...foreign.keys()].some((key) => key.includes('to_out'));
    const projection = hasProjection ? ['attn.to_out.weight', 'attn.to_out.bias'] : [];
    const depth = new Set([...foreign.keys()].flatMap((key) => /layers\.(\d+)/.exec(key)?.[1] ?? [])).size;
    const layers = Array.from({ length: depth }, (_, i) =>
      [...layer, ...projection].map((key) => `layers.${i}.${key}`),
    );
    expect([...own.keys()].sort()).toEqual([...top, ...layers.flat()].sort());
    expect([...invertRename(map!, own, sink)!.keys()].sort()).toEqual([...foreign.keys()].sort());
  });
});
