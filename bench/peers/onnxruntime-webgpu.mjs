/**
 * onnxruntime-web on its WebGPU provider. With the option `capturesGraph`, the commands of the first run are recorded and
 * played again, for which inputs and outputs have to lie on the GPU; values are written there before a run, and read after it.
 */
import * as ort from 'onnxruntime-web/webgpu';
import { openSession } from './onnx.mjs';
import { readSafetensors } from './safetensors.mjs';

export function load(task) {
  ort.env.wasm.numThreads = task.threads;
  ort.env.wasm.wasmPaths = `${task.packages}/onnxruntime-web/dist/`;
  return task.options?.capturesGraph
    ? openCapture(task)
    : openSession(ort, task, { executionProviders: [{ name: 'webgpu' }] });
}

async function openCapture({ files, reads }) {
  const session = await ort.InferenceSession.create(await files.read(reads), {
    graphOptimizationLevel: 'all',
    // By its name alone, the provider would not be told to capture.
    executionProviders: [{ name: 'webgpu' }],
    enableGraphCapture: true,
    preferredOutputLocation: 'gpu-buffer',
  });
  const device = await ort.env.webgpu.device;
  const inputs = [...readSafetensors(await files.read('inputs.safetensors'))].map(([name, { data, shape }]) => ({
    name,
    data,
    ...tensorOnGpu(device, shape, data instanceof Int32Array ? 'int32' : 'float32'),
  }));
  const outputs = session.outputMetadata.map(({ name, shape }) => ({ name, ...tensorOnGpu(device, shape, 'float32') }));
  const [feeds, fetches] = [inputs, outputs].map((list) =>
    Object.fromEntries(list.map(({ name, tensor }) => [name, tensor])),
  );
  const readBack = makeReadBack(device, outputs);
  return {
    isSync: false,
    call: async () => {
      for (const { buffer, data } of inputs) device.queue.writeBuffer(buffer, 0, data);
      await session.run(feeds, fetches);
      return readBack();
    },
    valuesOf: (values) => values,
  };
}

/** A tensor of elements of 4 bytes, in a buffer of its own. */
function tensorOnGpu(device, dims, dataType) {
  const bytes = 4 * dims.reduce((product, size) => product * size, 1);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
  return { bytes, buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, { dataType, dims }) };
}

/** A function that copies the tensors into memory of the page: all in one submission, each through a buffer made once. */
function makeReadBack(device, tensors) {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const copies = tensors.map((tensor) => ({ ...tensor, target: device.createBuffer({ size: tensor.bytes, usage }) }));
  return async () => {
    const encoder = device.createCommandEncoder();
    for (const { buffer, target, bytes } of copies) encoder.copyBufferToBuffer(buffer, 0, target, 0, bytes);
    device.queue.submit([encoder.finish()]);
    const values = {};
    for (const { name, target } of copies) {
      await target.mapAsync(GPUMapMode.READ);
      values[name] = new Float32Array(target.getMappedRange().slice());
      target.unmap();
    }
    return values;
  };
}
