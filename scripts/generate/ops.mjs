// Writes the reference of the built-in functions (docs/ops.md) from the records that declare them:
// `node scripts/generate/ops.mjs`; with `--check` it only tells whether the file is up to date.
import { fileURLToPath } from 'node:url';
import { laidOut, loadSource, writeOrCheck } from './files.mjs';

/** The file by its path. */
export async function generateOps() {
  const records = await loadSource(`
    export { opGroups } from './src/compiler/ops/table.ts';
    export { isDim, isList, isRecord, withDefaults } from './src/compiler/ir/attributes.ts';
    export { printType } from './src/compiler/ir/types.ts';
    export { print } from './src/compiler/dims/dim.ts';
    export { asWritten } from './src/compiler/semantics/random.ts';
    export { staticFunctions } from './src/compiler/semantics/static-functions.ts';
    export { initializerRecords } from './src/compiler/semantics/initializer-records.ts';
    export { optimizerRecords, stepArguments } from './src/compiler/semantics/optimizers/records.ts';
    export { scheduleRecords } from './src/compiler/semantics/optimizers/schedules.ts';
    export { describeType } from './src/compiler/semantics/optimizers/arguments.ts';
  `);
  return { 'docs/ops.md': await laidOut('docs/ops.md', reference(records)) };
}

const introduction = `# Built-in functions

<!-- Generated from the records of the ops by scripts/generate/ops.mjs. -->

A call in code shows the arguments in their order, with their defaults. Tensors stand in front and are given by position
or by name; \`x?\` may be left out. An attribute without a value has to be given. Attributes are known at compile time;
sizes may be symbolic. An axis below 0 counts from the end. Element-wise functions broadcast their tensors, take numbers
in their place, and work on compile-time numbers too. The lines below a function say what types it gives, in examples.
`;

function reference(records) {
  const { opGroups, staticFunctions, initializerRecords, optimizerRecords, stepArguments, scheduleRecords } = records;
  const operators = opGroups.flatMap((group) => group.ops).filter((op) => op.operator !== undefined);
  const groups = opGroups
    .map(({ title, ops }) => ({ title, ops: ops.filter((op) => !op.internal).map(records.asWritten) }))
    .filter(({ ops }) => ops.length > 0);
  const titles = ['Operators', ...groups.map(({ title }) => title), ...otherTitles];
  return [
    introduction,
    titles.map((title) => `[${title}](#${title.toLowerCase().replaceAll(' ', '-')})`).join(' · '),
    section('Operators', [operatorNote, operatorList(operators)]),
    ...groups.map(({ title, ops }) =>
      section(
        title,
        ops.map((op) => describeOp(op, records)),
      ),
    ),
    section('Compile-time functions', [functionTable(staticFunctions)]),
    section(
      'Initialisers',
      initializerRecords.map((record) => describeCallable(record, records)),
    ),
    section('Optimizers', [
      ...optimizerRecords.map((record) => describeCallable(record, records)),
      `Every optimizer takes, for all parameters together:\n\n${argumentList(stepArguments, records)}`,
    ]),
    section(
      'Schedules',
      scheduleRecords.map((record) => describeCallable(record, records)),
    ),
    '',
  ].join('\n\n');
}

const otherTitles = ['Compile-time functions', 'Initialisers', 'Optimizers', 'Schedules'];

const section = (title, parts) => [`## ${title}`, ...parts].join('\n\n');
const code = (text) => `\`${text}\``;

const operatorNote = 'Operators broadcast as NumPy does; `a @ b` is [matmul](#matmul).';

function operatorList(ops) {
  const call = ({ operator, operands }) => {
    if (operands.length === 2) return `a ${operator} b`;
    return /\w/.test(operator) ? `${operator} x` : `${operator}x`;
  };
  return ops.map((op) => `- ${code(call(op))}: ${op.doc}`).join('\n');
}

