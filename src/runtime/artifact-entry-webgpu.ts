/** The same for artifacts that are compiled for webgpu too. */
export * from './artifact-entry.ts';
export { createGpuModel } from './devices/webgpu/model.ts';
