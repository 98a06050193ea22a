/** The state of one elaboration and of each block application within it. */
import { diagnostic, type Diagnostic, type DiagnosticDetails, DiagnosticSink, type Label } from '../base/diagnostic.ts';
import type { Code } from '../base/catalog.ts';
import { textOf, type Source, type Span } from '../base/source.ts';
import { isAtLeast, ZERO, type Dim } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { Condition, DimDeclaration, GraphInput, GraphOutput, GraphParameter, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import type { GenerateStatement } from '../syntax/ast.ts';
import type { Auxiliary, Metric, Mixture, OptionalInput, StateUpdate } from './elaborated.ts';
import type { ExpertScope } from './mixture/expert-scope.ts';
import type { ModelApplication } from './models.ts';
import type { Module } from './modules.ts';
import type { Declared } from './origins.ts';
import type { OptimizerChoice } from './optimizer-statement.ts';
import { Scope } from './scope.ts';
import type { StructureRecorder } from './structure.ts';
import { ERROR, type StaticValue } from './values.ts';

/** Which optional inputs an entry is elaborated with; without any, none. */
export interface InputChoice {
  /** Names that must be those of optional inputs. */
  readonly given: readonly string[];
  /** Names of tensors at hand: an optional input among them is given too. */
  readonly atHand: readonly string[];
}

/** What the statements of a `train` entry have said so far. */
export interface TrainParts {
  /** `value` is absent where the statement has a mistake. */
  readonly losses: { readonly value: Value | undefined; readonly span: Span }[];
  readonly metrics: Metric[];
  /** Dealt out to the parameters when all of those are known; `choice` is absent where there is a mistake. */
  readonly optimizers: { readonly choice: OptimizerChoice | undefined; readonly span: Span }[];
}

/** What one entry's elaboration gathers. */
export interface Elaboration {
  readonly sink: DiagnosticSink;
  readonly ops: OpTable;
  readonly builder: Builder;
  readonly inputChoice: InputChoice;
  /** A train entry is elaborated for its evaluation: its updates of states belong to its other form. */
  readonly isEvaluation: boolean;
  /** The file of the entry. */
  readonly home: Source;
  /** Shared with the builder: limits of the declared dims. */
  readonly bounds: Map<string, Dim>;
  readonly dims: DimDeclaration[];
  /** Where each of the dims was declared. */
  readonly dimSpans: Map<string, Span>;
  /** How inputs, parameters and states were declared. */
  readonly declared: Map<Value, Declared>;
  /** What is left for a run to check, each once: by its size and message. */
  readonly conditions: Map<string, Condition>;
  readonly inputs: GraphInput[];
  readonly optionalInputs: OptionalInput[];
  readonly parameters: Map<string, GraphParameter>;
  /** Where the entry's file makes each parameter, by path; those of experts also by the paths of their tensors. */
  readonly sites: Map<string, Span>;
  readonly outputs: GraphOutput[];
  /** What each state becomes, with where that was said. */
  readonly updates: Map<string, StateUpdate & { readonly span: Span }>;
  readonly auxiliaries: Auxiliary[];
  /** Names of auxiliary values with mistakes: missing them is no further one. */
  readonly brokenAuxiliaries: Set<string>;
  /** The paths of states by their values. */
  readonly states: Map<Value, string>;
  readonly mixtures: Mixture[];
  /** Inside of the body of a mixture. */
  expert: ExpertScope | undefined;
  readonly train: TrainParts;
  /** Checked when all inputs and outputs are known. */
  generation?: GenerateStatement;
  /** `output` statements so far, those with mistakes included. */
  outputStatements: number;
  /** Output values of every named instance by path, in order of application. */
  readonly instances: Map<string, Value[]>;
  readonly structure: StructureRecorder;
  /** Scopes of files whose top-level constants have been evaluated. */
  readonly fileScopes: Map<Module, Scope>;
  /** Places already reported, so that a mistake in a loop or a shared block is told once. */
  readonly reported: Set<string>;
  /** Calls that draw random numbers so far. */
  draws: number;
  /** Block applications and loop iterations so far; bounded, so that no spec runs away. */
  steps: number;
  /** That has been reported. */
  isTooMuch: boolean;
}

export interface Round {
  readonly path: string;
  /** Whether an instance stands there. */
  taken: boolean;
}

/** One body being elaborated: an entry, or one application of a block or function. */
export interface Frame {
  readonly elaboration: Elaboration;
  readonly module: Module;
  readonly scope: Scope;
  /** Dotted path of the parameters made here; empty at the top of a model. */
  readonly path: string;
  /** Paths of instances and parameters taken below this application, with where. */
  readonly taken: Map<string, Span>;
  /** How many unnamed instances there are under each path. */
  readonly counts: Map<string, number>;
  /** In a comprehension with a path: the round whose own path its first unnamed instance takes. */
  readonly round?: Round;
  /** Which statements may stand here. `applied` is a model used as a block. */
  readonly role: 'model' | 'train' | 'applied' | 'block' | 'function' | 'file';
  /** Of the role `applied`. */
  readonly application?: ModelApplication;
  /** The compile-time bool `training`. */
  readonly training: boolean;
  /** Inside of `frozen`: parameters made here are never trained. */
  readonly frozen: boolean;
  /** The application that led here, for secondary labels. */
  readonly caller?: { readonly frame: Frame; readonly span: Span; readonly name: string };
  readonly depth: number;
}

/** Applications nested deeper than this are taken for endless recursion. */
export const MAX_DEPTH = 64;
/** Block applications and loop iterations of one entry. */
const MAX_STEPS = 30_000;
/** Operations of one entry. */
const MAX_NODES = 200_000;

/** A frame for statements inside an `if`, `for` or comprehension of the same application. */
export function innerFrame(frame: Frame, extraPath = ''): Frame {
  return { ...frame, scope: new Scope(frame.scope), path: joinPath(frame.path, extraPath) };
}

/** The frame for trying something: what is wrong stays unsaid. */
export function silently(frame: Frame): Frame {
  return { ...frame, elaboration: { ...frame.elaboration, reported: new Set(), sink: new DiagnosticSink() } };
}

export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('.');
}

