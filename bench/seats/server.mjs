/** Serves the prepared models and the bundled seats to pages, with the headers that shared memory needs. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, extname, join, normalize } from 'node:path';
import { bench } from '../places.mjs';
import { bundleSeat } from './bundle.mjs';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** `work` holds the models' folders. */
export async function serve(work) {
  const bundles = new Map();
  const bundle = async (module) => {
    if (!bundles.has(module)) bundles.set(module, await bundleSeat(module));
    return bundles.get(module);
  };
  const server = createServer((request, response) => {
    answer(request, response, work, bundle).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    /** Of a page that has nothing in it. */
    blank: `${origin}/blank.html`,
    /** Bundles first, so that no page waits for that. */
    async addressOf(module, folder, cores) {
      await bundle(module);
      return `${origin}/seat/${module}.html?folder=/work/${basename(folder)}/&cores=${cores}`;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request, response, work, bundle) {
  const [, area, ...rest] = normalize(decodeURIComponent(new URL(request.url, 'http://page').pathname)).split('/');
  const path = rest.join('/');
  if (area === 'blank.html') {
    response.writeHead(200, { ...ISOLATION, 'content-type': TYPES['.html'] }).end('<!doctype html>');
    return;
  }
  const headers = { ...ISOLATION, 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' };
  if (area === 'seat') {
    const module = basename(path, extname(path));
    const page = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/seat/${module}.js"></script>`;
    response.writeHead(200, headers).end(extname(path) === '.js' ? await bundle(module) : page);
    return;
  }
  const folder = { work, packages: join(bench, 'node_modules') }[area];
  const file = folder && join(folder, path);
  const found = file && (await stat(file).catch(() => undefined));
  if (!found?.isFile()) response.writeHead(404, headers).end();
  else createReadStream(file).pipe(response.writeHead(200, { ...headers, 'content-length': found.size }));
}
