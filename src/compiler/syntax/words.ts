/** The words that begin declarations and statements, and what a misspelt one was meant to be. */
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { closest } from '../base/suggest.ts';

/** The token type of every word that can begin something. */
export const keywordTypes: ReadonlyMap<string, TokenType> = new Map([
  ['block', t.BlockKeyword],
  ['fn', t.FnKeyword],
  ['model', t.ModelKeyword],
  ['train', t.TrainKeyword],
  ['import', t.ImportKeyword],
  ['param', t.ParamKeyword],
  ['input', t.InputKeyword],
  ['output', t.OutputKeyword],
  ['const', t.ConstKeyword],
  ['require', t.RequireKeyword],
  ['dims', t.DimsKeyword],
  ['state', t.StateKeyword],
  ['next', t.NextKeyword],
  ['aux', t.AuxKeyword],
  ['loss', t.LossKeyword],
  ['metric', t.MetricKeyword],
  ['optimizer', t.OptimizerKeyword],
  ['generate', t.GenerateKeyword],
  ['group', t.GroupKeyword],
  ['if', t.IfKeyword],
  ['for', t.ForKeyword],
  ['return', t.ReturnKeyword],
]);

/** Contextual words that begin a declaration; `import` is reserved, and `const` also begins a statement. */
export const declarationWords: ReadonlySet<string> = new Set(['block', 'fn', 'model', 'train']);

/** Contextual words that begin a statement of a body. */
export const bodyWords: ReadonlySet<string> = new Set([
  'param',
  'input',
  'output',
  'const',
  'require',
  'dims',
  'state',
  'next',
  'aux',
  'loss',
  'metric',
  'optimizer',
  'generate',
]);

const otherLanguages: Readonly<Record<string, string>> = {
  def: 'fn',
  func: 'fn',
  function: 'fn',
};

/** Whether the word begins a function in another language. */
export function declaresFunctionElsewhere(word: string): boolean {
  return own(otherLanguages, word) === 'fn';
}

/** The declaration's word that `word` was probably meant to be. */
export function misspeltDeclaration(word: string): string | undefined {
  return closest(word, ['block', 'model', 'train', 'const', 'import']) ?? own(otherLanguages, word);
}

/**
 * The statement's word that the one at `index` was probably meant to be. Only some can be followed by anything but a
 * name, and a call such as `inputs(x)` should not be taken for an `input`.
 */
export function misspeltStatement(tokens: readonly IToken[], index: number): string | undefined {
  const word = tokens[index]!.image;
  const next = tokens[index + 1]?.tokenType;
  if (next === t.Identifier) {
    return closest(word, tokens[index + 2]?.tokenType === t.In ? ['for'] : [...bodyWords, 'return']);
  }
  return closest(word, next === t.LeftParen ? ['return', 'require'] : ['return', 'require', 'loss']);
}

function own(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Whether the token at `index` begins a declaration at the left margin. */
export function beginsDeclarationLine(tokens: readonly IToken[], index: number): boolean {
  const token = tokens[index]!;
  if (token.tokenType === t.Import) return token.startLine !== tokens[index - 1]?.endLine;
  if (token.startColumn !== 1 || tokens[index + 1]?.tokenType !== t.Identifier) return false;
  const word = token.image;
  if (declarationWords.has(word)) return true;
  return word === 'const' || misspeltDeclaration(word) !== undefined;
}