/** Counts an application or a loop round; false, after one report, when there are too many, or they do too much. */
export function takeStep(frame: Frame, span: Span): boolean {
  const { elaboration } = frame;
  if (elaboration.isTooMuch) return false;
  const steps = ++elaboration.steps;
  const nodes = elaboration.builder.nodes.length;
  if (steps <= MAX_STEPS && nodes <= MAX_NODES) return true;
  const what = steps > MAX_STEPS ? `${MAX_STEPS} applications and loop rounds` : `${MAX_NODES} operations`;
  report(frame, 'HED2106', span, `this entry unrolls into more than ${what}`);
  elaboration.isTooMuch = true;
  return false;
}

/** Demands that every run binds dimensions which keep `atLeastZero` from being negative, unless that is proven. */
export function demand(frame: Frame, atLeastZero: Dim, message: string, span: Span): void {
  const { bounds, conditions } = frame.elaboration;
  const key = `${atLeastZero.key} ${message}`;
  if (isAtLeast(atLeastZero, ZERO, bounds) || conditions.has(key)) return;
  conditions.set(key, { atLeastZero, message, origin: { path: frame.path, span } });
}

/** Reports at most once per place and code; adds the chain of applications that led here. */
export function report(
  frame: Frame,
  code: Code,
  span: Span,
  message: string,
  details: DiagnosticDetails = {},
): StaticValue {
  // A place is told once: where the trail meets the mistake itself it says nothing new.
  const trail = applicationTrail(frame).filter((label) => label.span !== span);
  const secondary = [...(details.secondary ?? []), ...trail];
  // What is written there already need not be said under it.
  const label = details.label === textOf(span) ? '' : (details.label ?? '');
  return reportDiagnostic(frame, diagnostic(code, span, message, { ...details, label, secondary }));
}

function reportDiagnostic(frame: Frame, item: Diagnostic): StaticValue {
  const { reported, sink } = frame.elaboration;
  const place = item.primary?.span;
  const key = `${item.code} ${place?.source.path} ${place?.start} ${place?.end}`;
  if (!reported.has(key)) {
    reported.add(key);
    sink.report(item);
  }
  return ERROR;
}

/** Where the current application was made, innermost first; a long chain is cut in the middle. */
function applicationTrail(frame: Frame): Label[] {
  const trail: Label[] = [];
  for (let at = frame.caller; at; at = at.frame.caller)
    trail.push({ span: at.span, text: `in \`${at.name}\`, applied here` });
  return trail.length <= 3 ? trail : [trail[0]!, trail.at(-1)!];
}
