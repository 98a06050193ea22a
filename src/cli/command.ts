/** The command line: what can be said, and which command it leads to. */
import { Command, Option } from 'commander';
import { QUANTIZATIONS, REMATERIALIZATIONS } from '../compiler/index.ts';
import {
  collect,
  readCount,
  readDims,
  readNumbers,
  readPatterns,
  readScales,
  readSeed,
  readSeconds,
  readSetting,
  readTargets,
  readThreads,
} from './arguments.ts';
import { AUTO } from './auto.ts';
import { GRAPH_FORMATS } from '../compiler/inspect/graph/print.ts';
import { STORAGES } from '../compiler/interop/store.ts';
import { SIMD_VARIANTS, TARGET_NAMES } from '../program/program.ts';
import { check, type CheckOptions } from './check.ts';
import { compile, type CompileOptions } from './compile.ts';
import { EXIT, reportError } from './errors.ts';
import { explain } from './explain.ts';
import { fmt, type FmtOptions } from './fmt.ts';
import { addGenerate } from './generate/command-line.ts';
import { generate } from './generate/generate.ts';
import { EMITTED, EXPLAINED, inspect, type InspectOptions } from './inspect.ts';
import type { Io } from './io.ts';
import { profile, type ProfileOptions } from './profile/profile.ts';
import { readVersion } from './provenance.ts';
import { run, type RunOptions } from './run.ts';
import { MODES } from './spec.ts';
import { addTrain } from './train/command-line.ts';
import { train } from './train/train.ts';
import { addVerify } from './verify/command-line.ts';
import { verify } from './verify/verify.ts';

/** Runs the command that `argv` (without program and script) names; answers the exit code. Never throws. */
export async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  const exit: Exit = { code: EXIT.fine, isJson: false };
  try {
    await makeProgram(io, exit).parseAsync(argv, { from: 'user' });
    return exit.code;
  } catch (error) {
    return reportError(error, io, exit.isJson);
  }
}

/** How a command ends. */
interface Exit {
  code: number;
  /** What goes wrong is printed as JSON. */
  isJson: boolean;
}

