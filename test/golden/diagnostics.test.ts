/** What a user sees for broken files: every diagnostic of the syntax stage, rendered, and the summary. */
import { join } from 'node:path';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { renderDiagnostic, renderSummary } from '../../src/compiler/base/render.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';
import { goldenSuite } from './run.ts';

goldenSuite(join(import.meta.dirname, 'diagnostics'), (text, name) => {
  const sink = new DiagnosticSink();
  parseFile({ path: `${name}.model`, text }, sink);
  const rendered = sink.items.map((item) => renderDiagnostic(item, { color: false }));
  return [...rendered, renderSummary(sink.items)].join('\n\n');
});
