/** The parts of the project import each other in one direction only. The rules are in scripts/layering.mjs. */
import { describe, expect, it } from 'vitest';
import { findViolations, importProblem, importsOf, PARTS, sourceFiles, textProblems } from '../scripts/layering.mjs';

describe('layering', () => {
  it('has no back arrow, no long file, no `any` and no mutable module state', () => {
    expect(sourceFiles().length).toBeGreaterThan(100);
    expect(findViolations()).toEqual([]);
  });

  it('allows imports of earlier parts only', () => {
    const at = new Map(PARTS.map(({ name }, index) => [name, index]));
    for (const { name, imports } of PARTS) {
      for (const other of imports) expect(at.get(other), `${name} imports ${other}`).toBeLessThan(at.get(name)!);
    }
  });

  it('finds imports in every form', () => {
    const text = `import a from './a.ts';
import type { B } from '../ir/b.ts';
export { c } from './c.ts';
import {
  d,
  e,
} from './d.ts';
import './f.ts';
const g = await import('./g.ts');
type H = import('./h.ts').H;
import fs from 'node:fs';
const text = 'import x from nowhere';
`;
    const found = importsOf('src/compiler/kernel/x.ts', text, () => true);
    expect(found.map((one) => ('path' in one ? one.path : one.package)).sort()).toEqual([
      'node:fs',
      'src/compiler/ir/b.ts',
      ...['a', 'c', 'd', 'f', 'g', 'h'].map((name) => `src/compiler/kernel/${name}.ts`),
    ]);
  });

  const forbidden: [from: string, to: string][] = [
    ['src/compiler/kernel/build.ts', 'src/compiler/ir/graph.ts'],
    ['src/compiler/semantics/apply.ts', 'src/compiler/ops/table.ts'],
    ['src/compiler/semantics/apply.ts', 'src/compiler/ops/softmax.ts'],
    ['src/compiler/passes/cse.ts', 'src/compiler/ops/table.ts'],
    ['src/compiler/lowering/lower.ts', 'src/compiler/plan/plan.ts'],
    ['src/compiler/codegen/js/emit.ts', 'src/compiler/ir/graph.ts'],
    ['src/runtime/model.ts', 'src/compiler/index.ts'],
    ['src/program/size.ts', 'src/runtime/errors.ts'],
    ['src/cli/run.ts', 'src/compiler/driver.ts'],
    ['grammar/parser.ts', 'src/compiler/syntax/ast.ts'],
  ];
  it.each(forbidden)('forbids %s to import %s', (from, path) => {
    expect(importProblem(from, { path })).toMatch(/may not import/);
  });

  it('lets only the command reach for the system', () => {
    expect(importProblem('src/compiler/driver.ts', { package: 'node:fs' })).toMatch(/may not/);
    expect(importProblem('src/cli/files.ts', { package: 'node:fs' })).toBeUndefined();
    expect(importProblem('src/runtime/model.ts', { package: 'chevrotain' })).toMatch(/may not/);
  });

  it('sees `any` and module state in code, not in texts and comments', () => {
    const harmless = `// let any: any\nconst a = { any: 1 };\nconst b = ': any';\nfunction f() {\n  let c = 1;\n}\n`;
    expect(textProblems('x.ts', harmless)).toEqual([]);
    expect(textProblems('x.ts', 'const a = b as any;\n')).toHaveLength(1);
    expect(textProblems('x.ts', 'const a: Map<string, any> = b;\n')).toHaveLength(1);
    expect(textProblems('x.ts', 'let count = 0;\nexport let other = 1;\n')).toHaveLength(2);
    expect(textProblems('x.ts', '\n'.repeat(451))).toHaveLength(1);
  });
});
