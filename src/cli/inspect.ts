/** `heddle inspect`: what a spec describes and what the compiler makes of it, as tables, drawings and dumps. */
import {
  boundsOf,
  compileGraph,
  elaborateWhole,
  type Graph,
  judgedProductsOf,
  keptTensors,
  printGraph,
  printKernel,
  type Stages,
  stagesOf,
} from '../compiler/index.ts';
import { buildBlocks } from '../compiler/inspect/blocks.ts';
import { printFusion, reportFusion } from '../compiler/inspect/explain/fusion.ts';
import { MEMORY_HEAD, memoryCells, memoryTotals } from '../compiler/inspect/explain/memory.ts';
import { QUANTIZATION_HEAD, quantizationCells } from '../compiler/inspect/explain/quantization.ts';
import { TILING_HEAD, tilingCells } from '../compiler/inspect/explain/tiling.ts';
import { foldBlocks, unfoldedBlocks } from '../compiler/inspect/fold.ts';
import { TooManyUnits } from '../compiler/inspect/graph/layout.ts';
import { type GraphFormat, printDrawing } from '../compiler/inspect/graph/print.ts';
import { exampleDims, reportMemory } from '../compiler/inspect/memory.ts';
import { summarize, summaryJson, TABLE_HEAD, tableCells, totalCells } from '../compiler/inspect/table.ts';
import type { TargetName } from '../program/program.ts';
import { checkDims, type GivenDims } from './dims.ts';
import { EXIT, Failure, printDiagnostics, Rejected, UsageError } from './errors.ts';
import { explainWebgpu } from './explain-webgpu.ts';
import { writeWhole } from './files.ts';
import { makeHost } from './host.ts';
import { colorsFor, type Io } from './io.ts';
import { compilerOptions, specPath, type SpecOptions } from './spec.ts';
import { alignColumns } from './table.ts';
import { tileChoices } from './tiles.ts';

export const EXPLAINED = ['fusion', 'memory', 'quantization', 'tiling', 'webgpu'] as const;
export const EMITTED = ['js', 'wasm', 'wgsl'] as const;

export interface InspectOptions extends SpecOptions {
  readonly depth?: number;
  readonly dims?: ReadonlyMap<string, number>;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly graph?: GraphFormat;
  readonly explain?: (typeof EXPLAINED)[number];
  readonly dumpIr?: string;
  readonly emit?: (typeof EMITTED)[number];
  readonly target?: TargetName;
  readonly out?: string;
}

type Elaborated = NonNullable<ReturnType<typeof elaborateWhole>['result']>;
type Dims = GivenDims;
type Compiler = ReturnType<typeof compilerOptions>;

export async function inspect(path: string, options: InspectOptions, io: Io): Promise<number> {
  const isWebgpu = options.explain === 'webgpu';
  const modes = [isWebgpu ? undefined : options.json, options.graph, options.explain, options.dumpIr, options.emit];
  if (modes.filter((mode) => mode !== undefined).length > 1)
    throw new UsageError('--json, --graph, --explain, --dump-ir and --emit are different views; ask for one at a time');
  const content = isWebgpu ? explainWebgpu(path, options, io) : await viewOf(path, options, io);
  if (options.out === undefined) {
    if (typeof content !== 'string')
      throw new UsageError('a module is not text', 'name a file for it: -o program.wasm');
    io.stdout.write(content);
  } else {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await writeWhole(options.out, bytes, io);
  }
  return EXIT.fine;
}

async function viewOf(path: string, options: InspectOptions, io: Io): Promise<string | Uint8Array<ArrayBuffer>> {
  const entry = elaborate(path, options, io);
  const dims = checkDims(options.dims ?? new Map(), entry.graph);
  return contentOf(entry, options, dims, io);
}

function elaborate(path: string, options: InspectOptions, io: Io): Elaborated {
  const { entry, set = [], given = [] } = options;
  const entryOptions = { ...(entry !== undefined && { entry }), settings: set, given };
  const { result, diagnostics } = elaborateWhole(specPath(path, io), entryOptions, makeHost(io));
  if (!result) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  return result;
}

