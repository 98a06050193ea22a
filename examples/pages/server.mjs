/**
 * Serves `site/` and `build/`. Its headers are those that a real server should send: a policy without `unsafe-eval`, and
 * isolation from other origins, which lets a page share memory with its threads.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; worker-src 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/** Listens on this machine alone; 0 takes a free port. Rejects where the port is taken. */
export async function serve(port) {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://localhost:${server.address().port}`, close };
}

async function answer(request, response) {
  try {
    const path = fileOf(request.url);
    const bytes = path && (await readFile(path));
    if (!bytes) throw new Error('not found');
    response.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
    response.end(bytes);
  } catch {
    response.writeHead(404, HEADERS).end('not found');
  }
}

/** The file behind a path of the site; undefined outside of the two folders. */
function fileOf(url) {
  const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
  const base = path.startsWith(`${sep}build${sep}`) ? here : join(here, 'site');
  const file = join(base, path.endsWith(sep) ? join(path, 'index.html') : path);
  return file.startsWith(base) ? file : undefined;
}
