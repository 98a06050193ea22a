/**
 * The structure of an entry as its author wrote it: which application of a block or function, or which round of a
 * loop, made which nodes. Applications are expanded in place, so each one's nodes are a stretch of the graph's list.
 */
import type { Span } from '../base/source.ts';
import type { Node, Value } from '../ir/graph.ts';
import type {
  BlockDeclaration,
  ComprehensionExpr,
  EntryDeclaration,
  ForStatement,
  FunctionDeclaration,
  Hyperparameter,
  MixtureExpr,
  TensorParameter,
} from '../syntax/ast.ts';
import type { Frame } from './frame.ts';
import { printValue, type StaticValue } from './values.ts';

export interface PartDescription {
  readonly kind: 'model' | 'train' | 'block' | 'function' | 'mixture' | 'round';
  /** The declaration's name; of a round, the last segment of its loop's path, or the empty text. */
  readonly name: string;
  readonly doc: string;
  /** Dotted path of the parameters made here; a function has the path of its caller. */
  readonly path: string;
  /** As a reader would write them, by name. */
  readonly hyperparameters: ReadonlyMap<string, string>;
  /** Where it is applied; of a round, the whole loop, which all its rounds share. */
  readonly span: Span;
  /** How many it stands for, where that is not one: the experts of a mixture, of which one is recorded. */
  readonly copies?: number;
  /** Tensor arguments that were given. */
  readonly inputs: readonly { readonly name: string; readonly value: Value }[];
}

/** One application, and those made inside it, in order. */
export interface Part extends PartDescription {
  readonly outputs: readonly Value[];
  /** Its nodes are `first` up to but not including `end` of the graph as elaborated. */
  readonly first: number;
  readonly end: number;
  readonly parts: readonly Part[];
}

/** An application whose signature is bound in the frame of its body. */
export function describeApplication(
  inner: Frame,
  declaration: BlockDeclaration | FunctionDeclaration | EntryDeclaration,
): PartDescription {
  const { kind, name, doc } = declaration;
  const hyperparameters = new Map<string, string>();
  const inputs: { name: string; value: Value }[] = [];
  for (const parameter of signatureOf(declaration)) {
    const bound = inner.scope.definedHere(parameter.name.text)?.value;
    if (!bound) continue;
    if (parameter.kind === 'hyperparameter') hyperparameters.set(parameter.name.text, printValue(bound));
    else if (bound.kind === 'tensor') inputs.push({ name: parameter.name.text, value: bound.value });
  }
  return {
    kind,
    name: name.text,
    doc,
    path: inner.path,
    hyperparameters,
    span: inner.caller?.span ?? name.span,
    inputs,
  };
}

function signatureOf(
  declaration: BlockDeclaration | FunctionDeclaration | EntryDeclaration,
): readonly (Hyperparameter | TensorParameter)[] {
  switch (declaration.kind) {
    case 'block':
      return [...declaration.hyperparameters, ...declaration.tensors];
    case 'function':
      return declaration.parameters;
    case 'model':
    case 'train':
      return declaration.hyperparameters;
  }
}

/** A round of a loop or comprehension, or the experts of a mixture, with the frame of its body. */
export function describeRound(inner: Frame, loop: ForStatement | ComprehensionExpr | MixtureExpr): PartDescription {
  return {
    kind: 'round',
    name: loop.path?.at(-1)?.text ?? '',
    doc: '',
    path: inner.path,
    hyperparameters: new Map(),
    span: loop.span,
    inputs: [],
  };
}

/** The tensors in a value, those of tuples and lists one by one. */
export function tensorsIn(value: StaticValue): Value[] {
  if (value.kind === 'tensor') return [value.value];
  return value.kind === 'tuple' || value.kind === 'list' ? value.elements.flatMap(tensorsIn) : [];
}

/** Follows an elaboration from application to application. */
export class StructureRecorder {
  readonly #nodes: readonly Node[];
  #siblings: Part[] = [];

  /** `nodes` is the list that the elaboration appends to. */
  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** Runs what makes the nodes of one part; `outputsOf` tells which values it answers. */
  record<T>(description: PartDescription, action: () => T, outputsOf: (result: T) => readonly Value[]): T {
    const outer = this.#siblings;
    const parts: Part[] = [];
    const first = this.#nodes.length;
    this.#siblings = parts;
    try {
      const result = action();
      outer.push({ ...description, outputs: outputsOf(result), first, end: this.#nodes.length, parts });
      return result;
    } finally {
      this.#siblings = outer;
    }
  }

  /**
   * Moves the part recorded last, whose nodes have been replaced: the nodes at `first + i` of the list by those from
   * `places[i]` up to `places[i + 1]`, where `first` is the first of its own; and its values.
   */
  relocate(places: readonly number[], valueFor: (value: Value) => Value): void {
    const last = this.#siblings.pop();
    if (!last) throw new Error('internal: there is no part to relocate');
    const move = (part: Part): Part => ({
      ...part,
      inputs: part.inputs.map(({ name, value }) => ({ name, value: valueFor(value) })),
      outputs: part.outputs.map(valueFor),
      first: places[part.first - last.first]!,
      end: places[part.end - last.first]!,
      parts: part.parts.map(move),
    });
    this.#siblings.push(move(last));
  }

  /** The outermost part; undefined before it is complete. */
  get root(): Part | undefined {
    return this.#siblings[0];
  }
}
