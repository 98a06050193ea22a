/** The command line itself: help, versions, exit codes, colours. */
import { describe, expect, it } from 'vitest';
import { AFFINE, useWorkplace } from './support.ts';

const place = useWorkplace();

describe('help', () => {
  it('lists the commands and exits with 0', async () => {
    const { code, stdout, stderr } = await place.run('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['check', 'compile', 'run', 'inspect', 'explain', 'Examples:', 'Exit codes'])
      expect(stdout).toContain(name);
  });

  it.each(['check', 'compile', 'run', 'inspect', 'explain'])(
    'of %s has examples, asked for in both ways',
    async (name) => {
      const { code, stdout } = await place.run(`${name} --help`);
      expect(code).toBe(0);
      expect(stdout).toContain(`heddle ${name} `);
      expect(await place.run(`help ${name}`)).toMatchObject({ code: 0, stdout });
    },
  );

  it('is printed as an error when no command is given', async () => {
    const { code, stdout, stderr } = await place.run('');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: heddle');
  });

  it('prints the version of the package', async () => {
    expect(await place.run('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('wrong usage', () => {
  const lines: [line: string, message: RegExp][] = [
    ['frobnicate', /unknown command 'frobnicate'/],
    ['chek a.model', /Did you mean check/],
    ['check', /missing required argument 'spec'/],
    ['check a.model --frob', /unknown option '--frob'/],
    ['compile a.model', /required option '-o, --out <dir>'/],
    ['compile a.model b.model -o x', /too many arguments/],
    ['compile a.model -o x --target wasm,cuda', /Targets are wasm, js and webgpu: --target wasm,js,webgpu/],
    ['compile a.model -o x --set foo', /A setting is a name and a value: --set depth=4/],
    ['compile a.model -o x --set =4', /A setting is a name and a value/],
    ['run a.model --target cuda', /Allowed choices are wasm, js, webgpu, auto, reference/],
    ['run a.model --image x.png --top 0', /whole number from 1/],
    ['run a.model --image x.png --mean a,b', /one for each channel: 0.5,0.5,0.5/],
    ['run a.model --image x.png --std 0', /greater than 0/],
    ['run a.model --labels x.txt', /--labels is for pictures/],
    ['run a.model --image x.png --out y', /--out is for tensors/],
    ['run a.model --image x.png --tap *', /--tap is for tensors/],
    ['explain HED9999', /no code HED9999/],
  ];
  it.each(lines)('%s exits with 2', async (line, message) => {
    const { code, stdout, stderr } = await place.run(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('colours', () => {
  const cases: [name: string, isTTY: boolean, env: Record<string, string>, colored: boolean][] = [
    ['none in a file', false, {}, false],
    ['on a terminal', true, {}, true],
    ['none with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['with an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['in a file with FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
    ['none with FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
    ['none on a dumb terminal', true, { TERM: 'dumb' }, false],
  ];
  it.each(cases)('%s', async (_, isTTY, env, colored) => {
    place.write('wrong.model', AFFINE.replace('Linear(', 'Lunar('));
    const text: string[] = [];
    const stderr = { isTTY, write: (part: string) => void text.push(part) };
    expect(await place.run('check wrong.model', { env, stderr })).toMatchObject({ code: 1 });
    expect(text.join('').includes('\u001b[')).toBe(colored);
  });
});

describe('a defect of the command', () => {
  const broken = { packageRoot: '/nowhere' };

  it('is one line that asks for a report, and exits with 70', async () => {
    const { code, stderr } = await place.run('check a.model', broken);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^internal error: [^\n]*please report[^\n]*\n$/);
  });

  it('shows its stack when HEDDLE_DEBUG asks for it', async () => {
    const { stderr } = await place.run('check a.model', { ...broken, env: { HEDDLE_DEBUG: '1' } });
    expect(stderr).toMatch(/\n\s+at /);
  });
});
