/** How `heddle verify` is called. */
import type { Command } from 'commander';
import { collect, readDims, readSeed, readSetting, readTargets, readThreads } from '../arguments.ts';
import type { VerifyOptions } from './verify.ts';

export type VerifyAction = (path: string, options: VerifyOptions) => Promise<void>;

export function addVerify(program: Command, action: VerifyAction): void {
  program
    .command('verify')
    .description('Compare what the targets compute with the reference, kernel by kernel.')
    .argument('<spec-or-dir>', 'a spec file, or the folder of an artifact')
    .option('-e, --entry <model>', 'the model or train entry, where the file declares several')
    .option('-s, --set <name=value>', 'a hyperparameter; may be repeated', readSetting)
    .option('-g, --given <input>', 'an optional input to compile with; may be repeated', collect)
    .option('-w, --weights <file[:prefix]>', 'a safetensors file with the parameters (default: random ones)')
    .option('-r, --rename <map>', 'a JSON file that maps foreign names of weights')
    .option('--dims <name=size>', 'a size for a dimension (default: a small one); may be repeated', readDims)
    .option('--seed <number>', 'what decides inputs, weights and random numbers (default: 0)', readSeed)
    .option('--targets <names>', 'what to verify, of wasm, js and webgpu (default: all that run here)', readTargets)
    .option('--threads <count>', 'threads that run it on wasm, at most 64 (default: 1)', readThreads)
    .option('--all', 'a row for each kernel, equal layers too')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', HELP)
    .action(action);
}

const HELP = `
Examples:
  heddle verify specs/vit.model --entry ViT --set depth=2
  heddle verify specs/mlp.model --entry TrainSigmoidMLP --targets webgpu
  heddle verify specs/gpt.model --entry CharGPT --weights runs/text:net --dims time=32
  heddle verify build/digits

Each kernel is run by itself on the operands that the reference, which computes in double precision, has for it, so that
the first one that differs is the one that is wrong. The programs are run as a whole, too: a training step with its
update, and the first tokens of a text. A table tells the largest difference of each line, and which part that is of what
may be: as far as the reference itself moves when each op is off by its tolerance. Exit code 1: something differs.`;
