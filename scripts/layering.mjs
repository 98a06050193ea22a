// The order of the parts, and a check that every import keeps it: `node scripts/layering.mjs`. Run by `npm run check` and
// by test/layering.test.ts. Type-only imports count too: they are knowledge of the other part all the same.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Every part with its files, what of the project it may import, and which packages. Later parts stand on earlier ones. */
export const PARTS = [
  // Shared by compiler and runtime; what an artifact runs knows nothing else.
  { name: 'program', files: 'src/program/', imports: [], packages: [] },
  { name: 'runtime', files: 'src/runtime/', imports: ['program'], packages: [] },

  // From text to syntax tree.
  { name: 'base', files: 'src/compiler/base/', imports: [], packages: ['picocolors'] },
  { name: 'dims', files: 'src/compiler/dims/', imports: [], packages: [] },
  { name: 'grammar', files: 'grammar/', imports: [], packages: ['chevrotain'] },
  { name: 'syntax', files: 'src/compiler/syntax/', imports: ['base', 'grammar'], packages: ['chevrotain'] },

  // The two representations, and the ops. An op is told by its record, so only the driver knows the table of all.
  { name: 'kernel', files: 'src/compiler/kernel/', imports: ['dims', 'program'], packages: [] },
  { name: 'ir', files: 'src/compiler/ir/', imports: ['base', 'dims', 'kernel', 'program'], packages: [] },
  { name: 'ops', files: 'src/compiler/ops/', imports: ['base', 'dims', 'kernel', 'ir', 'program'], packages: [] },
  { name: 'op table', files: 'src/compiler/ops/table.ts', imports: ['ops', 'ir'], packages: [] },

  // From syntax tree to programs.
  {
    name: 'semantics',
    files: 'src/compiler/semantics/',
    imports: ['base', 'dims', 'syntax', 'ir', 'program'],
    packages: [],
  },
  { name: 'passes', files: 'src/compiler/passes/', imports: ['dims', 'ir'], packages: [] },
  // Gradients, and what training programs compute.
  {
    name: 'autodiff',
    files: 'src/compiler/autodiff/',
    imports: ['base', 'dims', 'ir', 'ops', 'semantics', 'passes', 'program'],
    packages: [],
  },
  // Generation token by token, derived from models of whole texts.
  {
    name: 'incremental',
    files: 'src/compiler/incremental/',
    imports: ['base', 'dims', 'kernel', 'ir', 'ops', 'semantics', 'passes', 'program'],
    packages: [],
  },
  // What lowering hands to planning; the rest of planning is no business of lowering.
  { name: 'lowered', files: 'src/compiler/plan/lowered.ts', imports: ['dims', 'kernel', 'ir'], packages: [] },
  {
    name: 'plan',
    files: 'src/compiler/plan/',
    imports: ['dims', 'kernel', 'ir', 'lowered', 'program'],
    packages: [],
  },
  { name: 'lowering', files: 'src/compiler/lowering/', imports: ['dims', 'kernel', 'ir', 'lowered'], packages: [] },
  { name: 'codegen', files: 'src/compiler/codegen/', imports: ['dims', 'kernel', 'program'], packages: [] },

  // What a person may want to know of a model: tables, drawings, explanations.
  {
    name: 'inspect',
    files: 'src/compiler/inspect/',
    imports: ['base', 'dims', 'kernel', 'ir', 'semantics', 'passes', 'lowered', 'plan', 'lowering', 'program'],
    packages: ['elkjs'],
  },

  // Files that the compiler reads and writes, as bytes.
  { name: 'interop', files: 'src/compiler/interop/', imports: ['base', 'program'], packages: [] },
  { name: 'artifact', files: 'src/compiler/artifact/', imports: ['interop', 'program'], packages: [] },

  // The whole.
  { name: 'options', files: 'src/compiler/options.ts', imports: ['semantics', 'passes', 'program'], packages: [] },
  {
    name: 'driver',
    files: 'src/compiler/driver.ts',
    // prettier-ignore
    imports: [
      'base', 'kernel', 'ir', 'op table', 'semantics', 'passes', 'autodiff', 'incremental', 'lowering', 'lowered', 'plan', 'codegen', 'options',
      'program',
    ],
    packages: [],
  },
  {
    name: 'index',
    files: 'src/compiler/index.ts',
    imports: ['base', 'dims', 'kernel', 'ir', 'syntax', 'semantics', 'plan', 'options', 'driver'],
    packages: [],
  },
  // Data to train on: readers of files, augmentation, batches.
  { name: 'data', files: 'src/data/', imports: ['program'], packages: ['sharp', 'node:'] },
  {
    name: 'cli',
    files: 'src/cli/',
    imports: ['index', 'inspect', 'interop', 'artifact', 'program', 'runtime', 'data'],
    packages: ['commander', 'picocolors', 'ora', 'sharp', 'webgpu', 'node:'],
  },
];

