/** What a load needs where there are several devices to choose from: handed in, so that other artifacts do without it. */
import { chooseDevice, chosen } from './choose.ts';
import { hindranceToGpu } from './devices/webgpu/hindrance.ts';
import { HeddleError } from './errors.ts';
import { faultOf } from './self-test.ts';

/** Throws HeddleError 'option'. */
function checkOptions({ expect, selfTest }: { readonly expect?: unknown; readonly selfTest?: unknown }): void {
  if (selfTest !== undefined && typeof selfTest !== 'boolean')
    throw new HeddleError('option', 'the option selfTest is neither true nor false');
  if (expect !== undefined && (typeof expect !== 'object' || expect === null))
    throw new HeddleError('option', 'the option expect is no object of sizes');
}

export const deviceTools = { checkOptions, chooseDevice, hindranceToGpu, chosen, faultOf };

export type DeviceTools = typeof deviceTools;
