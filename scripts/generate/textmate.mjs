// The colours of editors: a TextMate grammar, which VS Code, GitHub and many others read.

/** Words that are keywords between others: `x |> f as p`, `import { A } from "a"`, `generate a along b from c`. */
const inner = ['as', 'from', 'along'];

/** The grammar as data. */
export function textMate({ tokens, bodyWords, declarationWords, keywordTypes, precedence, primitives }) {
  const { Identifier, Integer, Float, Text, reservedTexts } = tokens;
  const name = Identifier.PATTERN.source;
  const words = (list) => `\\b(?:${list.join('|')})\\b`;
  const constants = ['true', 'false', 'none', 'training'];
  const wordOperators = Object.keys(precedence).filter((operator) => /^\w+$/.test(operator));
  const others = new Set([...constants, ...wordOperators]);
  const contextual = [...bodyWords, ...keywordTypes.keys()].filter(
    (word, i, all) => !reservedTexts.includes(word) && !declarationWords.has(word) && all.indexOf(word) === i,
  );
  // A word of a statement goes on with what it is about; with a sign behind it, it is a name.
  const begins = (list) => `(?<![.\\w])${words(list)}(?=\\s+[\\w"(\\[-]|\\s*$)`;
  const match = (scope, pattern) => ({ name: `${scope}.heddle`, match: pattern });
  return {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    comment: 'Generated from grammar/tokens.ts by scripts/generate/grammar.mjs.',
    name: 'Heddle',
    scopeName: 'source.heddle',
    fileTypes: ['model'],
    patterns: [
      match('comment.line.documentation', '///.*$'),
      match('comment.line.double-slash', '//.*$'),
      {
        ...match('string.quoted.double', Text.PATTERN.source),
        captures: { 0: { patterns: [match('constant.character.escape', '\\\\[nt"\\\\]')] } },
      },
      match('constant.numeric.float', `(?<!\\w)${Float.PATTERN.source}`),
      match('constant.numeric.integer', `(?<!\\w)${Integer.PATTERN.source}`),
      {
        match: `(?<![.\\w])(${[...declarationWords].join('|')})\\s+(${name})`,
        captures: { 1: { name: 'storage.type.heddle' }, 2: { name: 'entity.name.type.heddle' } },
      },
      {
        match: '\\b(as)\\s+(\\w+(?:\\s*\\.\\s*\\w+)*)',
        captures: { 1: { name: 'keyword.other.heddle' }, 2: { name: 'entity.name.tag.heddle' } },
      },
      match('constant.language', words(constants)),
      match('keyword.operator.word', words(wordOperators)),
      match('keyword.control', words(reservedTexts.filter((word) => !others.has(word)))),
      match('keyword.other', begins([...contextual, ...inner])),
      match('storage.type.tensor', '\\b(?:[fiu]\\d+|bool)(?=\\[)'),
      { match: `:\\s*(${words(primitives)})`, captures: { 1: { name: 'support.type.heddle' } } },
      match('variable.parameter', `(?<![.\\w])${name}(?=\\??\\s*:(?!\\s*[\\]:]))`),
      match('entity.name.function', `${name}(?=\\s*\\()`),
      match('keyword.operator', operatorPattern(tokens)),
    ],
  };
}

/** Every sign but brackets and separators, the longer ones first. */
function operatorPattern({ tokenTypes }) {
  const signs = tokenTypes
    .map(({ PATTERN }) => PATTERN)
    .filter((pattern) => typeof pattern === 'string' && /^[^\w()[\]{},:?.]+$|^\.\./.test(pattern));
  const escaped = signs
    .toSorted((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return escaped.join('|');
}
