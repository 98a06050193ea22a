/** Mistakes as a document for other programs. */
import { describe, expect, it } from 'vitest';
import { AFFINE, safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

const WRONG = `import { Linear } from "std/nn"

model Wrong(classes: int = 3, unused: int = 1) {
  dims batch
  input x: f32[batch, 2]
  param w: f32[3, classes] = zeros()
  output y = x @ w
  output z = x |> Linaer(classes)
}
`;

async function report(line: string): Promise<{ code: number; stderr: string; document: unknown }> {
  const { code, stdout, stderr } = await place.run(line);
  return { code, stderr, document: JSON.parse(stdout) as unknown };
}

describe('check --json', () => {
  it('gives every diagnostic with its places, notes and hint', async () => {
    place.write('wrong.model', WRONG);
    expect(await report('check --json wrong.model')).toEqual({
      code: 1,
      stderr: '',
      document: {
        version: 1,
        errors: 2,
        warnings: 0,
        diagnostics: [
          {
            code: 'HED2210',
            severity: 'error',
            message: '`matmul` of f32[batch, 2] and f32[3, 3] does not fit',
            primary: { path: 'wrong.model', line: 7, column: 18, endLine: 7, endColumn: 19, text: 'f32[3, 3]' },
            secondary: [
              { path: 'wrong.model', line: 7, column: 14, endLine: 7, endColumn: 15, text: 'f32[batch, 2]' },
              {
                path: 'wrong.model',
                line: 3,
                column: 13,
                endLine: 3,
                endColumn: 29,
                text: '`classes` was bound to 3 here',
              },
            ],
            notes: ['the last axis of the first is 2, the second last axis of the second 3'],
            hint: null,
          },
          {
            code: 'HED2005',
            severity: 'error',
            message: '`Linaer` is not defined here',
            primary: { path: 'wrong.model', line: 8, column: 19, endLine: 8, endColumn: 25, text: '' },
            secondary: [],
            notes: [],
            hint: 'did you mean `Linear`?',
          },
        ],
      },
    });
  });

  it('is one document for several files, with warnings', async () => {
    place.write('affine.model', AFFINE.replace('features: int', 'other: int = 1, features: int'));
    place.write('wrong.model', WRONG);
    const { code, document } = await report('check --json affine.model nowhere.model wrong.model');
    expect(code).toBe(1);
    expect(document).toMatchObject({
      errors: 3,
      warnings: 1,
      diagnostics: [
        { code: 'HED2701', severity: 'warning', primary: { path: 'affine.model', line: 3 } },
        { code: 'HED2001', severity: 'error', primary: null },
        { code: 'HED2210', primary: { path: 'wrong.model' } },
        { code: 'HED2005' },
      ],
    });
  });

  it('tells that nothing is wrong', async () => {
    place.write('affine.model', AFFINE);
    const document = { version: 1, errors: 0, warnings: 0, diagnostics: [] };
    expect(await report('check --json affine.model')).toEqual({ code: 0, stderr: '', document });
    expect(await report('check --json affine.model --set classes=4')).toEqual({ code: 0, stderr: '', document });
  });

  it('is given for mistakes in the settings and in the command', async () => {
    place.write('affine.model', AFFINE);
    expect(await report('check --json affine.model --set clases=4')).toMatchObject({
      code: 1,
      document: { errors: 1, diagnostics: [{ code: 'HED4003', hint: 'did you mean `classes`?' }] },
    });
    expect(await report('check --json affine.model affine.model --entry Affine')).toMatchObject({
      code: 2,
      document: { errors: 1, diagnostics: [{ code: null, severity: 'error', primary: null }] },
    });
  });
});

describe('run --json', () => {
  it('reports mistakes as the same document', async () => {
    place.write('affine.model', AFFINE);
    place.write('weights.safetensors', safetensors({ 'map.weight': tensor('F32', [2, 2], [1]) }));
    place.write('x.safetensors', safetensors({ x: tensor('F32', [1, 2], [1]) }));
    expect(await report('run affine.model --weights weights.safetensors --inputs x.safetensors --json')).toMatchObject({
      code: 1,
      stderr: '',
      document: { errors: 2, diagnostics: [{ code: 'HED3002' }, { code: 'HED3004' }] },
    });
    expect(await report('run affine.model --inputs x.safetensors --json')).toMatchObject({
      code: 1,
      document: { diagnostics: [{ code: null, message: expect.stringContaining('needs weights') }] },
    });
  });
});
