/** Random specs that follow the grammar, whatever they may mean. */
import fc from 'fast-check';

type Text = fc.Arbitrary<string>;

/** The parts, joined by spaces. */
function words(...parts: readonly (Text | string)[]): Text {
  return fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((p) => p.join(' '));
}

/** `a, b` or, half of the time, `a, b,`. */
function list(item: Text, { min = 0, max = 4 } = {}): Text {
  return fc
    .tuple(fc.array(item, { minLength: min, maxLength: max }), fc.boolean())
    .map(([items, comma]) => items.join(' , ') + (comma && items.length > 0 ? ' ,' : ''));
}

function maybe(text: Text): Text {
  return fc.option(text, { nil: '' }).map((value) => value ?? '');
}

const name = fc.constantFrom(
  'a',
  'b',
  'x',
  'weight',
  'a_rather_long_name',
  'another_name_that_is_even_longer',
  'group',
);
const literal = fc.constantFrom('0', '12', '0.50', '3e-4', '1E6', '"a  b"', '"// none"', 'true', 'none', 'training');
const path = words(
  'as',
  fc.array(fc.oneof(name, fc.constant('0')), { minLength: 1, maxLength: 3 }).map((names) => names.join(' . ')),
);
const binaryOperator = fc.constantFrom('+', '-', '*', '/', '%', '@', '**', 'and', 'or');
const prefix = fc.constantFrom('-', '+', 'not', 'frozen');

interface Expressions {
  expression: string;
  operand: string;
  argument: string;
  subscript: string;
}

const { expression, argument } = fc.letrec<Expressions>((tie: fc.LetrecTypedTie<Expressions>) => {
  const inner = tie('expression');
  const operand = tie('operand');
  return {
    expression: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'e', withCrossShrink: true },
      operand,
      words(operand, binaryOperator, operand),
      words(operand, binaryOperator, operand, binaryOperator, operand),
      words(operand, fc.constantFrom('==', '<', '>=', '..'), operand),
      words(prefix, operand),
      words(operand, '|>', name, '(', list(tie('argument')), ')', maybe(path)),
      words(operand, '|>', name, maybe(path), '|>', name, '(', list(tie('argument')), ')'),
      words('if', inner, 'then', inner, 'else', inner),
    ),
    operand: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'e', withCrossShrink: true },
      name,
      literal,
      words('(', inner, ')'),
      words('( (', inner, ') )'),
      words('(', inner, ',', list(inner), ')'),
      words('( )'),
      words('[', list(inner), ']'),
      words('[ for', name, 'in (', inner, ')', maybe(path), '=>', inner, ']'),
      words(name, '(', list(tie('argument')), ')'),
      words('(', inner, ') (', list(tie('argument')), ')'),
      words(name, '[', list(tie('subscript'), { min: 1 }), ']'),
      words(name, '. weight'),
      words(name, '. 0 . 12 . weight'),
      words('mixture (', list(tie('argument'), { min: 1 }), ')', maybe(path), '{', name, '=>', inner, '}'),
    ),
    argument: fc.oneof({ depthIdentifier: 'e' }, inner, words(name, ':', inner)),
    subscript: fc.oneof(
      { depthIdentifier: 'e' },
      inner,
      words(maybe(tie('operand')), ':', maybe(tie('operand')), fc.constantFrom('', ':')),
      words(maybe(tie('operand')), ':', maybe(tie('operand')), ':', tie('operand')),
      fc.constantFrom('...', 'none', '( none )'),
    ),
  };
});

const axis = fc.oneof(expression, words('..', name));
const tensorType = words(fc.constantFrom('f32', 'i32'), '[', list(axis), ']');
const valueType: Text = fc.constantFrom(
  'int',
  'float ?',
  '"a" | "b"',
  '( int , int )',
  '( int , ( bool , ) )',
  '[ string ]',
  '[ block ? ] ?',
  '"cls" | "mean" | "another choice" | "none" ?',
);

interface Statements {
  statements: string;
  statement: string;
}

const { statements } = fc.letrec<Statements>((tie: fc.LetrecTypedTie<Statements>) => {
  const body = words('{', tie('statements'), '}');
  const value = words('=', expression);
  return {
    statements: fc.array(tie('statement'), { maxLength: 4, depthIdentifier: 's' }).map((list_) => list_.join(' \n ')),
    statement: fc.oneof(
      { maxDepth: 2, depthIdentifier: 's', withCrossShrink: true },
      words(name, value),
      words(name, ',', name, value),
      words(name, ':', tensorType, value),
      words('param', name, ':', tensorType, maybe(value)),
      words('state', name, ':', tensorType, maybe(value)),
      words('input', name, maybe(fc.constant('?')), ':', tensorType),
      words('output', name, maybe(words(':', tensorType)), value),
      words(fc.constantFrom('const', 'next', 'aux', 'metric'), name, value),
      words('loss', expression),
      words('require', expression, maybe(fc.constant(', "a message"'))),
      words('dims', name, '<=', expression, ',', name),
      words('return', expression, maybe(words(',', expression))),
      words('generate', name, 'along', name, 'from', name),
      words('optimizer', name, maybe(words('(', list(argument), ')'))),
      words('optimizer', name, '{ group "a" , "b" (', list(argument), ') group "c" ( ) }'),
      words('if', expression, body),
      words('if', expression, body, 'else if', expression, body),
      words('if', expression, body, 'else', body),
      words('for', name, 'in (', expression, ')', maybe(path), body),
    ),
  };
});

const body = words('{', statements, '}');
const hyperparameter = words(name, ':', valueType, maybe(words('=', expression)));
const tensor = words(name, maybe(fc.constant('?')), ':', tensorType);
const results = fc.oneof(tensorType, words('(', list(tensorType, { min: 1 }), ')'));

const declaration = fc.oneof(
  words('const', name, '=', expression),
  words(fc.constantFrom('model', 'train'), name, maybe(words('(', list(hyperparameter), ')')), body),
  words('block', name, '(', list(hyperparameter), ') (', list(tensor), ') ->', results, body),
  words('fn', name, '(', list(fc.oneof(tensor, hyperparameter)), ') ->', results, body),
);

const importDeclaration = words('import {', list(words(name, maybe(words('as', name)))), '} from "std/nn"');

/** The text of a file, its tokens separated by spaces and a newline here and there. */
export const spec: Text = fc
  .tuple(fc.array(importDeclaration, { maxLength: 2 }), fc.array(declaration, { maxLength: 3 }))
  .map(([imports, declarations]) => [...imports, ...declarations].join(' \n '));
