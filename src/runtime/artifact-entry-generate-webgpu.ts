/** The same for artifacts that are compiled for webgpu too, where they run but do not generate. */
export * from './artifact-entry-generate.ts';
export { createGpuModel } from './devices/webgpu/model.ts';