/** Lines of one file. */
const MAX_LINES = 450;

/** Paths of all source files, relative to the project, with `/`. */
export function sourceFiles(folder = root) {
  return ['grammar', 'src'].flatMap((top) =>
    readdirSync(join(folder, top), { recursive: true })
      .map((name) => posix.join(top, String(name).replaceAll('\\', '/')))
      .filter((name) => name.endsWith('.ts')),
  );
}

/** The part a file belongs to: the one that names it most precisely. */
export function partOf(file) {
  const candidates = PARTS.filter(({ files }) => file === files || (files.endsWith('/') && file.startsWith(files)));
  return candidates.sort((a, b) => b.files.length - a.files.length)[0];
}

const STATEMENT = /^(?:import|export)\s(?:[^'"`;]*?\bfrom\s)?\s*['"]([^'"]+)['"]/gm;
const CALL = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** What a file imports: paths of the project, and names of packages. */
export function importsOf(file, text, isFile = (path) => existsSync(join(root, path))) {
  const specifiers = [...text.matchAll(STATEMENT), ...text.matchAll(CALL)].map((match) => match[1]);
  return specifiers.flatMap((specifier) => {
    if (!specifier.startsWith('.')) return [{ package: specifier }];
    const path = normalize(posix.join(dirname(file), specifier)).replaceAll('\\', '/');
    // Text that only looks like an import, in a string, leads nowhere.
    return isFile(path) ? [{ path }] : [];
  });
}

/** Why an import breaks the order; undefined when it does not. */
export function importProblem(file, target) {
  const from = partOf(file);
  if (!from) return `${file} belongs to no part; name it in scripts/layering.mjs`;
  if (target.package !== undefined) {
    const allowed = from.packages.some((name) => target.package === name || target.package.startsWith(`${name}/`));
    const isNode = target.package.startsWith('node:') && from.packages.includes('node:');
    return allowed || isNode ? undefined : `${file} imports the package ${target.package}, ${from.name} may not`;
  }
  const to = partOf(target.path);
  if (!to) return `${file} imports ${target.path}, which belongs to no part`;
  if (to === from || from.imports.includes(to.name)) return undefined;
  return `${file} imports ${target.path}: ${from.name} may not import ${to.name}`;
}

/** The text without comments, and with empty strings. */
function bareCode(text) {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (found) => (found.startsWith('/') ? ' ' : "''"),
  );
}

/** What is wrong with the text of a file, whatever it imports. */
export function textProblems(file, text) {
  const problems = [];
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES) problems.push(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  const code = bareCode(text);
  if (/(?:[:<,|&(]|=>|\bas|\bextends|\bkeyof)\s*any\b(?!\s*[:'])/.test(code))
    problems.push(`${file} uses the type any`);
  for (const [, name] of code.matchAll(/^(?:export )?(?:let|var) (\w+)/gm))
    problems.push(`${file} has the mutable module state ${name}`);
  return problems;
}

/** Everything that is wrong with the sources, one sentence each. */
export function findViolations(folder = root) {
  return sourceFiles(folder).flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const imports = importsOf(file, text, (path) => existsSync(join(folder, path)));
    return [...imports.flatMap((target) => importProblem(file, target) ?? []), ...textProblems(file, text)];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = findViolations();
  for (const violation of violations) console.error(violation);
  console.log(`layering: ${sourceFiles().length} files, ${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
