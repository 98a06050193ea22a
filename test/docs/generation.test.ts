/** The examples of the guide to generation, run on an artifact as it says to compile it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { constantValue } from '../../src/compiler/dims/dim.ts';
import { safetensors, useWorkplace } from '../cli/support.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOf, specFile, storedTensor } from '../support/specs.ts';
import { randomNumbers } from '../support/tensors.ts';

const textOf = (name: string): string => readFileSync(join(projectRoot, 'docs', name), 'utf8');
const guide = textOf('generation.md');
const blocksOf = (language: string, text = guide): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code]) => code!);

describe('the examples of the guide', () => {
  const place = useWorkplace();

  beforeAll(async () => {
    const random = randomNumbers(3);
    const weights = graphOf(specFile('llama.model')).parameters.map(({ name, value }) => {
      const shape = value.type.shape.map((dim) => constantValue(dim)!);
      const count = shape.reduce((product, size) => product * size, 1);
      return [
        name,
        storedTensor(
          shape,
          Array.from({ length: count }, () => random() - 0.5),
        ),
      ] as const;
    });
    place.write('stories260K.safetensors', safetensors(Object.fromEntries(weights)));
    const command = blocksOf('sh').find((code) => code.startsWith('heddle compile'))!;
    const line = command.trim().replace('heddle ', '').replace('specs/llama.model', specFile('llama.model'));
    const { code, stderr } = await place.run(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }, 60_000);

  async function printed(code: string): Promise<string> {
    place.write('example.mjs', code);
    return (await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: place.cwd })).stdout;
  }

  test('run', async () => {
    const [first, batch] = blocksOf('js');
    expect(await printed(first!)).toMatch(/^(\d+\n){20}$/);
    expect(await printed(batch!)).toBe('[ true, true ]\n');
    const embedded = blocksOf('js', textOf('artifact.md')).find((code) => code.includes('model.generate'))!;
    expect(await printed(embedded)).toMatch(/^(\d+\n){5}$/);
  });

  test('tell what the cache takes', async () => {
    const { stdout } = await place.run(['inspect', specFile('llama.model'), '--dims', 'batch=1']);
    const promised = /(\d+) kB a text/.exec(guide)![1];
    expect(/^cache +([\d.]+) kB/m.exec(stdout)?.[1]?.split('.')[0]).toBe(promised);
  });
});

test('the options of the guide are those that there are', () => {
  const source = readFileSync(join(projectRoot, 'src/runtime/generate/options.ts'), 'utf8');
  const declared = /interface GenerateOptions \{([\s\S]*?)\n\}/.exec(source)![1]!;
  const names = [...declared.matchAll(/readonly (\w+)\?/g)].map(([, name]) => name);
  const documented = [...guide.matchAll(/^\| `(\w+)` .*\|.*\|.*\|$/gm)].map(([, name]) => name);
  expect(documented).toEqual(names);
});
