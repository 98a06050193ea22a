/** How the buffers of a kernel are shared out among the bindings of a device that has few. */

/**
 * How many of a kernel's buffers, from the first on, have a binding of their own; the others share the last of
 * `storageBuffers` bindings.
 */
export function ownBindings(buffers: number, storageBuffers: number): number {
  return buffers <= storageBuffers ? buffers : storageBuffers - 1;
}
