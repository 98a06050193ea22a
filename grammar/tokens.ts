/**
 * The words and signs of the language, and the lexer that finds them.
 *
 * Only the reserved words have tokens of their own here. Every other word is an `Identifier`; the layout stage
 * (`src/compiler/syntax/layout.ts`) decides which of them stand as keywords, and gives those one of the `Keyword`
 * types, whose patterns match nothing. So a grammar rule never has to guess whether `input` is a name.
 */
import { createToken, Lexer } from 'chevrotain';
import type { TokenType } from 'chevrotain';

const word = /[A-Za-z_]\w*/;

const foreignWord = /(?:[A-Za-z_]\w*)?(?!\w)[\p{L}\p{Nl}][\w\p{L}\p{M}\p{Nd}\p{Nl}]*/uy;

function matchAt(sticky: RegExp, text: string, offset: number): RegExpExecArray | null {
  sticky.lastIndex = offset;
  return sticky.exec(text);
}

/** A type that no text matches: the layout stage hands it out, or it is a category. */
function assigned(name: string, label: string, categories: TokenType[] = []): TokenType {
  return createToken({ name, label, pattern: Lexer.NA, categories });
}

function sign(name: string, text: string, ...categories: TokenType[]): TokenType {
  return createToken({ name, label: `\`${text}\``, pattern: text, categories });
}

function reserved(name: string, text: string, ...categories: TokenType[]): TokenType {
  return createToken({ name, label: `\`${text}\``, pattern: text, longer_alt: Identifier, categories });
}

// Categories.
/** Everything that neither begins something nor is a brace: what may be left over where a statement should end. */
export const Loose = assigned('Loose', 'anything');
export const BinaryOperator = assigned('BinaryOperator', 'an operator');
export const PrefixOperator = assigned('PrefixOperator', 'an operator');
/** Part of a dotted path: a name, or the number that PyTorch gives a part of a sequence. */
export const Segment = assigned('Segment', 'a name');
/** Begins a statement of a body. Never part of an expression, so recovery may always stop there. */
export const StatementStart = assigned('StatementStart', 'a statement');
/** Begins a declaration of a file. */
export const DeclarationStart = assigned('DeclarationStart', 'a declaration');

/**
 * A word with letters that no name may have. It is lexed as a whole, so that the lexing stage can report it once and
 * hand it on as a name. Code units beyond 255 fall into buckets of 255 in chevrotain's table of first characters.
 */
export const ForeignWord = createToken({
  name: 'ForeignWord',
  label: 'a name',
  pattern: (text, offset) => matchAt(foreignWord, text, offset),
  start_chars_hint: [
    ...Array.from({ length: 256 }, (_, code) => code).filter(
      (code) => word.test(String.fromCharCode(code)) || code > 127,
    ),
    ...Array.from({ length: 257 }, (_, bucket) => 255 * (bucket + 1)),
  ],
  line_breaks: false,
});

export const Identifier = createToken({
  name: 'Identifier',
  label: 'a name',
  pattern: word,
  categories: [Loose, Segment],
});

// Reserved words.
export const If = reserved('If', 'if', Loose);
export const Then = reserved('Then', 'then', Loose);
export const Else = reserved('Else', 'else', Loose);
export const For = reserved('For', 'for', Loose);
export const In = reserved('In', 'in', Loose);
export const Return = reserved('Return', 'return', Loose);
export const And = reserved('And', 'and', Loose, BinaryOperator);
export const Or = reserved('Or', 'or', Loose, BinaryOperator);
export const Not = reserved('Not', 'not', Loose, PrefixOperator);
export const True = reserved('True', 'true', Loose);
export const False = reserved('False', 'false', Loose);
export const None = reserved('None', 'none', Loose);
export const Frozen = reserved('Frozen', 'frozen', Loose, PrefixOperator);
export const Training = reserved('Training', 'training', Loose);
export const Mixture = reserved('Mixture', 'mixture', Loose);
export const Import = reserved('Import', 'import', Loose);

