/**
 * Writes what all contestants of a model read: weights, inputs, the compiled artifact and an ONNX file, into a folder
 * of its own. Every contestant gets the same numbers.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { artifactOf, onnxFile } from './contestants.mjs';
import { exportDecoding } from './onnx/decoding.mjs';
import { exportOnnx } from './onnx/export.mjs';
import { TOKENS } from './peers/decoding.mjs';
import { readSafetensors } from './peers/safetensors.mjs';
import { root } from './places.mjs';
import { drawInput, drawParameter } from './values.mjs';

/** What the exporter and the figures need of one build of Heddle. */
export async function openCompiler(build) {
  const from = (path) => import(pathToFileURL(join(build, 'src', path)));
  const [
    { elaborateSpec, elaborateTraining },
    { rewriteGraph },
    { ops },
    { evaluate },
    { modelFacts },
    { evaluateSize },
    { makeHost },
    sft,
  ] = await Promise.all(
    [
      'compiler/index.js',
      'compiler/passes/rewriter.js',
      'compiler/ops/table.js',
      'compiler/dims/dim.js',
      'compiler/plan/facts.js',
      'program/size.js',
      'cli/host.js',
      'program/safetensors-writer.js',
    ].map(from),
  );
  const host = makeHost({ cwd: root, packageRoot: root });
  const { writeSafetensors } = sft;
  return {
    elaborateSpec,
    elaborateTraining,
    rewriteGraph,
    ops,
    evaluate,
    modelFacts,
    evaluateSize,
    host,
    writeSafetensors,
  };
}

/** `--set name=value` of every hyperparameter, as `heddle compile` takes them. */
const settingFlags = (settings) => Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

/** `--given name` of every optional input that is there. */
const givenFlags = ({ given = [] }) => given.flatMap((name) => ['--given', name]);

/** Elaborates a model. Throws Error with the compiler's messages. */
export function elaborateModel({ spec, entry, settings, given = [] }, { elaborateSpec, host }) {
  const texts = Object.entries(settings).map(([name, value]) => ({ name, text: String(value) }));
  const { result, diagnostics } = elaborateSpec(spec, { entry, settings: texts, given }, host);
  if (!result) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return result;
}

/** The graph of a training step. */
function stepOf({ spec, entry, settings, given = [] }, { elaborateTraining, host }) {
  const texts = Object.entries(settings).map(([name, value]) => ({ name, text: String(value) }));
  const { result, diagnostics } = elaborateTraining(spec, { entry, settings: texts, given }, host);
  if (!result) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return result.graphs.find(({ name }) => name === 'step').graph;
}

/**
 * `{ folder, multiplyAdds, failures, wanted? }`. The folder holds weights.safetensors, inputs.safetensors, model.onnx and
 * the artifact of each of the `builds`, and where the model says so the quantised forms of both. `failures` has the reasons,
 * by name, of those that could not be made; `wanted` are the tokens that a decoder is to make.
 */
export async function prepareModel(model, builds, folder) {
  await mkdir(folder, { recursive: true });
  const compiler = await openCompiler(builds[0].folder);
  const graph = elaborateModel(model, compiler);
  const dims = new Map(Object.entries(model.dims));
  const sizes = (value) => value.type.shape.map((dim) => compiler.evaluate(dim, dims));

  const given = model.weights && readSafetensors(new Uint8Array(await readFile(model.weights)));
  const weights =
    given ??
    new Map(
      graph.parameters.flatMap(({ name, value, members }) => {
        const shape = members ? sizes(value).slice(1) : sizes(value);
        return (members ?? [name]).map((tensor) => [tensor, { shape, data: drawParameter(tensor, shape) }]);
      }),
    );
  const inputs = graph.inputs.map(({ name, value }) => {
    const { dtype } = value.type;
    const shape = sizes(value);
    return { name, dtype, shape, data: drawInput(name, dtype, shape, model.config.vocab) };
  });
  await writeTensors(join(folder, 'weights.safetensors'), weights, compiler);
  await writeTensors(join(folder, 'inputs.safetensors'), new Map(inputs.map((input) => [input.name, input])), compiler);
  const failures = {};
  const attempt = (name, make) => make().catch(({ message }) => (failures[name] = message.split('\n')[0]));
  for (const form of model.onnx ?? [])
    await attempt(`${form}.onnx`, () => writeDecoding(join(folder, `${form}.onnx`), form, weights, model));
  for (const numbers of model.int8 ? ['f32', 'int8'] : ['f32']) {
    const onnx = onnxFile(numbers);
    const settings = { dims: model.dims, weights, compiler, numbers };
    if (!model.onnx) await attempt(onnx, () => writeOnnx(join(folder, onnx), graph, settings));
    for (const build of builds) {
      const artifact = artifactOf(build.name, numbers);
      const flags = [
        ...settingFlags(model.settings),
        ...givenFlags(model),
        ...(numbers === 'f32' ? [] : ['--quantize', numbers]),
      ];
      if (weights.size > 0) flags.push('--weights', join(folder, 'weights.safetensors'));
      await attempt(artifact, () => compileArtifact(model, build, flags, join(folder, artifact)));
    }
  }
  const computed = model.isTraining ? stepOf(model, compiler) : graph;
  const work = compiler.modelFacts([computed], compiler.ops, {}).multiplyAdds;
  const { calls = 1 } = model;
  const wanted = model.wanted && { [TOKENS]: JSON.parse(await readFile(model.wanted, 'utf8')) };
  return { folder, multiplyAdds: calls * compiler.evaluateSize(work, dims), failures, wanted };
}

function writeTensors(path, tensors, { writeSafetensors }) {
  const stored = [...tensors].map(([name, { shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, { dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, bytes }];
  });
  return writeFile(path, writeSafetensors(stored));
}

async function writeOnnx(path, graph, { weights, ...rest }) {
  const data = new Map([...weights].map(([name, tensor]) => [name, tensor.data]));
  await writeFile(path, exportOnnx(graph, { weights: data, ...rest }));
}

async function writeDecoding(path, form, weights, { config }) {
  await writeFile(path, exportDecoding(form, weights, config));
}

/** Compiles with the command, as a user would. */
async function compileArtifact({ spec, entry, target = 'wasm' }, { folder: build }, flags, out) {
  const command = [join(build, 'src/cli/main.js'), 'compile', spec, '--entry', entry, '--target', target, '-o', out];
  try {
    await promisify(execFile)(process.execPath, [...command, ...flags], { cwd: root });
  } catch (error) {
    throw new Error(`does not compile: ${error.stderr.trim()}`, { cause: error });
  }
}
