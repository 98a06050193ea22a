/** `heddle fmt`: files in place, the standard input, and the check for continuous integration. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useWorkplace } from './support.ts';

const place = useWorkplace();

const rough = 'model M{\n// a note\nx=f( a,b )}';
const neat = 'model M {\n  // a note\n  x = f(a, b)\n}\n';

function text(name: string): string {
  return readFileSync(place.path(name), 'utf8');
}

describe('fmt', () => {
  it('writes the canonical layout and names the files it changed', async () => {
    place.write('rough.model', rough);
    place.write('neat.model', neat);
    const before = statSync(place.path('neat.model')).mtimeMs;
    const result = await place.run('fmt rough.model neat.model');
    expect(result).toEqual({ code: 0, stdout: 'formatted rough.model\n', stderr: '' });
    expect(text('rough.model')).toBe(neat);
    expect(statSync(place.path('neat.model')).mtimeMs).toBe(before);
    expect(readdirSync(place.cwd).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('with --check names the files that would change, and writes nothing', async () => {
    place.write('rough.model', rough);
    place.write('neat.model', neat);
    expect(await place.run('fmt --check rough.model neat.model')).toEqual({
      code: 1,
      stdout: 'rough.model\n',
      stderr: '',
    });
    expect(text('rough.model')).toBe(rough);
    expect(await place.run('fmt --check neat.model')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('leaves files with syntax errors as they are, and formats the others', async () => {
    place.write('wrong.model', 'model M {\n  x = (\n}');
    place.write('rough.model', rough);
    mkdirSync(place.path('folder'), { recursive: true });
    const { code, stdout, stderr } = await place.run('fmt wrong.model nowhere.model folder rough.model');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'formatted rough.model\n' });
    expect(stderr).toMatch(/^error\[HED1003\]: .*\n.*┌─ wrong\.model:2:/);
    expect(stderr).toContain('nowhere.model cannot be read: there is no such file');
    expect(stderr).toContain('folder is a folder; a spec is a file');
    expect(stderr).toMatch(/\n3 errors\n$/);
    expect(text('wrong.model')).toBe('model M {\n  x = (\n}');
  });

  it('formats a spec whose names mean nothing', async () => {
    place.write('draft.model', 'model M { output y=nothing|>Nowhere() }');
    expect((await place.run('fmt draft.model')).code).toBe(0);
    expect(text('draft.model')).toBe('model M { output y = nothing |> Nowhere() }\n');
  });

  it('reads the standard input and writes the standard output', async () => {
    const readInput = async (): Promise<Uint8Array> => new TextEncoder().encode(rough);
    expect(await place.run('fmt -', { readInput })).toEqual({ code: 0, stdout: neat, stderr: '' });
    expect(await place.run('fmt - --check', { readInput })).toEqual({ code: 1, stdout: '-\n', stderr: '' });
    const broken = async (): Promise<Uint8Array> => new TextEncoder().encode('model {');
    const { code, stdout, stderr } = await place.run('fmt -', { readInput: broken });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('┌─ standard input:1:');
  });

  it('wants a file', async () => {
    expect((await place.run('fmt')).code).toBe(2);
  });
});
