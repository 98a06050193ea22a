/** What the grammar expected at a place, in words. */
import type { IToken } from 'chevrotain';
import type { Failure } from '../../../grammar/expressions.ts';
import * as t from '../../../grammar/tokens.ts';

/** `rule token` to words; what is not listed is said by the token's own label. */
const phrases: Readonly<Record<string, string>> = {
  'importedNames LeftBrace': '`{` and the imported names',
  'importPath FromKeyword': '`from "path"` after the imported names',
  'importPath Text': 'the path of the imported file, in double quotes',
  'importedName Identifier': 'a name to import',
  'blockHeader Identifier': 'the name of the block',
  'functionHeader Identifier': 'the name of the function',
  'modelHeader Identifier': 'the name of the model',
  'trainHeader Identifier': 'the name of the training program',
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
  'stateStatement Identifier': 'the name of the state',
  'stateStatement Colon': '`:` and the type of the state',
  'nextStatement Identifier': 'the name of a state',
  'nextStatement Equal': '`=` and the next value of the state',
  'auxStatement Identifier': 'the name of the value',
  'auxStatement Equal': '`=` and a value',
  'metricStatement Identifier': 'the name of the metric',
  'metricStatement Equal': '`=` and the value of the metric',
  'optimizerHeader Identifier': 'an optimizer such as `adamw(lr: 1e-3)`',
  'groups LeftBrace': '`{` and the groups of the optimizer',
  'patterns Text': 'a pattern of parameter paths in double quotes, such as `"**.bias"`',
  'arguments LeftParen': '`(` and the arguments',
  'generateStatement Identifier': 'a name: `generate input along dimension from output`',
  'generateStatement AlongKeyword': '`along` and the dimension that grows',
  'generateStatement FromKeyword': '`from` and the output to choose from',
  'experts LeftExpertBrace': '`{` and the value of an expert, `{ t => … }`',
  'experts Identifier': 'the name of the tokens an expert takes: `{ t => … }`',
  'experts FatArrow': '`=>` and the value of an expert',
  'iteration Identifier': 'the name of the loop variable',
  'iteration In': '`in` and what to go through',
  'path Segment': 'a parameter path such as `head` or `layers.norm`',
  'arm Then': '`then`',
  'conditional Else': '`else`: an `if` expression has both branches',
  'comprehension FatArrow': '`=>` and the element',
  'member Segment': 'a name after `.`',
};

/** Where several tokens are possible, by rule. */
const choices: Readonly<Record<string, string>> = {
  type: 'a type',
  results: 'a tensor type, or several in parentheses',
  axis: 'an axis',
  subscript: 'an index or a slice',
  list: 'an element or `]`',
  elseBranch: '`{` or `if` after `else`',
  dimsStatement: 'the name of a dimension',
  path: 'a parameter path such as `head` or `layers.norm`',
  header: '`{` to open the body',
  else: '`{` or `if` after `else`',
  condition: '`{` to open the body',
  importedNames: '`,` or `}` after the imported names',
  value: '`,` or the end of the value',
  optimizer: '`{` and groups, or the next statement,',
  groups: '`group` or `}`',
  patterns: 'a pattern of parameter paths in double quotes, such as `"**.bias"`',
  experts: 'an operator or `}`',
};

export function expectation(failure: Failure, previous: IToken | undefined): string {
  const { rule, wanted, second } = failure;
  if (rule === 'parameters' && second && wanted === t.LeftParen.name) {
    return '`(` and the tensors: a block has two lists, `block Name(hyperparameters)(tensors)`';
  }
  if (rule === 'importedName' && previous?.tokenType === t.AsKeyword) return 'a new name after `as`';
  if (wanted !== '') return phrases[`${rule} ${wanted}`] ?? labelOf(wanted);
  return choices[rule] ?? valueAfter(previous);
}

/** An expression is missing; the word before it tells what for. */
function valueAfter(previous: IToken | undefined): string {
  switch (previous?.tokenType) {
    case t.Equal:
      return 'a value after `=`';
    case t.ReturnKeyword:
      return 'a value to return';
    case t.IfKeyword:
    case t.If:
      return 'a condition after `if`';
    case t.RequireKeyword:
      return 'a condition after `require`';
    case t.LossKeyword:
      return 'a value after `loss`';
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
