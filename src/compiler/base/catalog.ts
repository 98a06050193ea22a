/**
 * Every diagnostic code, once. The first digit tells the stage: 1 lexis and syntax, 2 names, values and shapes,
 * 3 weights and other files, 4 command line, 5 generation.
 */
import { generationEntries } from './catalog-generation.ts';
import { semanticEntries } from './catalog-semantics.ts';
import { weightEntries } from './catalog-weights.ts';

export interface CatalogEntry {
  /** The mistake in a few words. */
  readonly title: string;
  /** What it means and how to mend it, for `heddle explain`. */
  readonly explanation: string;
}

const entries = {
  HED1001: {
    title: 'unexpected character',
    explanation:
      'The text holds a character that begins no word or sign of the language. Outside of strings and comments only ' +
      'ASCII letters, digits, `_` and the signs of the language may stand. A comment begins with `//`, a string stands ' +
      'in double quotes, statements need no `;`, and the logical operators are the words `and`, `or` and `not`.',
  },
  HED1002: {
    title: 'syntax error',
    explanation:
      'The text cannot go on as it does at this place; the message says what could stand there. Often a sign just ' +
      'before it is missing, or there is one too many. Newlines do not matter: a statement ends where its last ' +
      'expression cannot go on.',
  },
  HED1003: {
    title: 'unclosed bracket',
    explanation:
      'A `(`, `[` or `{` is not closed where what it holds must end: before the next statement, before another kind of ' +
      'closing bracket, or at the end of the file. The place where it was opened is shown too.',
  },
  HED1004: {
    title: 'unknown word at the start of a statement',
    explanation:
      'A statement begins with a word such as `param`, `input`, `output`, `const`, `loss`, `if`, `for` or `return`, or ' +
      'it assigns: `name = …`. A file holds `import`, `block`, `fn`, `model`, `train` and `const`. An assignment needs ' +
      'no keyword.',
  },
  HED1005: {
    title: 'expression without effect',
    explanation:
      'An expression alone is not a statement: nothing in the language acts by being evaluated, so its value would be ' +
      'lost. Give the value a name, `y = f(x)`, or return it. For the same reason there is no `+=`: a value is never ' +
      'changed, but `x = x + 1` gives the name `x` a new one.',
  },
  HED1006: {
    title: 'missing operand',
    explanation:
      'An operator, or the pipe `|>`, needs something on its right. It may stand on the next line, but there another ' +
      'statement begins, or the text ends. An `if … then … else …` as an operand needs parentheses, because it binds ' +
      'more loosely than any operator.',
  },
  HED1007: {
    title: 'malformed number',
    explanation:
      'A number is an integer such as `42` or a float such as `0.5`, `1.0` or `3e-4`. A float has digits on both sides ' +
      'of its dot, so that `0..n` is a range. A name cannot begin with a digit.',
  },
  HED1008: {
    title: 'malformed string',
    explanation:
      'A string stands in double quotes on one line. Inside, `\\n` is a line break, `\\t` a tab, `\\"` a quote and `\\\\` ' +
      'a backslash; there are no other escapes.',
  },
  HED1009: {
    title: 'nested too deeply',
    explanation:
      'Brackets, signs and bodies may lie in each other only 128 levels deep, and only 1024 operators, stages of a pipe ' +
      'or `else if`s may follow each other, so that every tool can process every file. Name parts of the expression in ' +
      'statements of their own.',
  },
  HED1011: {
    title: 'chained comparison',
    explanation:
      'Comparisons and ranges do not chain: `a < b < c` would compare the outcome of `a < b` with `c`. Write ' +
      '`a < b and b < c`.',
  },
  HED1012: {
    title: 'misplaced statement or declaration',
    explanation:
      'A file holds imports first, and then declarations: `block`, `fn`, `model`, `train` and `const`. Other statements ' +
      'stand in the body of a declaration. A statement found outside often means that a `}` before it is one too many. ' +
      'The braces of an `optimizer` hold groups alone, and those of a `mixture` one value, `{ t => … }`.',
  },
  HED1013: {
    title: 'unknown type',
    explanation:
      'A compile-time value has one of the types `int`, `float`, `bool`, `string`, `block`, `fn` and `dtype`, a choice of ' +
      'strings `"a" | "b"`, a tuple `(int, int)` or a list `[int]`; `T?` also admits `none`. A tensor type is an element ' +
      'type with its axes, `f32[batch, n]`; a scalar has none, `f32[]`.',
  },
  HED1014: {
    title: 'named argument with `=`',
    explanation:
      'A named argument is written with a colon: `Linear(out, bias: false)`. The `=` only stands in assignments and ' +
      'defaults.',
  },
  HED1015: {
    title: 'malformed pipe stage',
    explanation:
      'Behind `|>` stands a name or a call: `x |> relu |> Linear(dim) as head`. The value on the left becomes the ' +
      "block's tensor, or the function's first argument.",
  },
  HED1016: {
    title: 'number out of range',
    explanation:
      'Integers are exact up to 9007199254740991 (2⁵³ - 1), and floats are finite 64-bit numbers. The literal lies ' +
      'outside.',
  },
  HED1017: {
    title: 'type behind several names',
    explanation:
      'A shape can be asserted where one name is assigned: `y: f32[batch, n] = e`. Behind several names, `a, b = e`, ' +
      'it would not be clear whose shape is meant.',
  },
  HED1018: {
    title: 'misplaced parameter',
    explanation:
      'A block has two lists of parameters: compile-time values first, tensors second. A model has only the first, and ' +
      'declares its tensors by `input`. An optional tensor is marked behind its name (`noise?: f32[t]`) and has no ' +
      'default; an optional value is marked behind its type (`factor: float? = none`).',
  },
  HED1019: {
    title: 'reserved word as a name',
    explanation:
      'The words `if then else for in return and or not true false none frozen training mixture import` are reserved and ' +
      'cannot be names. All other words can, also those that begin statements: `input = …` assigns to `input`.',
  },
  HED1020: {
    title: 'not a text file',
    explanation:
      'The file holds characters that no text holds, or many bytes that are not UTF-8. Probably another file was meant, ' +
      'or an editor saved it in another encoding, such as UTF-16.',
  },
  HED1021: {
    title: 'too many syntax errors',
    explanation:
      'Of the syntax errors of one file only the first hundred are reported. Mend those from the top: often one of them ' +
      'causes others. If nothing seems to fit, the file may be written in another language.',
  },
  HED1022: {
    title: 'file too long',
    explanation:
      'A file may have 200000 words and signs, and two million characters: about ten thousand lines. What is larger is ' +
      'usually data, which belongs into a file of weights, or was unrolled by a program, where a `for` says the same.',
  },
  ...semanticEntries,
  ...weightEntries,
  ...generationEntries,
} as const satisfies Record<string, CatalogEntry>;

export type Code = keyof typeof entries;
export const catalog: Readonly<Record<Code, CatalogEntry>> = entries;

/** The codes by subject, in the order of the catalogue: each has exactly one of the prefixes. */
export const codeGroups: readonly { readonly prefix: string; readonly title: string }[] = [
  { prefix: 'HED1', title: 'Text and syntax' },
  { prefix: 'HED20', title: 'Files and names' },
  { prefix: 'HED21', title: 'Compile-time values and members' },
  { prefix: 'HED22', title: 'Types and shapes' },
  { prefix: 'HED23', title: 'Calls of blocks, models and functions' },
  { prefix: 'HED24', title: 'Hyperparameters' },
  { prefix: 'HED25', title: 'Statements' },
  { prefix: 'HED26', title: 'Subscripts' },
  { prefix: 'HED27', title: 'Names and parameters without use' },
  { prefix: 'HED3', title: 'Weights and rename maps' },
  { prefix: 'HED4', title: 'Entries, settings and taps' },
  { prefix: 'HED5', title: 'Generation' },
];
