/**
 * Steps that change nothing where the loss is not finite, for devices on which nobody can look at the loss before they run.
 */
import { ZERO } from '../dims/dim.ts';
import { binary, bitcast, compare, literal, load } from '../kernel/build.ts';
import type { Expr, Kernel } from '../kernel/ir.ts';
import { definedNames, FreshNames } from '../kernel/names.ts';
import type { BufferId, GuardedKernel, KernelCall } from '../plan/lowered.ts';

/** Makes calls of kernels do nothing where the f32[] in `loss` is infinite or NaN. */
export class LossGuard {
  readonly #loss: BufferId;
  /** Equal kernels stay one. */
  readonly #guarded = new Map<Kernel, Kernel>();

  constructor(loss: BufferId) {
    this.#loss = loss;
  }

  guard(call: KernelCall): KernelCall {
    const { kernel, alternatives, buffers } = call;
    const guarded = (one: GuardedKernel): GuardedKernel => ({ ...one, kernel: this.#kernel(one.kernel) });
    return {
      ...call,
      kernel: this.#kernel(kernel),
      ...(alternatives && { alternatives: alternatives.map(guarded) }),
      buffers: [...buffers, this.#loss],
    };
  }

  #kernel(kernel: Kernel): Kernel {
    const known = this.#guarded.get(kernel) ?? whereFinite(kernel);
    this.#guarded.set(kernel, known);
    return known;
  }
}

/** The kernel with one buffer more, which it reads first: where that is not finite, its body is left out. */
function whereFinite(kernel: Kernel): Kernel {
  const name = new FreshNames(definedNames(kernel)).fresh('loss');
  const condition = isFinite(load(name, ZERO, 'f32'));
  return {
    ...kernel,
    buffers: [...kernel.buffers, { name, type: 'f32', access: 'read' }],
    body: [{ kind: 'if', condition, then: kernel.body, else: [] }],
  };
}

const EXPONENT = 0x7f800000;

/** By the bits: a device may compute with floats as if there were no others than finite ones. */
function isFinite(value: Expr): Expr {
  const exponent = binary('and', bitcast(value, 'u32'), literal(EXPONENT, 'u32'));
  return compare('ne', exponent, literal(EXPONENT, 'u32'));
}
