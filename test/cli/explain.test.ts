import { describe, expect, it } from 'vitest';
import { catalog, codeGroups } from '../../src/compiler/base/catalog.ts';
import { useWorkplace } from './support.ts';

const place = useWorkplace();

describe('explain', () => {
  it.each(['HED3002', 'hed3002', '3002'])('prints title and explanation of %s', async (code) => {
    const { code: exit, stdout } = await place.run(['explain', code]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^HED3002: missing weights\n\nThe weights lack/);
  });

  it('lists every code once below the subject it belongs to', async () => {
    const { code, stdout } = await place.run('explain');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    const listed = lines.flatMap((line) => /^ {2}(HED\d{4}) {2}(.+)$/.exec(line)?.slice(1).join(' ') ?? []);
    const all = Object.entries(catalog).map(([name, { title }]) => `${name} ${title}`);
    expect(listed).toEqual(all.sort());
    expect(lines.filter((line) => /^\w/.test(line))).toEqual(codeGroups.map(({ title }) => title));
  });
});
