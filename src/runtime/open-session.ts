/** Opens a program on its target. */
import { HeddleError } from './errors.ts';
import { openMemorySession } from './memory-session.ts';
import type { ModelParts } from './model.ts';
import { checkParts, type Session } from './session.ts';

/** Checks the parts, makes the device, puts the weights in place and runs the load steps. Rejects as `createModel` does. */
export async function openSession(parts: ModelParts): Promise<Session> {
  if (parts.target !== 'webgpu') return openMemorySession(parts);
  const checked = checkParts(parts);
  if (!parts.createGpuSession) throw new HeddleError('target', 'this runtime was built without webgpu');
  return parts.createGpuSession(parts, checked);
}
