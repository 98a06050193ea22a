/** The state of one elaboration and of each block application within it. */
import {
  diagnostic,
  type Diagnostic,
  type DiagnosticDetails,
  type DiagnosticSink,
  type Label,
} from '../base/diagnostic.ts';
import type { Code } from '../base/catalog.ts';
import type { Span } from '../base/source.ts';
import { isAtLeast, ZERO, type Dim } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { Condition, DimDeclaration, GraphInput, GraphOutput, GraphParameter, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import type { Module } from './modules.ts';
import { Scope } from './scope.ts';
import { ERROR, type StaticValue } from './values.ts';

/** What one entry's elaboration gathers. */
export interface Elaboration {
  readonly sink: DiagnosticSink;
  readonly ops: OpTable;
  readonly builder: Builder;
  readonly training: boolean;
  /** Shared with the builder: limits of the declared dims. */
  readonly bounds: Map<string, Dim>;
  readonly dims: DimDeclaration[];
  /** What is left for a run to check, each once: by its size and message. */
  readonly conditions: Map<string, Condition>;
  readonly inputs: GraphInput[];
  readonly parameters: Map<string, GraphParameter>;
  readonly outputs: GraphOutput[];
  /** `output` statements so far, those with mistakes included. */
  outputStatements: number;
  /** Output values of every named instance by path, in order of application. */
  readonly instances: Map<string, Value[]>;
  /** Scopes of files whose top-level constants have been evaluated. */
  readonly fileScopes: Map<Module, Scope>;
  /** Places already reported, so that a mistake in a loop or a shared block is told once. */
  readonly reported: Set<string>;
  /** Block applications and loop iterations so far; bounded, so that no spec runs away. */
  steps: number;
}

/** One body being elaborated: a model, or one application of a block or function. */
export interface Frame {
  readonly elaboration: Elaboration;
  readonly module: Module;
  readonly scope: Scope;
  /** Dotted path of the parameters made here; empty at the top of a model. */
  readonly path: string;
  /** Paths of instances and parameters taken below this application, with where. */
  readonly taken: Map<string, Span>;
  /** How many unnamed instances of each block there are. */
  readonly counts: Map<string, number>;
  /** Whether statements of a model (`input`, `output`, `dims`) may stand here. */
  readonly role: 'model' | 'block' | 'function' | 'file';
  /** The application that led here, for secondary labels. */
  readonly caller?: { readonly frame: Frame; readonly span: Span; readonly name: string };
  readonly depth: number;
}

/** Applications nested deeper than this are taken for endless recursion. */
export const MAX_DEPTH = 64;
/** Block applications and loop iterations of one entry. */
const MAX_STEPS = 200_000;

/** A frame for statements inside an `if`, `for` or comprehension of the same application. */
export function innerFrame(frame: Frame, extraPath = ''): Frame {
  return { ...frame, scope: new Scope(frame.scope), path: joinPath(frame.path, extraPath) };
}

export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('.');
}

/** Counts an application or a loop round; false, after one report, when there are too many of them. */
export function takeStep(frame: Frame, span: Span): boolean {
  const steps = ++frame.elaboration.steps;
  if (steps <= MAX_STEPS) return true;
  const many = `this entry unrolls into more than ${MAX_STEPS} applications and loop rounds`;
  if (steps === MAX_STEPS + 1) report(frame, 'HED2106', span, many);
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
  return reportDiagnostic(frame, diagnostic(code, span, message, { ...details, secondary }));
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
