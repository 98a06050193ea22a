/** What an artifact with weights should answer, so that a load can tell whether a device computes it. */
import { boundsOf, type Compiled, toSizeExpr } from '../compiler/index.ts';
import { indexLimits } from '../compiler/inspect/profile/limits.ts';
import type { SelfTest } from '../program/self-test.ts';
import { evaluateSize } from '../program/size.ts';
import { createGenerativeModel } from '../runtime/generate/model.ts';
import { createModel } from '../runtime/model.ts';
import { answersTo, smallQuestion } from '../runtime/self-test.ts';
import { partsOf } from './runnable.ts';
import type { Tensors } from './spec.ts';

/**
 * The answers of the strict wasm module, or of js. `compiled` is for one of them. Undefined where no small sizes fit the
 * conditions of the model.
 */
export async function selfTestOf(compiled: Compiled, weights: Tensors): Promise<SelfTest | undefined> {
  const { program, lowered, fused } = compiled;
  const question = smallQuestion(program);
  if (!question) return undefined;
  const target = program.targets.wasm ? 'wasm' : 'js';
  const dims = new Map(Object.entries(question.dims));
  const bounds = boundsOf({ dims: fused.flatMap(({ graph }) => graph.dims) });
  const limits = [...indexLimits(lowered[target]!, bounds)].map(
    ([name, size]) => [name, evaluateSize(toSizeExpr(size), dims)] as const,
  );
  const test = { dims: question.dims, limits: { ...Object.fromEntries(limits), ...question.limits } };
  const parts = await partsOf(compiled, target, weights, { simd: 'strict' });
  const model = program.generation ? await createGenerativeModel(parts) : await createModel(parts);
  try {
    return { ...test, answers: await answersTo(model, program, test) };
  } finally {
    model.dispose();
  }
}