// Words that are keywords by position; see the layout stage.
export const BlockKeyword = assigned('BlockKeyword', '`block`', [DeclarationStart]);
export const FnKeyword = assigned('FnKeyword', '`fn`', [DeclarationStart]);
export const ModelKeyword = assigned('ModelKeyword', '`model`', [DeclarationStart]);
export const TrainKeyword = assigned('TrainKeyword', '`train`', [DeclarationStart]);
export const ParamKeyword = assigned('ParamKeyword', '`param`', [StatementStart]);
export const InputKeyword = assigned('InputKeyword', '`input`', [StatementStart]);
export const OutputKeyword = assigned('OutputKeyword', '`output`', [StatementStart]);
export const ConstKeyword = assigned('ConstKeyword', '`const`', [StatementStart]);
export const RequireKeyword = assigned('RequireKeyword', '`require`', [StatementStart]);
export const DimsKeyword = assigned('DimsKeyword', '`dims`', [StatementStart]);
export const StateKeyword = assigned('StateKeyword', '`state`', [StatementStart]);
export const NextKeyword = assigned('NextKeyword', '`next`', [StatementStart]);
export const AuxKeyword = assigned('AuxKeyword', '`aux`', [StatementStart]);
export const LossKeyword = assigned('LossKeyword', '`loss`', [StatementStart]);
export const MetricKeyword = assigned('MetricKeyword', '`metric`', [StatementStart]);
export const OptimizerKeyword = assigned('OptimizerKeyword', '`optimizer`', [StatementStart]);
export const GenerateKeyword = assigned('GenerateKeyword', '`generate`', [StatementStart]);
/** Begins what the braces of an optimizer hold. */
export const GroupKeyword = assigned('GroupKeyword', '`group`', [StatementStart]);
/** Reserved words where they do begin something; elsewhere they keep their plain types. */
export const ImportKeyword = assigned('ImportKeyword', '`import`', [DeclarationStart]);
export const ReturnKeyword = assigned('ReturnKeyword', '`return`', [StatementStart]);
export const IfKeyword = assigned('IfKeyword', '`if`', [StatementStart]);
export const ForKeyword = assigned('ForKeyword', '`for`', [StatementStart]);
export const AsKeyword = assigned('AsKeyword', '`as`', [Loose]);
export const FromKeyword = assigned('FromKeyword', '`from`', [Loose]);
export const AlongKeyword = assigned('AlongKeyword', '`along`', [Loose]);
/** The braces of a `mixture`: those of an expression, which end no statement. */
export const LeftExpertBrace = assigned('LeftExpertBrace', '`{`', [Loose]);
export const RightExpertBrace = assigned('RightExpertBrace', '`}`', [Loose]);
/** The first name of an assignment. */
export const Target = assigned('Target', 'a name', [StatementStart]);
/** Text that was reported and left out of the stream: a statement or declaration, and an operand. */
export const Skipped = assigned('Skipped', 'skipped text', [StatementStart]);
export const SkippedOperand = assigned('SkippedOperand', 'skipped text', [Loose]);

// Literals. The malformed ones are reported by the lexing stage and then taken for what they were meant to be.
// A number may not run into a word or a second fraction: `3x` and `1.5.2` are malformed, `0..3` is a range.
export const Float = createToken({
  name: 'Float',
  label: 'a number',
  pattern: /\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)(?!\w|\.\d)/,
  categories: [Loose],
});
export const Integer = createToken({
  name: 'Integer',
  label: 'a number',
  pattern: /\d+(?!\w|\.\d)/,
  categories: [Loose, Segment],
});
export const MalformedNumber = createToken({
  name: 'MalformedNumber',
  label: 'a number',
  pattern: /\d+(?:\.\d+)*(?:[eE][+-]?\d+)?\w*/,
  categories: [Float],
});
// Written without nested repetition over single characters, so that a very long string costs no backtracking.
export const Text = createToken({
  name: 'Text',
  label: 'a string',
  pattern: /"[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*"/,
  categories: [Loose],
});
export const UnterminatedText = createToken({
  name: 'UnterminatedText',
  label: 'a string',
  pattern: /"[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*\\?/,
  categories: [Text],
});
export const SingleQuotedText = createToken({
  name: 'SingleQuotedText',
  label: 'a string',
  pattern: /'[^'\n\r]*'/,
  categories: [Text],
});

