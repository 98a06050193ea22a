/** The syntax tree of a `.model` file. Plain data; error nodes stand where the parser recovered. */
import type { Source, Span } from '../base/source.ts';

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface File {
  readonly source: Source;
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
  /** Names that imports and declarations would have given if they could be read: using them is no further mistake. */
  readonly missing: readonly Name[];
}

/** `import { A, B as C } from "std/nn"` */
export interface Import {
  readonly names: readonly { readonly name: Name; readonly alias?: Name }[];
  readonly from: { readonly text: string; readonly span: Span };
  readonly span: Span;
}

export type Declaration = BlockDeclaration | FunctionDeclaration | EntryDeclaration | ConstStatement;

/** What can be compiled. */
export type EntryDeclaration = ModelDeclaration | TrainDeclaration;

/** `block Name(hyperparameters)(tensors) -> results { }` */
export interface BlockDeclaration {
  readonly kind: 'block';
  readonly name: Name;
  readonly doc: string;
  readonly hyperparameters: readonly Hyperparameter[];
  readonly tensors: readonly TensorParameter[];
  readonly results: readonly TensorTypeExpr[];
  readonly body: Body;
  /** Part of the header could not be read: nothing follows from what is missing in it. */
  readonly incomplete?: true;
  readonly span: Span;
}

/** `fn name(tensors and values) -> results { }` */
export interface FunctionDeclaration {
  readonly kind: 'function';
  readonly name: Name;
  readonly doc: string;
  readonly parameters: readonly (TensorParameter | Hyperparameter)[];
  readonly results: readonly TensorTypeExpr[];
  readonly body: Body;
  /** Part of the header could not be read: nothing follows from what is missing in it. */
  readonly incomplete?: true;
  readonly span: Span;
}

/** `model Name(hyperparameters) { }` */
export interface ModelDeclaration {
  readonly kind: 'model';
  readonly name: Name;
  readonly doc: string;
  readonly hyperparameters: readonly Hyperparameter[];
  readonly body: Body;
  /** Part of the header could not be read: nothing follows from what is missing in it. */
  readonly incomplete?: true;
  readonly span: Span;
}

/** `train Name(hyperparameters) { }` */
export interface TrainDeclaration {
  readonly kind: 'train';
  readonly name: Name;
  readonly doc: string;
  readonly hyperparameters: readonly Hyperparameter[];
  readonly body: Body;
  /** Part of the header could not be read: nothing follows from what is missing in it. */
  readonly incomplete?: true;
  readonly span: Span;
}

/** `name: type = default`; a compile-time value. */
export interface Hyperparameter {
  readonly kind: 'hyperparameter';
  readonly name: Name;
  readonly type: ValueType;
  readonly default?: Expr;
  readonly span: Span;
}

/** `name?: f32[b, ..lead, d]` */
export interface TensorParameter {
  readonly kind: 'tensor';
  readonly name: Name;
  readonly optional: boolean;
  readonly type: TensorTypeExpr;
  readonly span: Span;
}

export interface TensorTypeExpr {
  readonly dtype: Name;
  readonly axes: readonly Axis[];
  readonly span: Span;
}

/** One axis of a tensor type: an integer expression (a bare name is a pattern variable in a signature) or `..lead`. */
export type Axis =
  | { readonly kind: 'size'; readonly value: Expr; readonly span: Span }
  | { readonly kind: 'rest'; readonly name: Name; readonly span: Span };

export type ValueType =
  | {
      readonly kind: 'primitive';
      readonly name: 'int' | 'float' | 'bool' | 'string' | 'block' | 'fn' | 'dtype';
      readonly span: Span;
    }
  | { readonly kind: 'literals'; readonly values: readonly string[]; readonly span: Span }
  | { readonly kind: 'tuple'; readonly elements: readonly ValueType[]; readonly span: Span }
  | { readonly kind: 'list'; readonly element: ValueType; readonly span: Span }
  | { readonly kind: 'optional'; readonly inner: ValueType; readonly span: Span };

/** A dotted path after `as`. */
export type Path = readonly Name[];

export interface Body {
  readonly statements: readonly Statement[];
  readonly span: Span;
}

