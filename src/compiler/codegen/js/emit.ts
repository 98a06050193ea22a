/**
 * Kernels as the text of an ES module that runs under the strictest content security policy: plain functions, nothing
 * compiled at run time. It is also the readable reference of what a kernel computes.
 */
import type { Kernel } from '../../kernel/ir.ts';
import { countsWork } from '../../kernel/effects.ts';
import { unrollLoops } from '../unroll.ts';
import { Frame } from './frame.ts';
import { HELPERS, SCRATCH, type HelperName } from './helpers.ts';
import { positionText } from './position.ts';
import { regionLines } from './statement.ts';

/** `kernels` takes `counts` where a kernel counts. */
const openingOf = (counts: boolean): string => `/**
 * The kernels over views of one ArrayBuffer. A kernel takes the places of its buffers, in elements, and then its sizes.${
   counts ? '\n * Multiply-adds are added to the first element of `counts`.' : ''
 }
 */
export function kernels(f32, i32, u32${counts ? ', counts' : ''}) {`;

/**
 * A module that exports `kernels(f32, i32, u32)`, which answers with one function a kernel, in order. Each takes the offsets
 * of its buffers in elements, then its sizes. Kernels that count take a Float64Array for that, `kernels(f32, i32, u32, counts)`.
 */
export function emitJs(kernels: readonly Kernel[]): string {
  const helpers = new Set<HelperName>();
  const functions = kernels.map((kernel, at) => kernelLines(kernel, `k${at}`, helpers));
  const isBitConversion = helpers.has('bitsOfF32') || helpers.has('f32OfBits');
  const names = Object.keys(HELPERS) as HelperName[];
  const used = names.filter((name) => helpers.has(name)).map((name) => HELPERS[name]);
  const list = kernels.map((_, at) => `k${at}`).join(', ');
  const parts = [
    ...(isBitConversion ? [SCRATCH] : []),
    ...used,
    `${openingOf(kernels.some(countsWork))}\n${functions.map((lines) => lines.map((line) => `  ${line}\n`).join('')).join('\n')}
  return [${list}];
}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** One function for a point of the grid, entered anew for each, and one that loops over the grid. */
function kernelLines(kernel: Kernel, name: string, helpers: Set<HelperName>): string[] {
  const frame = new Frame(kernel.name, helpers);
  return frame.block(() => {
    const parameters = [...kernel.buffers.map((buffer) => buffer.name), ...kernel.sizes].map((each) =>
      frame.define(each),
    );
    const axes = kernel.grid.map((axis) => frame.define(axis.variable));
    const title = `// ${kernel.name.replaceAll(/[\r\n\u2028\u2029]/g, ' ')}`;
    const entry = `function ${name}(${parameters.join(', ')}) {`;
    frame.line(title);
    if (axes.length === 0) {
      frame.line(entry);
      frame.nested(regionLines(frame, unrollLoops(kernel).body));
      return frame.line('}');
    }
    const all = [...parameters, ...axes].join(', ');
    frame.line(`function ${name}_point(${all}) {`);
    frame.nested(regionLines(frame, unrollLoops(kernel).body));
    frame.line('}');
    frame.line(entry);
    frame.nested(gridLines(frame, kernel, axes, `${name}_point(${all});`));
    frame.line('}');
  });
}

function gridLines(frame: Frame, kernel: Kernel, axes: readonly string[], call: string): string[] {
  return kernel.grid.reduceRight(
    (inner, axis, at) => {
      const counter = axes[at]!;
      return frame.block(() => {
        const end = positionText(frame, axis.extent).code;
        frame.line(`for (let ${counter} = 0; ${counter} < ${end}; ${counter}++) {`);
        frame.nested(inner);
        frame.line('}');
      });
    },
    [call],
  );
}
