/** The compiler's public interface. */
export { catalog, type CatalogEntry, type Code, codeGroups } from './base/catalog.ts';
export { type Diagnostic, diagnostic, DiagnosticSink, type Label, type Severity } from './base/diagnostic.ts';
export { renderDiagnostic, renderSummary, type SourceViews } from './base/render.ts';
export { Lines, type Position, positionAt, type Source, type Span } from './base/source.ts';
export {
  channelsOf,
  type Compiled,
  checkSpec,
  compileGraph,
  compileLowered,
  compileModule,
  elaborateGeneration,
  elaborateGradients,
  elaborateSpec,
  elaborateTraining,
  elaborateUncached,
  elaborateWhole,
  type Emitted,
  judgedProductsOf,
  keepSingles,
  keptTensors,
  type Module,
  type Outcome,
  type Stages,
  stagesOf,
  targetNamed,
  type WasmModules,
} from './driver.ts';
export { DimensionOverflow } from './dims/dim.ts';
export type { Graph } from './ir/graph.ts';
export { bindArguments, interpret, InterpreterError } from './ir/interpret.ts';
export { parameterTensors, splitParameter, tensorNames } from './ir/parameter-tensors.ts';
export { printGraph } from './ir/printer.ts';
export { boundsOf } from './ir/types.ts';
export { printKernel } from './kernel/print.ts';
export type { Tensor } from './ir/op.ts';
export {
  type CompileOptions,
  type EntryOptions,
  type Quantization,
  QUANTIZATIONS,
  REMATERIALIZATIONS,
  type RematerializationOption,
} from './options.ts';
export { toSizeExpr } from './plan/size-expr.ts';
export type { SourceHost } from './semantics/modules.ts';
export type { Setting } from './semantics/elaborate.ts';
export { type Formatted, formatSpec } from './syntax/format/format.ts';