export type Statement =
  | AssignStatement
  | ParamStatement
  | InputStatement
  | OutputStatement
  | ConstStatement
  | RequireStatement
  | DimsStatement
  | IfStatement
  | ForStatement
  | ReturnStatement
  | StateStatement
  | NextStatement
  | AuxStatement
  | LossStatement
  | MetricStatement
  | OptimizerStatement
  | GenerateStatement
  | ErrorStatement;

/** `a, b = e` or `y: f32[n] = e` (a type only with a single target). */
export interface AssignStatement {
  readonly kind: 'assign';
  readonly targets: readonly Name[];
  readonly type?: TensorTypeExpr;
  readonly value: Expr;
  readonly span: Span;
}

/** `param weight: f32[out, d] = initialiser` */
export interface ParamStatement {
  readonly kind: 'param';
  readonly name: Name;
  readonly type: TensorTypeExpr;
  readonly initializer?: Expr;
  readonly span: Span;
}

export interface InputStatement {
  readonly kind: 'input';
  readonly name: Name;
  readonly optional: boolean;
  readonly type: TensorTypeExpr;
  readonly span: Span;
}

export interface OutputStatement {
  readonly kind: 'output';
  readonly name: Name;
  readonly type?: TensorTypeExpr;
  readonly value: Expr;
  readonly span: Span;
}