// Signs. Longer ones come before their prefixes.
export const Ellipsis = sign('Ellipsis', '...', Loose);
export const DotDot = sign('DotDot', '..', Loose, BinaryOperator);
export const Dot = sign('Dot', '.', Loose);
export const Arrow = sign('Arrow', '->', Loose);
export const FatArrow = sign('FatArrow', '=>', Loose);
export const PipeArrow = sign('PipeArrow', '|>', Loose);
export const Bar = sign('Bar', '|', Loose);
export const EqualEqual = sign('EqualEqual', '==', Loose, BinaryOperator);
export const NotEqual = sign('NotEqual', '!=', Loose, BinaryOperator);
export const LessEqual = sign('LessEqual', '<=', Loose, BinaryOperator);
export const GreaterEqual = sign('GreaterEqual', '>=', Loose, BinaryOperator);
export const Less = sign('Less', '<', Loose, BinaryOperator);
export const Greater = sign('Greater', '>', Loose, BinaryOperator);
export const Equal = sign('Equal', '=', Loose);
export const StarStar = sign('StarStar', '**', Loose, BinaryOperator);
export const Star = sign('Star', '*', Loose, BinaryOperator);
export const Slash = sign('Slash', '/', Loose, BinaryOperator);
export const Percent = sign('Percent', '%', Loose, BinaryOperator);
export const At = sign('At', '@', Loose, BinaryOperator);
export const Plus = sign('Plus', '+', Loose, BinaryOperator, PrefixOperator);
export const Minus = sign('Minus', '-', Loose, BinaryOperator, PrefixOperator);
export const LeftParen = sign('LeftParen', '(', Loose);
export const RightParen = sign('RightParen', ')', Loose);
export const LeftBracket = sign('LeftBracket', '[', Loose);
export const RightBracket = sign('RightBracket', ']', Loose);
export const LeftBrace = sign('LeftBrace', '{');
export const RightBrace = sign('RightBrace', '}');
export const Comma = sign('Comma', ',', Loose);
export const Colon = sign('Colon', ':', Loose);
export const Question = sign('Question', '?', Loose);

// Off the stream.
const WhiteSpace = createToken({ name: 'WhiteSpace', pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });
export const Comment = createToken({ name: 'Comment', pattern: /\/\/[^\n\r]*/, group: 'comments' });
/** A `#` comment of another language: reported, not parsed. */
export const HashComment = createToken({ name: 'HashComment', pattern: /#[^\n\r]*/, group: 'mistakes' });

const offStream = [WhiteSpace, Comment, HashComment];

const reservedWords = [
  If,
  Then,
  Else,
  For,
  In,
  Return,
  And,
  Or,
  Not,
  True,
  False,
  None,
  Frozen,
  Training,
  Mixture,
  Import,
];

const literals = [Float, Integer, MalformedNumber, Text, UnterminatedText, SingleQuotedText];

const signs = [
  Ellipsis,
  DotDot,
  Dot,
  Arrow,
  FatArrow,
  PipeArrow,
  Bar,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equal,
  StarStar,
  Star,
  Slash,
  Percent,
  At,
  Plus,
  Minus,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  Comma,
  Colon,
  Question,
];

/** Those that no text matches. */
const assignedTypes = [
  BinaryOperator,
  PrefixOperator,
  Segment,
  StatementStart,
  DeclarationStart,
  BlockKeyword,
  FnKeyword,
  ModelKeyword,
  TrainKeyword,
  ParamKeyword,
  InputKeyword,
  OutputKeyword,
  ConstKeyword,
  RequireKeyword,
  DimsKeyword,
  StateKeyword,
  NextKeyword,
  AuxKeyword,
  LossKeyword,
  MetricKeyword,
  OptimizerKeyword,
  GenerateKeyword,
  GroupKeyword,
  ImportKeyword,
  ReturnKeyword,
  IfKeyword,
  ForKeyword,
  AsKeyword,
  FromKeyword,
  AlongKeyword,
  LeftExpertBrace,
  RightExpertBrace,
  Target,
  Skipped,
  SkippedOperand,
  Loose,
];

/** Every token type, in the order in which the lexer tries them. */
export const tokenTypes: TokenType[] = [
  ...offStream,
  ForeignWord,
  ...reservedWords,
  Identifier,
  ...literals,
  ...signs,
  ...assignedTypes,
];

/** The words that are never names. */
export const reservedTexts: readonly string[] = reservedWords.map((type) => String(type.PATTERN));

/** Stateless between calls of `tokenize`; built once because its analysis costs more than lexing a file. */
export const lexer = new Lexer(tokenTypes, { positionTracking: 'full', ensureOptimizations: true });