function functionTable(functions) {
  return table(
    ['call', 'meaning'],
    functions.map(({ call, doc }) => [code(call), doc]),
  );
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function describeOp(op, records) {
  const attributes = op.attributes.map(({ name, kind, words = [], doc }) => {
    const kinds = [kindNames[kind], ...words.map((word) => JSON.stringify(word))].join(' or ');
    return `- \`${kind === 'sizes' ? '…' : name}\` (${kinds}): ${doc}`;
  });
  return [`### ${op.name}`, code(callOf(op, records)), op.doc, examples(op, records), attributes.join('\n')]
    .filter((part) => part !== '')
    .join('\n\n');
}

const kindNames = {
  int: 'int',
  ints: 'int or list of ints',
  float: 'number',
  bool: 'bool',
  string: 'string',
  axis: 'axis',
  axes: 'axis or list of axes',
  dim: 'size',
  shape: 'list of sizes',
  dims: 'list of sizes',
  dtype: 'dtype',
  sizes: 'named sizes',
  pattern: 'pattern',
};

function callOf(op, records) {
  const isVariadic = op.operands.some((operand) => operand.variadic);
  const pattern = op.attributes.find(({ kind }) => kind === 'pattern');
  const tensors = op.operands.map(({ name, variadic, optional }) => {
    if (!variadic) return optional ? `${name}?` : name;
    return pattern ? 'a, b, …' : '[a, b, …]';
  });
  const attributes = op.attributes.map((spec) => {
    if (spec.kind === 'sizes') return 'name: size, …';
    return spec.default === undefined ? spec.name : `${spec.name}: ${printAttribute(spec, spec.default, records)}`;
  });
  // The pattern of an einsum stands in front of its tensors.
  const list = isVariadic && pattern ? [pattern.name, ...tensors] : [...tensors, ...attributes];
  return `${op.name}(${list.join(', ')})`;
}

function printAttribute(spec, value, records) {
  const { isDim, isList, print } = records;
  if (value === null) return 'none';
  if (isDim(value)) return print(value);
  if (isList(value)) return `[${value.map((item) => printAttribute(spec, item, records)).join(', ')}]`;
  const isPlainWord = spec.kind === 'dtype' || typeof value !== 'string';
  if (value === Infinity || value === -Infinity) return `${value < 0 ? '-' : ''}inf`;
  return isPlainWord ? String(value) : JSON.stringify(value);
}

/** One for every combination of dtypes among the samples: what a call is given, and what it gives. */
function examples(op, records) {
  const kinds = new Map();
  for (const sample of op.samples) {
    const key = sample.inputs.map(({ dtype }) => dtype).join(' ');
    const size = sample.inputs.flatMap(({ shape }) => shape).length;
    const known = kinds.get(key);
    // Scalars and tensors without elements show the least.
    if (!known || (size > 0 && known.size === 0)) kinds.set(key, { sample, size });
  }
  return [...kinds.values()].map(({ sample }) => `    ${exampleOf(op, sample, records)}`).join('\n');
}

function exampleOf(op, { inputs, attributes }, records) {
  const { printType, withDefaults } = records;
  const all = withDefaults(op, attributes);
  const inferred = op.infer(inputs, all, { bounds: new Map() });
  if ('error' in inferred) throw new Error(`a sample of ${op.name} does not fit: ${inferred.error.message}`);
  const given = op.attributes.flatMap((spec) => namedAttribute(spec, all[spec.name], records));
  const isVariadic = op.operands.some((operand) => operand.variadic);
  // The key of random ops is not written.
  const tensors = (op.random ? inputs.slice(0, -1) : inputs).map(printType).join(', ');
  const list = isVariadic && given.length > 0 && !op.attributes.some(({ kind }) => kind === 'pattern');
  const call = [...(tensors ? [list ? `[${tensors}]` : tensors] : []), ...given].join(', ');
  return `${op.name}(${call}) → ${inferred.types.map(printType).join(', ')}`;
}

function namedAttribute(spec, value, records) {
  if (spec.kind === 'sizes') {
    return Object.entries(value).map(([name, size]) => `${name}: ${printAttribute(spec, size, records)}`);
  }
  const text = printAttribute(spec, value, records);
  const isDefault = spec.default !== undefined && text === printAttribute(spec, spec.default, records);
  return isDefault ? [] : [spec.kind === 'pattern' ? text : `${spec.name}: ${text}`];
}

/** An initialiser, an optimizer or a schedule. */
function describeCallable({ name, doc, arguments: list }, records) {
  const call = list.map((one) => (one.default === undefined ? one.name : `${one.name}: ${setting(one.default)}`));
  const parts = [`### ${name}`, code(`${name}(${call.join(', ')})`), doc];
  return (list.length > 0 ? [...parts, argumentList(list, records)] : parts).join('\n\n');
}

function argumentList(list, { describeType }) {
  return list
    .map(({ name, type, default: usual, doc, scheduled }) => {
      const kinds = `${describeType(type)}${scheduled ? ' or a schedule' : ''}${usual === null ? ' or none' : ''}`;
      return `- \`${name}\` (${kinds}): ${doc}`;
    })
    .join('\n');
}

function setting(value) {
  if (value === null) return 'none';
  return typeof value === 'string'
    ? JSON.stringify(value)
    : Array.isArray(value)
      ? `[${value.join(', ')}]`
      : `${value}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeOrCheck(await generateOps(), 'scripts/generate/ops.mjs');
}
