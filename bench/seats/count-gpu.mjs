/**
 * Counts what a page asks of WebGPU, whoever asks: the methods are wrapped where all objects find them, on the prototypes of
 * `scope`. Where it has no WebGPU, nothing is counted.
 */

/** The methods that add to a count, by interface. */
const METHODS = {
  GPUDevice: {
    createBuffer: 'buffers',
    createBindGroup: 'bindGroups',
    createComputePipeline: 'pipelines',
    createComputePipelineAsync: 'pipelines',
    createShaderModule: 'modules',
  },
  GPUQueue: { submit: 'submits', writeBuffer: 'writes' },
  GPUCommandEncoder: { beginComputePass: 'passes', copyBufferToBuffer: 'copies' },
  GPUComputePassEncoder: { dispatchWorkgroups: 'dispatches', dispatchWorkgroupsIndirect: 'dispatches' },
  GPUBuffer: { mapAsync: 'maps' },
};

/** Answers `{ during(work) }`: what is asked while `work`, an async function, runs. */
export function countGpu(scope = globalThis) {
  const names = Object.values(METHODS).flatMap((methods) => Object.values(methods));
  const counts = Object.fromEntries([...names, 'indirect', 'bytes'].map((name) => [name, 0]));
  for (const [type, methods] of Object.entries(METHODS)) {
    const prototype = scope[type]?.prototype;
    if (!prototype) continue;
    for (const [method, name] of Object.entries(methods)) {
      const original = prototype[method];
      prototype[method] = function (...args) {
        counts[name]++;
        if (method === 'createBuffer') counts.bytes += args[0].size;
        if (method === 'dispatchWorkgroupsIndirect') counts.indirect++;
        return original.apply(this, args);
      };
    }
  }
  return {
    async during(work) {
      const before = { ...counts };
      await work();
      return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count - before[name]]));
    },
  };
}
