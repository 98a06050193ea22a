/** The derived program of one token, through `generate`. */
import { BEGIN, TOKENS } from './decoding.mjs';

export async function load({ files, reads, threads, config, options }) {
  const { load: loadModel } = await import(files.url(`${reads}/index.js`));
  const model = await loadModel({ ...options, threads });
  const call = async () => {
    const tokens = new Int32Array(config.tokens);
    let at = 0;
    for await (const { token } of model.generate([BEGIN], { tokens: config.tokens })) tokens[at++] = token;
    return tokens;
  };
  return { isSync: false, call, valuesOf: (tokens) => ({ [TOKENS]: tokens }) };
}
