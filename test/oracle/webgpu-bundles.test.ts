/** The stored calls of PyTorch's ops, losses and scalar computations, each written as a model, on WebGPU. */
import { describeGpu } from '../support/webgpu.ts';
import { testFamily, testResults } from './bundles/check.ts';
import { lossForms } from './bundles/losses.ts';
import { opForms } from './bundles/ops.ts';
import { scalarForms } from './bundles/scalars.ts';

describeGpu('on webgpu', () => {
  testResults('ops', opForms, ['webgpu']);
  testFamily('losses', lossForms, ['webgpu']);
  testFamily('scalar_graphs', scalarForms, ['webgpu']);
});