async function contentOf(
  entry: Elaborated,
  options: InspectOptions,
  dims: Dims,
  io: Io,
): Promise<string | Uint8Array<ArrayBuffer>> {
  const { graph } = entry;
  const compiler = compilerOptions(options);
  if (options.emit) return emitted(graph, options.emit, compiler);
  if (options.dumpIr !== undefined) return dumped(graph, options.dumpIr, options.target ?? 'wasm', compiler);
  const stages = stagesOf(graph, options.target ?? 'wasm', compiler);
  if (options.explain && options.explain !== 'webgpu') return explained(graph, stages, options.explain, dims, io);
  const tree = buildBlocks(entry, stages.ops, stages.lowered);
  const root = options.all ? unfoldedBlocks(tree) : foldBlocks(tree);
  const depth = options.depth ?? Infinity;
  if (options.graph) return drawn(options.graph, root, graph, { dims, depth });
  const memory = reportMemory(stages.plan, boundsOf(graph), exampleDims(graph.dims, dims));
  const summary = summarize(graph, root, memory, depth, keptTensors(entry));
  if (options.json) return `${JSON.stringify(summaryJson(summary, dims), undefined, 2)}\n`;
  const rows = tableText([TABLE_HEAD, ...tableCells(summary, dims)], ['left', 'left', 'left', 'right'], io);
  return `${rows}\n${alignColumns(totalCells(summary, dims), ['left']).join('\n')}\n`;
}

async function drawn(...drawing: Parameters<typeof printDrawing>): Promise<string> {
  try {
    return await printDrawing(...drawing);
  } catch (error) {
    if (error instanceof TooManyUnits)
      throw new Failure(error.message, {
        hint: 'the table, which `heddle inspect` prints without --graph, has no such limit',
      });
    throw error;
  }
}

/** A head and rows below it; the last alignment holds for all further columns. */
function tableText(
  rows: readonly (readonly string[])[],
  alignments: Parameters<typeof alignColumns>[1],
  io: Io,
): string {
  const [head = '', ...lines] = alignColumns(rows, alignments);
  const { dim } = colorsFor(io.stdout, io.env);
  return [dim(head), ...lines, ''].join('\n');
}

async function explained(
  graph: Graph,
  stages: Stages,
  what: Exclude<NonNullable<InspectOptions['explain']>, 'webgpu'>,
  dims: Dims,
  io: Io,
): Promise<string> {
  const { fused, plan, target } = stages;
  switch (what) {
    case 'fusion':
      return printFusion(reportFusion(fused));
    case 'memory': {
      const report = reportMemory(plan, boundsOf(graph), exampleDims(graph.dims, dims));
      const rows = tableText(
        [MEMORY_HEAD, ...memoryCells(report, plan)],
        ['left', 'right', 'left', 'right', 'left'],
        io,
      );
      return `${rows}\n${alignColumns(memoryTotals(report), ['left']).join('\n')}\n`;
    }
    case 'quantization': {
      const cells = quantizationCells(judgedProductsOf(graph));
      if (cells.length === 0) return 'There are no products.\n';
      return tableText([QUANTIZATION_HEAD, ...cells], ['right', 'right', 'right', 'left'], io);
    }
    case 'tiling': {
      const cells = tilingCells(fused, target);
      if (cells.length === 0) return 'There are no products.\n';
      const alignments = [...TILING_HEAD.slice(1).map(() => 'right' as const), 'left' as const];
      const products = tableText([TILING_HEAD, ...cells], alignments, io);
      const choices = target.name === 'wasm' ? await tileChoices(stages) : [];
      return choices.length === 0 ? products : `${products}\n${alignColumns(choices, ['left']).join('\n')}\n`;
    }
  }
}

/** `elaborated`, `after:PASS`, `kernels` or `plan`. */
function dumped(graph: Graph, what: string, target: TargetName, compiler: Compiler): string {
  if (what === 'elaborated') return printGraph(graph);
  const graphs = new Map<string, Graph>();
  const { plan } = stagesOf(graph, target, {
    ...compiler,
    onGraph: (pass, after) => void graphs.set(`after:${pass}`, after),
  });
  graphs.delete('after:before');
  if (what === 'kernels') return plan.kernels.map(printKernel).join('\n');
  if (what === 'plan') return `${JSON.stringify(plan.program, undefined, 2)}\n`;
  const found = graphs.get(what);
  if (!found)
    throw new UsageError(
      `there is no stage ${what}`,
      `stages: elaborated, ${[...graphs.keys()].join(', ')}, kernels, plan`,
    );
  return printGraph(found);
}

function emitted(
  graph: Graph,
  what: NonNullable<InspectOptions['emit']>,
  compiler: Compiler,
): string | Uint8Array<ArrayBuffer> {
  switch (what) {
    case 'js':
      return compileGraph(graph, { targets: ['js'], ...compiler }).js!;
    case 'wasm':
      return compileGraph(graph, { targets: ['wasm'], ...compiler }).wasm!.strict;
    case 'wgsl':
      return compileGraph(graph, { targets: ['webgpu'], ...compiler })
        .wgsl!.map(({ code }) => code)
        .join('\n');
  }
}
