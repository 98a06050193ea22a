/** The gradients of the stored calls of PyTorch's ops, on WebGPU. */
import { describeGpu } from '../support/webgpu.ts';
import { testGradients } from './bundles/check.ts';
import { opForms } from './bundles/ops.ts';

describeGpu('on webgpu', () => {
  testGradients('ops', opForms, ['webgpu']);
});
