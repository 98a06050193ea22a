// Writes the grammar for people (grammar/heddle.ebnf) and for editors (grammar/heddle.tmLanguage.json) from the one that
// parses: `node scripts/generate/grammar.mjs`; with `--check` it only tells whether the files are up to date.
import { fileURLToPath } from 'node:url';
import { ebnf } from './ebnf.mjs';
import { laidOut, loadSource, writeOrCheck } from './files.mjs';
import { textMate } from './textmate.mjs';

/** The files by their paths. */
export async function generateGrammar() {
  const language = await loadSource(`
    export { grammarRules } from './grammar/parser.ts';
    export * as tokens from './grammar/tokens.ts';
    export { bodyWords, declarationWords, keywordTypes } from './src/compiler/syntax/words.ts';
    export { precedence } from './src/compiler/syntax/operators.ts';
    export { primitives } from './src/compiler/syntax/types.ts';
  `);
  const json = JSON.stringify(textMate(language), undefined, 2);
  return {
    'grammar/heddle.ebnf': ebnf(language),
    'grammar/heddle.tmLanguage.json': await laidOut('grammar/heddle.tmLanguage.json', json),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeOrCheck(await generateGrammar(), 'scripts/generate/grammar.mjs');
}
