/** What `--f16` must not store in 16 bits: weights as they are, and results of a trial; both are told and stay f32. */
import type { Compiled, Graph, Tensor } from '../../compiler/index.ts';
import { constantIntervals } from '../../compiler/inspect/halves/constants.ts';
import { type HalfTensors, halfTensors } from '../../compiler/inspect/halves/observe.ts';
import { faultOfValues, faultOfWeights, magnitudesOf, type RangeFault } from '../../compiler/inspect/halves/range.ts';
import { rangeDiagnostics, type RangeFinding } from '../../compiler/inspect/halves/report.ts';
import { toFloat32 } from '../../program/convert.ts';
import type { Dims } from '../../program/size.ts';
import { givenInputs } from '../../program/training.ts';
import { HeddleError } from '../../runtime/errors.ts';
import { readTensorFile } from '../arguments.ts';
import type { Halves } from '../compilation.ts';
import { Failure, printDiagnostics, printNote } from '../errors.ts';
import type { Io } from '../io.ts';
import { readTensors, someOf, type Tensors } from '../spec.ts';
import { toInterpreter } from '../tensors.ts';
import { chooseDims, drawWeights } from '../verify/draw.ts';
import { type Measured, measure, type Trial } from './measure.ts';

type Value = Graph['nodes'][number]['results'][number];

export interface FitOptions {
  readonly dims?: Dims;
  /** A file with inputs to try. */
  readonly calibrate?: string;
}

/**
 * `compiled` with f32 for what f16 cannot hold; warnings and what they rest on are printed. `weights` are those that are
 * bundled. Rejects with Failure and UsageError.
 */
export async function fitHalves(
  { module, keepSingles }: Halves,
  compiled: Compiled,
  weights: Tensors | undefined,
  options: FitOptions,
  io: Io,
): Promise<Compiled> {
  const halves = halfTensors(compiled.lowered.webgpu!, compiled.fused);
  const trial = await trialOf({ module, compiled, halves, weights }, options, io);
  const measured = await measuredOf(trial, io);
  noteTrial(trial, weights !== undefined || trial.weights.size === 0, options, io);
  const singles = new Set<Value>();
  const findings: RangeFinding[] = [];
  for (const { parameter, values } of halves.weights) {
    const fault = weights && worstWeight(parameter.members ?? [parameter.name], weights);
    if (!fault) continue;
    findings.push({ ...fault, origin: parameter.origin });
    for (const value of values) singles.add(value);
  }
  for (const { name, graph } of compiled.fused) {
    const constants = constantIntervals(graph);
    for (const { value, op, origin } of halves.results.get(name)!) {
      const fault = faultOfValues(measured.get(value) ?? { largest: 0, residual: 0 }, constants.get(value));
      if (!fault) continue;
      findings.push({ fault, op, origin });
      singles.add(value);
    }
  }
  printDiagnostics(rangeDiagnostics(findings), io);
  return singles.size > 0 ? keepSingles(compiled, singles) : compiled;
}

/** Of the tensors that lie in one buffer, the one that f16 fits least. */
function worstWeight(
  names: readonly string[],
  weights: Tensors,
): { readonly fault: RangeFault; readonly weight: string } | undefined {
  const sizes = names.map((weight) => ({ weight, largest: magnitudesOf(toFloat32(weights.get(weight)!)).largest }));
  const { weight, largest } = sizes.reduce((most, one) => (one.largest > most.largest ? one : most));
  const fault = faultOfWeights(largest);
  return fault && { fault, weight };
}

interface Subject {
  readonly module: Halves['module'];
  readonly compiled: Compiled;
  readonly halves: HalfTensors;
  readonly weights: Tensors | undefined;
}

async function trialOf(
  { module, compiled, halves, weights }: Subject,
  { dims = new Map(), calibrate }: FitOptions,
  io: Io,
): Promise<Trial> {
  const graphs = module.graphs.map(({ graph }) => graph);
  const inputs = calibrate === undefined ? undefined : await inputsIn(calibrate, graphs[0]!, io);
  return {
    module,
    compiled,
    values: new Map([...halves.results].map(([name, results]) => [name, results.map(({ value }) => value)])),
    weights: drawWeights(graphs, weights, 0),
    dims: inputs ? dims : chooseDims(compiled.program.dims, graphs, dims),
    inputs,
  };
}

/** The tensors of a file for all inputs. Throws Failure. */
async function inputsIn(path: string, graph: Graph, io: Io): Promise<ReadonlyMap<string, Tensor>> {
  const file = readTensorFile(path, io);
  const found = await readTensors(file, io);
  return new Map(
    givenInputs(graph.inputs).map(({ name, value }) => {
      const tensor = found.get(name);
      if (tensor) return [name, toInterpreter(tensor, value.type.dtype, `the input ${name}`)];
      throw new Failure(`${file.path} has no tensor for the input ${name}`, {
        hint: `it holds ${someOf([...found.keys()])}`,
      });
    }),
  );
}

/** Nothing is known of results where a trial needs more memory than there is, which a note tells. */
async function measuredOf(trial: Trial, io: Io): Promise<Measured> {
  try {
    return await measure(trial);
  } catch (error) {
    if (!(error instanceof HeddleError) || error.code !== 'memory') throw error;
    printNote(`the range of f16 was checked for weights and constants alone: ${error.message}`, io);
    return new Map();
  }
}

/** `isKnown`: with the weights that a load will have. */
function noteTrial({ dims }: Trial, isKnown: boolean, { calibrate }: FitOptions, io: Io): void {
  const sizes = [...dims].map(([name, size]) => `${name} = ${size}`).join(', ');
  const inputs = calibrate ? `the inputs of ${calibrate}` : 'random inputs from -1 to 1';
  const given = `${inputs}${sizes === '' ? '' : `, ${sizes}`}`;
  printNote(
    isKnown
      ? `the range of f16 was checked on ${given}`
      : `the range of f16 was checked on random weights and ${given}: it is not known for the weights that a load is given`,
    io,
  );
}
