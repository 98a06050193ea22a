/** The shader modules of a program: what the compiler writes into `shaders.json`, one for each kernel of `GpuProgram`. */

/** What a device may offer beyond what every device has, as WebGPU names it. */
export type ShaderFeature = 'subgroups' | 'shader-f16';

/** A text for devices that have more. */
export interface ShaderVariant {
  readonly needs: readonly ShaderFeature[];
  /**
   * How many storage buffers a kernel has to be allowed: all buffers have bindings of their own then. Absent where the
   * bindings are those of the first text.
   */
  readonly storageBuffers?: number;
  readonly code: string;
}

/** The texts of one kernel in WGSL, all with the entry point `main`. */
export interface Shader {
  /** For every device. */
  readonly code: string;
  /** The first whose needs a device has is used in place of `code`. */
  readonly variants?: readonly ShaderVariant[];
}