function makeProgram(io: Io, exit: Exit): Command {
  const program = new Command('heddle')
    .description('Compiles declarative model specs to WebAssembly and JavaScript, and runs them.')
    .version(readVersion(io), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .showHelpAfterError('(heddle --help, or heddle COMMAND --help, tells more)')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns || 100,
      getErrHelpWidth: () => io.stderr.columns || 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', EXAMPLES);
  addCheck(program, io, exit);
  addFmt(program, io, exit);
  addCompile(program, io, exit);
  addRun(program, io, exit);
  addTrain(program, async (spec, options) => {
    exit.code = await train(spec, options, io);
  });
  addGenerate(program, async (path, options) => {
    exit.isJson = options.json === true;
    exit.code = await generate(path, options, io);
  });
  addInspect(program, io, exit);
  addProfile(program, io, exit);
  addVerify(program, async (path, options) => {
    exit.isJson = options.json === true;
    exit.code = await verify(path, options, io);
  });
  addExplain(program, io, exit);
  return program;
}

const EXAMPLES = `
Examples:
  heddle check specs/*.model
  heddle compile specs/mlp.model --entry MLP -o build/mlp
  heddle run build/mlp --inputs batch.safetensors

Exit codes: 0 fine, 1 something is wrong with the spec or the data, 2 the command was called wrongly.`;

function addEntryOptions(command: Command): Command {
  return command
    .option('-e, --entry <model>', 'the model or train entry, where the file declares several')
    .option('-s, --set <name=value>', 'a hyperparameter; may be repeated', readSetting)
    .option('-g, --given <input>', 'an optional input to compile with; may be repeated', collect);
}

/** What changes what is computed, and how it may be inspected. */
function addCompilerOptions(command: Command): Command {
  return command.addOption(
    new Option('--quantize <type>', 'compute products with weights in bytes, approximately').choices(QUANTIZATIONS),
  );
}

function addSpecOptions(command: Command): Command {
  return addCompilerOptions(addEntryOptions(command))
    .option('-t, --tap <pattern>', 'further outputs: those of the named instances; may be repeated', collect)
    .option(
      '-w, --weights <file[:prefix]>',
      'a safetensors file with the parameters, or those under a prefix of it; or a run of `train`, RUN:path',
    )
    .option('-r, --rename <map>', 'a JSON file that maps foreign names of weights');
}

function addCheck(program: Command, io: Io, exit: Exit): void {
  addEntryOptions(program.command('check'))
    .description(
      'Check specs: names, values and shapes. With --entry, --set or --given, also list inputs and parameters.',
    )
    .argument('<spec...>', 'spec files')
    .option('--json', 'print what is wrong as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  heddle check specs/vit.model specs/mlp.model
  heddle check --json specs/vit.model
  heddle check specs/vit.model --entry ViT --set image=224 --set patch=16`,
    )
    .action((specs: string[], options: CheckOptions) => {
      exit.isJson = options.json === true;
      exit.code = check(specs, options, io);
    });
}

function addFmt(program: Command, io: Io, exit: Exit): void {
  program
    .command('fmt')
    .description('Give specs their canonical layout. Files with syntax errors stay as they are.')
    .argument('<spec...>', 'spec files; - reads the standard input and writes the standard output')
    .option('--check', 'write nothing; name the files that would change, and exit with 1 if there are any')
    .addHelpText(
      'after',
      `
Examples:
  heddle fmt specs/vit.model specs/std/*.model
  heddle fmt --check specs/*.model
  heddle fmt - < draft.model`,
    )
    .action(async (specs: string[], options: FmtOptions) => {
      exit.code = await fmt(specs, options, io);
    });
}

function addCompile(program: Command, io: Io, exit: Exit): void {
  addSpecOptions(program.command('compile'))
    .description('Compile a model into a folder that runs in Node and in browsers, and needs nothing else.')
    .argument('<spec>', 'the spec file')
    .requiredOption('-o, --out <dir>', 'the folder to write; an artifact that is there is replaced')
    .option('--target <names>', 'what to compile for, of wasm, js and webgpu', readTargets, ['wasm', 'js'])
    .option(
      '--dims <name=size>',
      'a size for a dimension, to tell the memory that is needed; may be repeated',
      readDims,
    )
    .addOption(
      new Option(
        '--store <type>',
        'what weights are stored in: f16 rounds, int8 only those of products (default: as --quantize, or f32)',
      ).choices(STORAGES),
    )
    .option('--f16', 'for webgpu: store weights and intermediate tensors as f16 on devices that can, approximately')
    .option(
      '--calibrate <file[:prefix]>',
      'a safetensors file with inputs, on which --f16 tells what does not fit (default: random ones)',
    )
    .option('--no-generate', 'only what runs a model, not what continues texts with its `generate`')
    .addOption(
      new Option(
        '--remat <what>',
        'for training: compute the insides of numbered blocks again in the backward pass instead of keeping them',
      ).choices(REMATERIALIZATIONS),
    )
    .addHelpText(
      'after',
      `
Examples:
  heddle compile specs/mlp.model --entry MLP --set hidden=256 -o build/mlp
  heddle compile specs/vit.model --entry ViT --set image=28 --set patch=4 --set channels=1 --set classes=10 \\
    --set dim=64 --set depth=4 --set heads=4 --set dim_head=16 --set mlp_dim=128 \\
    --weights examples/digits/digits.safetensors --target wasm -o build/digits
  heddle compile specs/vit.model --entry ViT --weights vit.safetensors --rename specs/weights/vit-pytorch.json \\
    -o build/vit
  heddle compile specs/vit.model --entry ViT --weights vit.safetensors --quantize int8 -o build/vit-int8
  heddle compile specs/vit.model --entry ViT --weights vit.safetensors --store f16 -o build/vit-f16

Without --weights, the artifact takes its weights when it is loaded. A prefix chooses among the tensors of a file
that holds others too, and is removed from their names: --weights training.safetensors:param. The folder of a run stands for
its last checkpoint, and a path for what is under an instance of its entry: --weights runs/digits:net.

With --f16, the model is run once, on the sizes of --dims or small ones. Tensors whose values f16 cannot hold, or could not
if they were 8 times as large, stay f32, and a warning names each with its line.`,
    )
    .action(async (spec: string, options: CompileOptions) => {
      exit.code = await compile(spec, options, io);
    });
}

function addRun(program: Command, io: Io, exit: Exit): void {
  addSpecOptions(program.command('run'))
    .description('Run a spec, or a compiled artifact, on tensors or on pictures.')
    .argument('<spec-or-dir>', 'a spec file, or the folder of an artifact')
    .option('-i, --inputs <file[:prefix]>', 'a safetensors file with the inputs by name')
    .option('-o, --out <file>', 'the safetensors file to write; without it, the outputs are summed up')
    .option('--dims <name=size>', 'a size for a dimension that no input tells; may be repeated', readDims)
    .addOption(
      new Option(
        '--target <name>',
        'what runs it (default: wasm); auto takes what should be fastest here; reference interprets in double precision',
      ).choices([...TARGET_NAMES, AUTO, 'reference']),
    )
    .addOption(
      new Option(
        '--simd <variant>',
        'the module of wasm; relaxed fuses multiply-adds (default: the best there is)',
      ).choices(SIMD_VARIANTS),
    )
    .option('--tile <name>', 'the register tile of products on wasm, 6x8 (default: the fastest in a short trial)')
    .option('--threads <count>', 'threads that run it on wasm, at most 64 (default: 1)', readThreads)
    .addOption(
      new Option('--mode <mode>', 'run it as in training or not (default: train for a train entry)').choices(MODES),
    )
    .option(
      '--grad <names>',
      'gradients to compute too, in.NAME and param.PATH with * for any text; may be repeated',
      readPatterns,
    )
    .option('--seed <number>', 'the seed of random numbers, where the entry draws any (default: 0)', readSeed)
    .option('--image <file...>', 'pictures to classify, in place of --inputs')
    .option('--mean <numbers>', 'subtracted from pixels on the scale 0 to 1: one number, or one a channel', readNumbers)
    .option('--std <numbers>', 'what pixels are then divided by: one number, or one a channel', readScales)
    .option('--labels <file>', 'the names of the classes, one a line')
    .option('--top <count>', 'classes to print for each picture (default: 5)', readCount)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  heddle run specs/mlp.model --entry MLP --weights mlp.safetensors --inputs batch.safetensors --out result.safetensors
  heddle run specs/mlp.model --entry MLP --weights case.safetensors:param. --inputs case.safetensors:in. --target reference
  heddle run specs/vit.model --entry ViT --weights vit.safetensors --inputs batch.safetensors --tap 'layers.*.attn'
  heddle run specs/mlp.model --entry TrainSigmoidMLP --weights case.safetensors:param. --inputs case.safetensors:in. \\
    --rename map.json --grad 'in.*,param.*' --out result.safetensors
  heddle run build/digits --image examples/digits/images/3-a.png examples/digits/images/7-b.png \\
    --mean 0.1307 --std 0.3081 --labels examples/digits/labels.txt --top 3

With --mode or --grad, the results are called out.NAME, and there are loss, grad.in.NAME, grad.param.PATH and, in
training mode, buf.PATH for new values of states; --rename gives parameters their foreign names again. The loss of a
model is the sum of its outputs times the inputs cot.NAME.

Pictures are cropped to the shape of the input around their centre, and set on black where they are transparent.
The probabilities are the softmax of the model's output.`,
    )
    .action(async (path: string, options: RunOptions) => {
      exit.isJson = options.json === true;
      exit.code = await run(path, options, io);
    });
}

function addInspect(program: Command, io: Io, exit: Exit): void {
  addCompilerOptions(addEntryOptions(program.command('inspect')))
    .description('Show what a spec describes and what the compiler makes of it; by default, a table of its blocks.')
    .argument('<spec>', 'the spec file')
    .option('-d, --depth <levels>', 'levels of blocks to show', readCount)
    .option('--dims <name=size>', 'a size for a dimension, in place of its name; may be repeated', readDims)
    .option('--all', 'show every layer, equal ones too')
    .option('--json', 'print the table as JSON')
    .addOption(new Option('--graph <format>', 'draw the architecture').choices(GRAPH_FORMATS))
    .addOption(new Option('--explain <what>', 'tell what the compiler decided, and why').choices(EXPLAINED))
    .option('--dump-ir <stage>', 'print the program as it is at a stage: elaborated, after:PASS, kernels, plan')
    .addOption(new Option('--emit <format>', 'print the generated code; wasm needs --out').choices(EMITTED))
    .addOption(new Option('--target <name>', 'what to plan for (default: wasm)').choices(TARGET_NAMES))
    .option('-o, --out <file>', 'write to a file')
    .addHelpText(
      'after',
      `
Examples:
  heddle inspect specs/vit.model --entry ViT --depth 2
  heddle inspect specs/vit.model --entry ViT --set depth=12 --dims batch=8 --json
  heddle inspect specs/vit.model --entry ViT --graph svg -o vit.svg
  heddle inspect specs/vit.model --entry ViT --graph html -o vit.html
  heddle inspect specs/mlp.model --entry MLP --graph mermaid
  heddle inspect specs/mlp.model --entry MLP --explain fusion
  heddle inspect specs/mlp.model --entry MLP --explain memory --dims batch=32
  heddle inspect specs/mlp.model --entry MLP --explain tiling --target js
  heddle inspect specs/vit.model --entry ViT --explain quantization
  heddle inspect specs/vit.model --entry ViT --explain webgpu --dims batch=8
  heddle inspect specs/mlp.model --entry MLP --dump-ir after:fuse
  heddle inspect specs/mlp.model --entry MLP --dump-ir kernels --target webgpu
  heddle inspect specs/mlp.model --entry MLP --emit wgsl
  heddle inspect specs/mlp.model --entry MLP --emit wasm -o mlp.wasm

Equal layers of a loop are one row and one box, with their number; its figures are those of all of them. Parameters
include those of the blocks inside. Multiply-adds are those of products. Activations are all values that a run leaves in
memory; the arena is smaller, since they share places in it.

--explain webgpu counts what each routine asks of a GPU; --json prints that, too. A row is a dispatch, or those of equal
layers, with figures of one of them: the multiply-adds of sums of products that the kernel executes, those included that
only fill tiles, and those that the graph asks for; the bytes of all tensors that it reads and writes, each element once,
and of the loads that it executes, before any cache. Guards count as passed, and what only the data decide is not counted.
Dimensions that --dims leaves out are at their limit, or 1.`,
    )
    .action(async (spec: string, options: InspectOptions) => {
      exit.isJson = options.json === true;
      exit.code = await inspect(spec, options, io);
    });
}

function addProfile(program: Command, io: Io, exit: Exit): void {
  addSpecOptions(program.command('profile'))
    .description('Measure where the time of a run goes: by kernel and by block, beside what the machine can do.')
    .argument('<spec-or-dir>', 'a spec file, or the folder of an artifact')
    .option('-i, --inputs <file[:prefix]>', 'a safetensors file with the inputs by name (default: random ones)')
    .option('--dims <name=size>', 'a size for a dimension; may be repeated', readDims)
    .addOption(new Option('--target <name>', 'what runs it (default: wasm)').choices(TARGET_NAMES))
    .addOption(new Option('--simd <variant>', 'the module of wasm (default: the best there is)').choices(SIMD_VARIANTS))
    .option('--tile <name>', 'the register tile of products on wasm, 6x8 (default: the fastest in a short trial)')
    .option('--threads <count>', 'threads that run it on wasm, at most 64 (default: 1)', readThreads)
    .option('--runs <count>', 'how often each step is measured', readCount)
    .option('--seconds <time>', 'for how long steps are measured (default: 3)', readSeconds)
    .option('-d, --depth <levels>', 'levels of blocks to show (default: 2)', readCount)
    .option('--all', 'a row for each step, equal layers too')
    .option('--json', 'print everything as JSON')
    .option('-o, --out <file>', 'write a flame chart as one HTML page')
    .addHelpText(
      'after',
      `
Examples:
  heddle profile specs/vit.model --entry ViT --dims batch=1
  heddle profile specs/vit.model --entry ViT --dims batch=1 --target js --runs 5
  heddle profile specs/mlp.model --entry MLP --dims batch=32 --weights mlp.safetensors -o mlp.html
  heddle profile build/vit --dims batch=1 --json

Times are the least of all measurements, after the engine's last tier is reached. GFLOP/s count two operations for a
multiply-add and one for each element that another operation makes; GB/s count what a step reads and writes, everything
once. The ceiling is what bounds a step, computing or moving, measured in the same process: the fastest tile of
accumulators in registers, and the fastest copy or sum of as many bytes. What takes less than 50 µs is timed in
repetition, with what it reads in the cache; where a run has to fetch that, as with many small steps and large weights,
the sum of the steps is less than the time of the run.`,
    )
    .action(async (path: string, options: ProfileOptions) => {
      exit.isJson = options.json === true;
      exit.code = await profile(path, options, io);
    });
}

function addExplain(program: Command, io: Io, exit: Exit): void {
  program
    .command('explain')
    .description('Explain the code of an error; without one, list all codes.')
    .argument('[code]', 'as it stands in the message: HED1002')
    .addHelpText('after', '\nExamples:\n  heddle explain HED3002\n  heddle explain')
    .action((code: string | undefined) => {
      exit.code = explain(code, io);
    });
}
