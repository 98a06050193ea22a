/** What the formatter makes of texts that others laid out. */
import { join } from 'node:path';
import { formatSpec } from '../../src/compiler/syntax/format/format.ts';
import { goldenSuite } from './run.ts';

goldenSuite(join(import.meta.dirname, 'format'), (text, name) => {
  const formatted = formatSpec({ path: `${name}.model`, text });
  if (formatted.diagnostics) throw new Error(formatted.diagnostics.map(({ message }) => message).join('\n'));
  return formatted.text;
});
