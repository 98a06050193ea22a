/** The command line: what can be said, and which command it leads to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { catalog, type Code } from '../compiler/index.ts';
import { collect, readCount, readNumbers, readScales, readSetting, readTargets } from './arguments.ts';
import { check } from './check.ts';
import { compile, type CompileOptions } from './compile.ts';
import { EXIT, reportError, UsageError } from './errors.ts';
import type { Io } from './io.ts';
import { run, type RunOptions } from './run.ts';
import type { SpecOptions } from './spec.ts';

/** Runs the command that `argv` (without program and script) names; answers the exit code. Never throws. */
export async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  const exit = { code: EXIT.fine as number };
  try {
    await makeProgram(io, exit).parseAsync(argv, { from: 'user' });
    return exit.code;
  } catch (error) {
    return reportError(error, io);
  }
}

/** Where a command puts its exit code. */
interface Exit {
  code: number;
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
  addCompile(program, io, exit);
  addRun(program, io, exit);
  addExplain(program, io);
  return program;
}

const EXAMPLES = `
Examples:
  heddle check specs/*.model
  heddle compile specs/mlp.model -o build/mlp
  heddle run build/mlp --inputs batch.safetensors

Exit codes: 0 fine, 1 something is wrong with the spec or the data, 2 the command was called wrongly.`;

function readVersion(io: Io): string {
  const { version } = JSON.parse(readFileSync(join(io.packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

function addEntryOptions(command: Command): Command {
  return command
    .option('-e, --entry <model>', 'the model, where the file declares several')
    .option('-s, --set <name=value>', 'a hyperparameter; may be repeated', readSetting);
}

function addSpecOptions(command: Command): Command {
  return addEntryOptions(command)
    .option('-t, --tap <pattern>', 'further outputs: those of the named instances; may be repeated', collect)
    .option('-w, --weights <file[:prefix]>', 'a safetensors file with the parameters, or those under a prefix of it')
    .option('-r, --rename <map>', 'a JSON file that maps foreign names of weights');
}

function addCheck(program: Command, io: Io, exit: Exit): void {
  addEntryOptions(program.command('check'))
    .description('Check specs: names, values and shapes. With --entry or --set, also list inputs and parameters.')
    .argument('<spec...>', 'spec files')
    .addHelpText(
      'after',
      `
Examples:
  heddle check specs/vit.model specs/mlp.model
  heddle check specs/vit.model --entry ViT --set image=224 --set patch=16`,
    )
    .action((specs: string[], options: SpecOptions) => {
      exit.code = check(specs, options, io);
    });
}

function addCompile(program: Command, io: Io, exit: Exit): void {
  addSpecOptions(program.command('compile'))
    .description('Compile a model into a folder that runs in Node and in browsers, and needs nothing else.')
    .argument('<spec>', 'the spec file')
    .requiredOption('-o, --out <dir>', 'the folder to write; an artifact that is there is replaced')
    .option('--target <names>', 'what to compile for: wasm, js or both', readTargets, ['wasm', 'js'])
    .addHelpText(
      'after',
      `
Examples:
  heddle compile specs/mlp.model --set hidden=256 -o build/mlp
  heddle compile specs/vit.model --entry ViT --set image=28 --set patch=4 --set channels=1 --set classes=10 \\
    --set dim=64 --set depth=4 --set heads=4 --set dim_head=16 --set mlp_dim=128 \\
    --weights examples/digits/digits.safetensors --target wasm -o build/digits
  heddle compile specs/vit.model --entry ViT --weights vit.safetensors --rename specs/weights/vit-pytorch.json \\
    -o build/vit

Without --weights, the artifact takes its weights when it is loaded. A prefix chooses among the tensors of a file
that holds others too, and is removed from their names: --weights training.safetensors:param.`,
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
    .addOption(
      new Option('--target <name>', 'what runs it (default: wasm); reference interprets in double precision').choices([
        'wasm',
        'js',
        'reference',
      ]),
    )
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
  heddle run specs/mlp.model --weights mlp.safetensors --inputs batch.safetensors --out result.safetensors
  heddle run specs/mlp.model --weights case.safetensors:param. --inputs case.safetensors:in. --target reference
  heddle run specs/vit.model --entry ViT --weights vit.safetensors --inputs batch.safetensors --tap 'layers.*.attn'
  heddle run build/digits --image examples/digits/images/3-a.png examples/digits/images/7-b.png \\
    --mean 0.1307 --std 0.3081 --labels examples/digits/labels.txt --top 3

Pictures are cropped to the shape of the input around their centre, and set on black where they are transparent.
The probabilities are the softmax of the model's output.`,
    )
    .action(async (path: string, options: RunOptions) => {
      exit.code = await run(path, options, io);
    });
}

function addExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .description('Explain the code of an error.')
    .argument('<code>', 'as it stands in the message: HED1002')
    .addHelpText('after', '\nExample:\n  heddle explain HED3002')
    .action((code: string) => {
      const name = code.toUpperCase();
      if (!Object.hasOwn(catalog, name))
        throw new UsageError(`there is no code ${code}`, 'a code stands in the message: error[HED1002]');
      const { title, explanation } = catalog[name as Code];
      io.stdout.write(`${name}: ${title}\n\n${explanation}\n`);
    });
}
