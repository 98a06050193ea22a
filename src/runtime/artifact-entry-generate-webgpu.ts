/** The same for artifacts that are compiled for webgpu too. */
export * from './artifact-entry-generate.ts';
export { deviceTools } from './device-tools.ts';
export { createGpuSession } from './devices/webgpu/program-session.ts';
