/** What the grammar expected at a place, in words. */
import type { IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';

export interface Expected {
  readonly rule: string;
  /** The name of the token type wanted, or `''` where several are possible. */
  readonly wanted: string;
  readonly previous: IToken | undefined;
  /** Whether it is the rule's second occurrence in the rule around it. */
  readonly second: boolean;
}

/** `rule token` to words; what is not listed is said by the token's own label. */
const phrases: Readonly<Record<string, string>> = {
  'importDeclaration LeftBrace': '`{` and the imported names',
  'importDeclaration FromKeyword': '`from "path"` after the imported names',
  'importDeclaration Text': 'the path of the imported file, in double quotes',
  'importedName Identifier': 'a name to import',
  'blockDeclaration Identifier': 'the name of the block',
  'functionDeclaration Identifier': 'the name of the function',
  'modelDeclaration Identifier': 'the name of the model',
  'parameters LeftParen': '`(` and the parameters',
  'parameter Identifier': 'a parameter',
  'parameter Colon': '`:` and the type of the parameter',
  'results Arrow': '`->` and the types of the results',
  'body LeftBrace': '`{` to open the body',
  'tensorType Identifier': 'a tensor type such as `f32[batch, n]`',
  'axes LeftBracket': '`[` and the axes of the tensor type',
  'axis Identifier': 'a name after `..`',
  'assignStatement Identifier': 'another name to assign to',
  'assignStatement Equal': '`=` and a value',
  'paramStatement Identifier': 'the name of the parameter',
  'paramStatement Colon': '`:` and the type of the parameter',
  'inputStatement Identifier': 'the name of the input',
  'inputStatement Colon': '`:` and the type of the input',
  'outputStatement Identifier': 'the name of the output',
  'outputStatement Equal': '`=` and the value of the output',
  'constStatement Identifier': 'the name of the constant',
  'constStatement Equal': '`=` and the value of the constant',
  'requireStatement Text': 'a message in double quotes',
  'dim Identifier': 'the name of a dimension',
  'iteration Identifier': 'the name of the loop variable',
  'iteration In': '`in` and what to go through',
  'path Identifier': 'a parameter path such as `head` or `layers.norm`',
  'conditional Then': '`then`',
  'conditional Else': '`else`: an `if` expression has both branches',
  'comprehension FatArrow': '`=>` and the element',
  'member Identifier': 'a name after `.`',
};

/** Where several tokens are possible, by rule. */
const choices: Readonly<Record<string, string>> = {
  type: 'a type',
  results: 'a tensor type, or several in parentheses',
  axis: 'an axis',
  subscript: 'an index or a slice',
  list: 'an element or `]`',
  ifStatement: '`{` or `if` after `else`',
  dimsStatement: 'the name of a dimension',
  path: 'a parameter path such as `head` or `layers.norm`',
};

export function expectation(expected: Expected): string {
  const { rule, wanted, previous, second } = expected;
  if (rule === 'parameters' && second && wanted === t.LeftParen.name) {
    return '`(` and the tensors: a block has two lists, `block Name(hyperparameters)(tensors)`';
  }
  if (wanted !== '') return phrases[`${rule} ${wanted}`] ?? labelOf(wanted);
  return choices[rule] ?? valueAfter(previous);
}

/** An expression is missing; the word before it tells what for. */
function valueAfter(previous: IToken | undefined): string {
  switch (previous?.tokenType) {
    case t.Equal:
      return 'a value after `=`';
    case t.Return:
      return 'a value to return';
    case t.IfKeyword:
    case t.If:
      return 'a condition after `if`';
    case t.RequireKeyword:
      return 'a condition after `require`';
    case t.Then:
    case t.Else:
    case t.In:
    case t.FatArrow:
    case t.Colon:
    case t.LessEqual:
      return `a value after \`${previous.image}\``;
    default:
      return 'an expression';
  }
}

function labelOf(name: string): string {
  return t.tokenTypes.find((type) => type.name === name)?.LABEL ?? name;
}