/** `const name = e`, in a body or at top level. */
export interface ConstStatement {
  readonly kind: 'const';
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `require condition, "message with {value}"` */
export interface RequireStatement {
  readonly kind: 'require';
  readonly condition: Expr;
  readonly message?: StringLiteral;
  readonly span: Span;
}

/** `dims batch, seq <= 512` */
export interface DimsStatement {
  readonly kind: 'dims';
  readonly dims: readonly { readonly name: Name; readonly max?: Expr }[];
  readonly span: Span;
}

export interface IfStatement {
  readonly kind: 'if';
  readonly condition: Expr;
  readonly then: Body;
  /** An `else if` is a body of one `if`. */
  readonly else?: Body;
  readonly span: Span;
}

/** `for i in a..b as path { }` */
export interface ForStatement {
  readonly kind: 'for';
  readonly variable: Name;
  readonly over: Expr;
  readonly path?: Path;
  readonly body: Body;
  readonly span: Span;
}

/** `return a, b` */
export interface ReturnStatement {
  readonly kind: 'return';
  readonly values: readonly Expr[];
  readonly span: Span;
}

/** `state mean: f32[c] = zeros()`: a tensor without a gradient that steps may update. */
export interface StateStatement {
  readonly kind: 'state';
  readonly name: Name;
  readonly type: TensorTypeExpr;
  readonly initializer?: Expr;
  readonly span: Span;
}

/** `next mean = e`: the one update of a state in a step. */
export interface NextStatement {
  readonly kind: 'next';
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `aux balance = e`: a value that a block hands up to the losses. */
export interface AuxStatement {
  readonly kind: 'aux';
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `loss e`: the scalar to differentiate. */
export interface LossStatement {
  readonly kind: 'loss';
  readonly value: Expr;
  readonly span: Span;
}

/** `metric accuracy = e` */
export interface MetricStatement {
  readonly kind: 'metric';
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `optimizer adamw(lr: 1e-3) { group "**.bias" (weight_decay: 0) }` */
export interface OptimizerStatement {
  readonly kind: 'optimizer';
  readonly name: Name;
  readonly arguments: readonly Argument[];
  readonly groups: readonly OptimizerGroup[];
  readonly span: Span;
}

/** Parameters whose paths match one of the patterns, with settings of their own. */
export interface OptimizerGroup {
  readonly patterns: readonly StringLiteral[];
  readonly settings: readonly Argument[];
  readonly span: Span;
}

/** `generate idx along time from logits` */
export interface GenerateStatement {
  readonly kind: 'generate';
  readonly input: Name;
  readonly along: Name;
  readonly from: Name;
  readonly span: Span;
}

/** Where the parser skipped text; a diagnostic was reported there. */
export interface ErrorStatement {
  readonly kind: 'error';
  /** The names it would have bound, so that later stages do not report them as unknown. */
  readonly names: readonly Name[];
  readonly span: Span;
}

export type UnaryOperator = '-' | '+' | 'not';
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '@' | '**';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | 'and' | 'or';

export type Expr =
  | IntegerLiteral
  | FloatLiteral
  | StringLiteral
  | BoolLiteral
  | NoneLiteral
  | TrainingExpr
  | NameExpr
  | TupleExpr
  | ListExpr
  | ComprehensionExpr
  | RangeExpr
  | UnaryExpr
  | BinaryExpr
  | IfExpr
  | CallExpr
  | IndexExpr
  | MemberExpr
  | PipeExpr
  | FrozenExpr
  | MixtureExpr
  | ErrorExpr;

interface Node<K extends string> {
  readonly kind: K;
  readonly span: Span;
}

export interface IntegerLiteral extends Node<'integer'> {
  readonly value: number;
}
export interface FloatLiteral extends Node<'float'> {
  readonly value: number;
}
/** `text` is unescaped, without quotes. */
export interface StringLiteral extends Node<'string'> {
  readonly text: string;
}
export interface BoolLiteral extends Node<'bool'> {
  readonly value: boolean;
}
export type NoneLiteral = Node<'none'>;
/** The compile-time bool `training`. */
export type TrainingExpr = Node<'training'>;
export interface NameExpr extends Node<'name'> {
  readonly text: string;
}
/** `(a, b)`; a parenthesised single expression leaves no node. */
export interface TupleExpr extends Node<'tuple'> {
  readonly elements: readonly Expr[];
}
export interface ListExpr extends Node<'list'> {
  readonly elements: readonly Expr[];
}
/** `[for w in widths as convs => e]` */
export interface ComprehensionExpr extends Node<'comprehension'> {
  readonly variable: Name;
  readonly over: Expr;
  readonly path?: Path;
  readonly element: Expr;
}
/** `a..b`, half open. */
export interface RangeExpr extends Node<'range'> {
  readonly from: Expr;
  readonly to: Expr;
}
export interface UnaryExpr extends Node<'unary'> {
  readonly operator: UnaryOperator;
  readonly operand: Expr;
}
export interface BinaryExpr extends Node<'binary'> {
  readonly operator: BinaryOperator;
  readonly operatorSpan: Span;
  readonly left: Expr;
  readonly right: Expr;
}
export interface IfExpr extends Node<'if'> {
  readonly condition: Expr;
  readonly then: Expr;
  readonly else: Expr;
}
export interface Argument {
  readonly name?: Name;
  readonly value: Expr;
  readonly span: Span;
}
export interface CallExpr extends Node<'call'> {
  readonly callee: Expr;
  readonly arguments: readonly Argument[];
}
export type Subscript =
  | { readonly kind: 'index'; readonly value: Expr; readonly span: Span }
  | { readonly kind: 'slice'; readonly start?: Expr; readonly stop?: Expr; readonly step?: Expr; readonly span: Span }
  | { readonly kind: 'ellipsis'; readonly span: Span }
  | { readonly kind: 'newAxis'; readonly span: Span };
/** `x[:, 0]`, `pair[1]` */
export interface IndexExpr extends Node<'index'> {
  readonly base: Expr;
  readonly subscripts: readonly Subscript[];
}
/** `emb.weight` */
export interface MemberExpr extends Node<'member'> {
  readonly base: Expr;
  readonly member: Name;
}
/** `value |> stage as path`; `stage` is a name or a call. */
export interface PipeExpr extends Node<'pipe'> {
  readonly value: Expr;
  readonly stage: Expr;
  readonly path?: Path;
}
/** `frozen Model(…)`: without training mode, gradients and optimizer state. Binds like a unary operator. */
export interface FrozenExpr extends Node<'frozen'> {
  readonly value: Expr;
}
/** `mixture(x, gate, index, count) as experts { t => t |> … }` */
export interface MixtureExpr extends Node<'mixture'> {
  readonly arguments: readonly Argument[];
  readonly path?: Path;
  readonly variable: Name;
  readonly body: Expr;
}
/** Where the parser recovered inside an expression; a diagnostic was reported there. */
export type ErrorExpr = Node<'error'>;
