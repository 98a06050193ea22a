/** `heddle check`, and how specs are found. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPackageRoot, makeHost, shownPath } from '../../src/cli/host.ts';
import { AFFINE, projectRoot, useWorkplace } from './support.ts';

const place = useWorkplace();

describe('check', () => {
  it('says ok of a sound spec and counts the files it read', async () => {
    place.write('affine.model', AFFINE);
    const result = await place.run('check affine.model');
    expect(result).toEqual({ code: 0, stdout: 'ok affine.model: no errors, 2 files read\n', stderr: '' });
  });

  it('accepts the specs of the package', async () => {
    const names = ['mlp.model', 'vit.model'].map((name) => join(place.packageRoot, 'specs', name));
    const { code, stdout, stderr } = await place.run(['check', ...names]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/2 of 2 files ok: no errors\n$/);
  });

  it('prints diagnostics and a summary for a wrong one, with the path as it was given', async () => {
    place.write('wrong.model', AFFINE.replace('|> Linear', '|> Linaer'));
    const { code, stdout, stderr } = await place.run('check ./wrong.model');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error\[HED\d+\]: .*\n.*┌─ wrong\.model:6:/);
    expect(stderr).toMatch(/\n1 error\n$/);
  });

  it('goes on after a file that is missing, a folder, or wrong', async () => {
    place.write('affine.model', AFFINE);
    place.write('wrong.model', 'model {');
    mkdirSync(place.path('folder'), { recursive: true });
    const { code, stdout, stderr } = await place.run('check nowhere.model folder wrong.model affine.model');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'ok affine.model: no errors, 2 files read\n' });
    expect(stderr).toContain('there is no file nowhere.model');
    expect(stderr).toContain('folder is a folder; a spec is a file');
    expect(stderr).toMatch(/1 of 4 files ok: \d+ errors\n$/);
  });

  it('survives what is no text', async () => {
    place.write(
      'binary.model',
      Uint8Array.from({ length: 300 }, (_, at) => at & 255),
    );
    const { code, stderr } = await place.run('check binary.model');
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[HED1/);
  });

  it('lists inputs, outputs and parameters of one model when it is told the settings', async () => {
    place.write('affine.model', AFFINE);
    const { code, stdout } = await place.run('check affine.model --entry Affine --set features=4');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'ok affine.model: model Affine',
        'input      x           f32[batch, 4]',
        'output     y           f32[batch, 3]',
        'parameter  map.weight  f32[3, 4]',
        'parameter  map.bias    f32[3]',
        '15 parameters in 2 tensors',
        '',
      ].join('\n'),
    );
  });

  it('rejects unknown settings with a suggestion', async () => {
    place.write('affine.model', AFFINE);
    const { code, stderr } = await place.run('check affine.model --set featurs=4');
    expect(code).toBe(1);
    expect(stderr).toContain('did you mean `features`?');
  });
});

describe('the source host', () => {
  it('resolves the standard library, relative files and left-out endings', () => {
    const host = makeHost(place);
    expect(host.resolve('a/b.model', 'std/nn')).toBe(join('.package', 'specs/std/nn.model'));
    expect(host.resolve('a/b.model', './c')).toBe('a/c.model');
    expect(host.resolve('a/b.model', '../c.model')).toBe('c.model');
    expect(host.resolve('a/b.model', 'c')).toBe('a/c.model');
    expect(host.resolve('a/b.model', './c.v2')).toBe('a/c.v2.model');
  });

  it('imports from folders beside the spec', async () => {
    mkdirSync(place.path('parts'), { recursive: true });
    place.write('parts/double.model', 'fn double(x: f32[..s]) -> f32[..s] { return x + x }');
    place.write(
      'uses.model',
      `import { double } from "./parts/double"
model Uses() {
  dims n
  input x: f32[n]
  output y: f32[n] = double(x)
}`,
    );
    expect(await place.run('check uses.model')).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows paths relative to the working directory, outside of it where that is shorter', () => {
    expect(shownPath('/work/a/x.model', '/work')).toBe('a/x.model');
    expect(shownPath('../x.model', '/work/a')).toBe('../x.model');
    expect(shownPath('/usr/x.model', '/home/somebody/projects/nets')).toBe('/usr/x.model');
    expect(shownPath('..x.model', '/work')).toBe('..x.model');
  });

  it('finds the package from the sources', () => {
    expect(join(findPackageRoot(), '/')).toBe(join(projectRoot, '/'));
  });
});
