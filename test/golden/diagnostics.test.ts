/** What a user sees for broken files: every diagnostic, rendered, and the summary. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Diagnostic, DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { renderDiagnostic, renderSummary } from '../../src/compiler/base/render.ts';
import { openCompilation } from '../../src/cli/compilation.ts';
import { fitHalves } from '../../src/cli/f16/fit.ts';
import { makeHost } from '../../src/cli/host.ts';
import { checkSpec, elaborateGeneration } from '../../src/compiler/driver.ts';
import { readWeights } from '../../src/compiler/interop/weights.ts';
import { invertRename } from '../../src/compiler/interop/rename.ts';
import { parseRenameMap } from '../../src/compiler/interop/rename-map.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';
import { Workplace } from '../cli/support.ts';
import { projectRoot } from '../support/reference.ts';
import { specHost } from '../support/specs.ts';
import { splitFiles } from './files.ts';
import { goldenSuite } from './run.ts';

const folder = join(import.meta.dirname, 'diagnostics');

/** Of very many the first and the last, as no reader looks at more. */
function rendered(items: readonly Diagnostic[]): string {
  const texts = items.map((item) => renderDiagnostic(item, { color: false }));
  const shown = texts.length <= 50 ? texts : [texts[0]!, `(${texts.length - 2} more)`, texts.at(-1)!];
  // The standard library lies where the project does.
  return [...shown, renderSummary(items)].join('\n\n').replaceAll(projectRoot, '');
}

/** Of the syntax stage alone. */
goldenSuite(folder, (text, name) => {
  const sink = new DiagnosticSink();
  parseFile({ path: `${name}.model`, text }, sink);
  return rendered(sink.items);
});

/** Of `heddle check`. */
goldenSuite(join(folder, 'semantics'), (text, name) =>
  rendered(checkSpec(`${name}.model`, specHost({ [`${name}.model`]: text }))),
);

/** Of generation, model by model. */
goldenSuite(join(folder, 'generation'), (text, name) => {
  const path = `${name}.model`;
  const models = [...text.matchAll(/^model (\w+)/gm)].map(([, entry]) => entry!);
  return models
    .map((entry) => `${entry}\n${rendered(elaborateGeneration(path, { entry }, specHost({ [path]: text })).diagnostics)}`)
    .join('\n\n');
});

/** Of `--f16`, on random weights and inputs. */
goldenSuite(join(folder, 'f16'), async (text) => {
  const place = new Workplace();
  try {
    place.link();
    place.write('f16.model', text);
    const { io, err } = place.io();
    const compilation = openCompilation('f16.model', { target: ['webgpu'], f16: true }, io, makeHost(io));
    await fitHalves(compilation.halves!, compilation.compile(), undefined, {}, io);
    return err.join('').trimEnd();
  } finally {
    place.remove();
  }
});

/** Of whole commands: lines `$ heddle …`, then the files they are run among. */
goldenSuite(join(folder, 'commands'), async (input) => {
  const { head, files } = splitFiles(input);
  const place = new Workplace();
  try {
    place.link();
    for (const [name, content] of files) {
      mkdirSync(dirname(place.path(name)), { recursive: true });
      place.write(name, content);
    }
    const outputs: string[] = [];
    for (const [line, command] of head.matchAll(/^\$ heddle (.+)$/gm)) {
      const { code, stdout, stderr } = await place.run(command!);
      outputs.push(`${line}\n${stdout}${stderr}exit code ${code}`);
    }
    return outputs.join('\n\n');
  } finally {
    place.remove();
  }
});

/** Of a rename map that is followed backwards: the files are the map and the tensors under own names. */
goldenSuite(join(folder, 'renaming'), (input) => {
  const { files } = splitFiles(input);
  const sink = new DiagnosticSink();
  const map = parseRenameMap({ path: 'map.json', text: String(files.get('map.json')) }, sink);
  const bytes = files.get('own.safetensors') as Uint8Array<ArrayBuffer>;
  invertRename(map!, readWeights('own.safetensors', bytes, sink)!, sink);
  return rendered(sink.items);
});
