/** Computes texts whole for every token, the texts of one length at a time, so that nothing is filled up. */
import { compileGraph, elaborateUncached, type Emitted } from '../../compiler/index.ts';
import { LENGTHS, LOGITS, TOKEN, type GenerationSpec } from '../../program/generation.ts';
import { TARGET_NAMES } from '../../program/program.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { AUTO } from '../auto.ts';
import { threadsOf } from '../built.ts';
import { makeHost } from '../host.ts';
import type { Io } from '../io.ts';
import { interpretedWeights, loadChosen, modelOf, neededWeights } from '../runnable.ts';
import { signatureOf } from '../signature.ts';
import { elaborateOptionsOf, type SpecOptions, specPath } from '../spec.ts';
import { generating } from './generating.ts';
import type { GenerateOptions } from './options.ts';
import { interpretRoutine } from './reference.ts';
import type { Next, TokenRoutines } from './routines.ts';

export interface Uncached {
  readonly routines: TokenRoutines;
  readonly spec: GenerationSpec;
  readonly inputs: readonly TensorInfo[];
  dispose(): void;
}

/** Rejects with Failure, Rejected and HeddleError. */
export async function uncachedRoutines(
  path: string,
  chosen: SpecOptions,
  options: GenerateOptions,
  io: Io,
): Promise<Uncached> {
  const elaborated = elaborateUncached(specPath(path, io), elaborateOptionsOf(chosen), makeHost(io));
  const { graph, generation: spec } = generating(elaborated, path, io);
  const signature = signatureOf(graph);
  const weights = await neededWeights(graph.name, signature, chosen, io);
  const { inputs } = signature;
  const { target = 'wasm' } = options;
  if (target === 'reference') {
    const parameters = interpretedWeights(signature, weights);
    const next: NextTokens = async (given) => interpretRoutine(graph, { inputs: given, parameters });
    return { routines: routinesOf(next, spec), spec, inputs, dispose: () => undefined };
  }
  const compile = (): Emitted => compileGraph(graph, { targets: target === AUTO ? TARGET_NAMES : [target] });
  const model = await loadChosen(target, compile, options, io, (emitted, device, threads) =>
    modelOf(emitted, device, weights?.bound, options, threadsOf(threads, io)),
  );
  const next: NextTokens = async (given) => {
    const { [TOKEN]: token, [LOGITS]: logits } = await model.run(given);
    return { token: token!.data as Int32Array, logits: logits!.data as Float32Array };
  };
  return { routines: routinesOf(next, spec), spec, inputs, dispose: () => model.dispose() };
}

/** What comes next of each row of tokens i32[batch, length], all of which are read. */
type NextTokens = (inputs: Inputs) => Promise<Next>;

function routinesOf(next: NextTokens, { input, vocabulary }: GenerationSpec): TokenRoutines {
  return {
    async prefill({ [input]: given, [LENGTHS]: lengths, ...others }) {
      const [tokens, own] = [given as Int32Array, lengths as Int32Array];
      const batch = own.length;
      const time = tokens.length / batch;
      const found: Next = { token: new Int32Array(batch), logits: new Float32Array(batch * vocabulary) };
      for (const length of new Set(own)) {
        // Rows of other lengths are computed too, so that each row draws its own random numbers.
        const data = new Int32Array(batch * length);
        for (let row = 0; row < batch; row++) data.set(tokens.subarray(row * time, row * time + length), row * length);
        const { token, logits } = await next({ ...others, [input]: { data, shape: [batch, length] } });
        for (const row of own.keys()) {
          if (own[row] !== length) continue;
          found.token[row] = token[row]!;
          found.logits.set(logits.subarray(row * vocabulary, (row + 1) * vocabulary), row * vocabulary);
        }
      }
      return found;
    },
  };
}
