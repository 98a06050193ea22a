/** The grammars for people and for editors, which are written from the one that parses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reservedTexts } from '../../grammar/tokens.ts';
import { generateGrammar } from '../../scripts/generate/grammar.mjs';
import { keywordTypes } from '../../src/compiler/syntax/words.ts';
import { projectRoot } from '../support/reference.ts';

const files = await generateGrammar();

describe('the generated grammars', () => {
  it('are up to date: node scripts/generate/grammar.mjs', () => {
    for (const [path, text] of Object.entries(files)) {
      expect(readFileSync(join(projectRoot, path), 'utf8'), path).toBe(text);
    }
  });
});

describe('the rules in EBNF', () => {
  const text = files['grammar/heddle.ebnf']!;

  it('define every name that they use', () => {
    const rules = [...text.matchAll(/^(\w+) +::= ((?:.|\n {3,})*)/gm)];
    const defined = new Set([...rules.map(([, name]) => name), 'Name', 'Integer', 'Float', 'String']);
    const used = rules.flatMap(([, , body]) => body!.replace(/'[^']*'/g, ' ').match(/\w+/g) ?? []);
    expect(rules.length).toBeGreaterThan(40);
    expect(used.filter((name) => !defined.has(name))).toEqual([]);
  });

  it('hold every keyword', () => {
    for (const word of [...keywordTypes.keys(), ...reservedTexts, 'as', 'along', 'from']) {
      expect(text).toContain(`'${word}'`);
    }
  });

  it('say nothing of recovery', () => {
    expect(text).not.toMatch(/leftover|skipped|Slot/i);
  });
});

describe('the grammar of editors', () => {
  interface Pattern {
    readonly match: string;
    readonly name?: string;
    readonly captures?: { readonly [index: string]: { readonly name?: string } };
  }
  const { patterns } = JSON.parse(files['grammar/heddle.tmLanguage.json']!) as { patterns: readonly Pattern[] };

  /** Scopes and texts of a line, as an editor finds them: the first match, and of equal ones the first pattern. */
  function scopes(line: string): string[] {
    const found: string[] = [];
    for (let at = 0; at < line.length;) {
      const matches = patterns.flatMap((pattern) => {
        const regex = new RegExp(pattern.match, 'dg');
        regex.lastIndex = at;
        const result = regex.exec(line);
        return result ? [{ pattern, result }] : [];
      });
      const first = matches.toSorted((a, b) => a.result.index - b.result.index)[0];
      if (!first) break;
      const { pattern, result } = first;
      if (pattern.name) found.push(`${pattern.name.replace(/\.heddle$/, '')}: ${result[0]}`);
      else {
        for (const [index, { name }] of Object.entries(pattern.captures ?? {})) {
          found.push(`${name?.replace(/\.heddle$/, '')}: ${result[Number(index)]}`);
        }
      }
      at = result.index + Math.max(result[0].length, 1);
    }
    return found;
  }

  it.each([
    [
      'param w: f32[n] = 0.5 // why',
      [
        'keyword.other: param',
        'variable.parameter: w',
        'storage.type.tensor: f32',
        'keyword.operator: =',
        'constant.numeric.float: 0.5',
        'comment.line.double-slash: // why',
      ],
    ],
    ['param = input + 3', ['keyword.operator: =', 'keyword.operator: +', 'constant.numeric.integer: 3']],
    [
      'model ViT(dim: int = 4) {',
      [
        'storage.type: model',
        'entity.name.type: ViT',
        'variable.parameter: dim',
        'support.type: int',
        'keyword.operator: =',
        'constant.numeric.integer: 4',
      ],
    ],
    [
      'y = x |> Linear(8) as net.0',
      [
        'keyword.operator: =',
        'keyword.operator: |>',
        'entity.name.function: Linear',
        'constant.numeric.integer: 8',
        'keyword.other: as',
        'entity.name.tag: net.0',
      ],
    ],
    ['if not training {', ['keyword.control: if', 'keyword.operator.word: not', 'constant.language: training']],
    [
      'group "**.bias" (lr: 0)',
      [
        'keyword.other: group',
        'string.quoted.double: "**.bias"',
        'variable.parameter: lr',
        'constant.numeric.integer: 0',
      ],
    ],
    ['/// About', ['comment.line.documentation: /// About']],
  ])('colours %s', (line, expected) => {
    expect(scopes(line)).toEqual(expected);
  });
});
