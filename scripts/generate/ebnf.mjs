// The rules of the parser in the notation of the W3C's specifications: 'text', a?, a*, a+, a | b.

/** Rules for mistakes: what is left over somewhere is taken by these. */
const recovery = /^leftover/;

/** Tokens that stand for text that could not be read. */
const skipped = new Set(['Skipped', 'SkippedOperand']);

/** Tokens that a rule reads only to say how it is written. */
const refused = { argument: new Set(['Equal']) };

const header = `/* The grammar of .model files. Generated from grammar/parser.ts by scripts/generate/grammar.mjs.

   White space and newlines only separate tokens. Comments begin with \`//\`; those with \`///\` directly above a declaration
   document it. The words of statements and declarations are names everywhere else: at the start of a statement, a
   following \`=\`, \`,\` or \`:\` makes them names there too. Reserved are only the words that Name excludes. */
`;

/** The whole grammar as text. */
export function ebnf({ grammarRules, tokens, precedence }) {
  const types = new Map(tokens.tokenTypes.map((type) => [type.name, type]));
  const rules = fromTheStart(
    grammarRules()
      .filter(({ name }) => !recovery.test(name))
      .map(({ name, definition }) => ({
        name,
        text: sequence(definition, { rule: name, types }).replace(/^\((.*)\)$/, (all, inner) =>
          isOpen(inner) ? all : inner,
        ),
      })),
  );
  const aliases = new Map(rules.filter(isAlias).map(({ name, text }) => [name, text]));
  const kept = rules.filter(({ name }) => !aliases.has(name));
  const width = Math.max(...kept.map(({ name }) => name.length));
  const lines = kept.map(({ name, text }) => `${name.padEnd(width)} ::= ${fold(spelledOut(text, aliases), width + 5)}`);
  return [header, lines.join('\n'), operators(precedence), terminals(tokens)].join('\n');
}

/** The first rules of the parser's classes, which stand on each other. */
const classStarts = ['expression', 'type', 'file'];

/** The rules that a file consists of, from the whole to its parts. */
function fromTheStart(rules) {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const reached = new Set(['file']);
  for (const name of reached) {
    for (const used of byName.get(name).text.match(/'[^']*'|\w+/g) ?? []) if (byName.has(used)) reached.add(used);
  }
  const starts = classStarts.map((name) => rules.findIndex((rule) => rule.name === name));
  const classes = starts.map((from, i) => rules.slice(from, starts[i + 1]));
  return classes.reverse().flatMap((part) => part.filter(({ name }) => reached.has(name)));
}

/** Whether a parenthesis in the text closes one that is not in it. */
function isOpen(text) {
  let depth = 0;
  for (const [sign] of text.matchAll(/'[^']*'|[()]/g)) {
    depth += sign === '(' ? 1 : sign === ')' ? -1 : 0;
    if (depth < 0) return true;
  }
  return false;
}

/** Whether a rule is but another name for one, or for a row of one. */
function isAlias({ name, text }) {
  return name !== 'file' && /^[a-z]\w*\*?$/.test(text);
}

function spelledOut(text, aliases) {
  const result = text.replace(/'[^']*'|\w+/g, (word) => aliases.get(word) ?? word);
  return result === text ? text : spelledOut(result, aliases);
}

/** Lines of at most 120 columns, broken at spaces outside of quotes. */
function fold(text, margin) {
  const lines = [''];
  for (const part of text.match(/(?:'[^']*'|[^\s'])+(?: \|)?/g) ?? []) {
    const line = lines.at(-1);
    if (line !== '' && margin + line.length + 1 + part.length > 120) lines.push(part);
    else lines[lines.length - 1] = line === '' ? part : `${line} ${part}`;
  }
  return lines.join(`\n${' '.repeat(margin)}`);
}

/** The productions in a row, `''` if nothing of them is for correct text. */
function sequence(definition, context) {
  return definition
    .map((production) => phrase(production, context))
    .filter((text) => text !== '')
    .join(' ');
}

function phrase(production, context) {
  switch (production.type) {
    case 'NonTerminal':
      return recovery.test(production.name) ? '' : production.name;
    case 'Terminal':
      return refused[context.rule]?.has(production.name) ? '' : terminal(context.types.get(production.name));
    case 'Alternation': {
      const choices = production.definition.map((choice) => sequence(choice.definition, context));
      const correct = choices.filter((text) => text !== '');
      return correct.length === 1 ? correct[0] : `(${correct.join(' | ')})`;
    }
    case 'Option':
      return repeated(sequence(production.definition, context), '?');
    case 'Repetition':
      return repeated(sequence(production.definition, context), '*');
    case 'RepetitionMandatoryWithSeparator': {
      const item = sequence(production.definition, context);
      return `${item} (${terminal(context.types.get(production.separator.name))} ${item})*`;
    }
    default:
      throw new Error(`a production of the type ${production.type} has no notation yet`);
  }
}

function repeated(text, sign) {
  if (text === '') return '';
  const single = /^(?:\w+|'[^']*')$/.test(text) || /^\([^()]*\)$/.test(text);
  return single ? `${text}${sign}` : `(${text})${sign}`;
}

/** Names of the terminals that are no fixed text. */
const classes = {
  Identifier: 'Name',
  Target: 'Name',
  Segment: 'Segment',
  Integer: 'Integer',
  Float: 'Float',
  Text: 'String',
  BinaryOperator: 'BinaryOperator',
  PrefixOperator: 'PrefixOperator',
};

function terminal(type) {
  if (skipped.has(type.name)) return '';
  if (classes[type.name]) return classes[type.name];
  const text = /^`(.+)`$/.exec(type.LABEL ?? '')?.[1];
  if (text === undefined) throw new Error(`the token ${type.name} has no notation yet`);
  return `'${text}'`;
}

/** The operators, and how tightly they bind. */
function operators(precedence) {
  const levels = new Map();
  for (const [name, level] of Object.entries(precedence)) levels.set(level, [...(levels.get(level) ?? []), name]);
  const isPrefix = (name) => name === 'not' || name.startsWith('unary');
  const names = Object.keys(precedence);
  const quoted = (list) => list.map((name) => `'${name.replace('unary ', '')}'`).join(' | ');
  const order = [...levels.entries()].toSorted(([a], [b]) => a - b).map(([, level]) => level.join('  '));
  return `
BinaryOperator ::= ${quoted(names.filter((name) => !isPrefix(name)))}
PrefixOperator ::= ${quoted(names.filter(isPrefix))}
Segment        ::= Name | Integer

/* Within an operation the operators bind, from the loosest to the tightest:

${order.map((level) => `       ${level}`).join('\n')}

   \`**\` groups to the right, comparisons and \`..\` do not chain, all others group to the left. */
`;
}

/** The terminals as regular expressions. */
function terminals({ Identifier, Integer, Float, Text, reservedTexts }) {
  const source = (type) => type.PATTERN.source;
  return `/* Regular expressions of ECMAScript:

   Name     ${source(Identifier)}   but none of: ${reservedTexts.join(' ')}
   Integer  ${source(Integer)}
   Float    ${source(Float)}
   String   ${source(Text)} */
`;
}
