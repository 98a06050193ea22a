/**
 * A real Chromium, and a server for its pages. A page reports by a request of its own, so that nothing is evaluated in
 * it from outside and its Content-Security-Policy holds for everything. In CI a missing Chromium is a failure;
 * elsewhere the tests that need it are skipped.
 */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';

const PLACES = ['chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome'].map(
  (name) => `/usr/bin/${name}`,
);

/** What is started; the variable CHROMIUM stands before the usual places. */
export const executable = process.env['CHROMIUM'] || PLACES.find((path) => existsSync(path));

/** A name of this machine that browsers do not trust over plain HTTP, as they do localhost. */
const INSECURE_HOST = 'insecure.test';

export const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  // See ./webgpu.ts.
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
  `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
];

/** Answers a request in place of a file. */
const NOTHING = `default-src 'none'; connect-src 'self'; worker-src 'self'; script-src 'self'`;

/** The strictest that each target can have. */
export const POLICIES = { js: NOTHING, wasm: `${NOTHING} 'wasm-unsafe-eval'` };

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Site {
  readonly origin: string;
  /** Puts a file, or what answers for it, at a path: `/artifact/index.js`. */
  put(path: string, content: string | Uint8Array | Handler): void;
  /**
   * Opens a page that runs `script`, the body of an async function, and answers the JSON of what it returns. Rejects
   * with what it throws.
   */
  visit(script: string, options: VisitOptions): Promise<unknown>;
}

export interface VisitOptions {
  /** The Content-Security-Policy of all files. */
  readonly policy: string;
  /** A module worker of the page runs the script. */
  readonly inWorker?: boolean;
  /** The page is no secure context. */
  readonly isInsecure?: boolean;
  /** The page is isolated from other origins, so that it may share memory with its workers. */
  readonly isIsolated?: boolean;
  /** Milliseconds after which a page that has not answered has failed. */
  readonly within?: number;
}

/** A suite whose tests share one browser. */
export function describeBrowser(name: string, suite: (site: Site) => void): void {
  describe(name, () => {
    if (executable !== undefined) {
      const site = new ServedSite(executable);
      beforeAll(() => site.open());
      afterAll(() => site.close());
      suite(site);
    } else if (process.env['CI']) {
      test('there is a Chromium (Debian: chromium, or chromium-headless-shell)', () => {
        throw new Error(`no Chromium at ${PLACES.join(', ')}, and CHROMIUM is not set`);
      });
    } else {
      test.skip('there is no Chromium; install chromium or set CHROMIUM', () => {});
    }
  });
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  wasm: 'application/wasm',
};

/** What a script returned or threw. */
interface Report {
  readonly value?: unknown;
  readonly error?: string;
}

class ServedSite implements Site {
  readonly #executable: string;
  readonly #files = new Map<string, string | Uint8Array | Handler>();
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));
  #browser: Browser | undefined;
  #policy = '';
  #isIsolated = false;
  #report: (report: Report) => void = () => {};
  #visits = 0;

  constructor(executable: string) {
    this.#executable = executable;
  }

  get origin(): string {
    return this.#originAt('127.0.0.1');
  }

  #originAt(host: string): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#browser = await chromium.launch({ executablePath: this.#executable, args: FLAGS });
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  put(path: string, content: string | Uint8Array | Handler): void {
    this.#files.set(path, content);
  }

  async visit(
    script: string,
    { policy, inWorker = false, isInsecure = false, isIsolated = false, within = 20_000 }: VisitOptions,
  ): Promise<unknown> {
    const folder = `/visit/${++this.#visits}`;
    this.put(`${folder}/script.js`, reporting(script));
    this.put(`${folder}/worker.js`, `new Worker('${folder}/script.js', { type: 'module' });`);
    const main = inWorker ? 'worker.js' : 'script.js';
    this.put(`${folder}/page.html`, `<!doctype html><script type="module" src="${folder}/${main}"></script>`);
    this.#policy = policy;
    this.#isIsolated = isIsolated;
    const origin = isInsecure ? this.#originAt(INSECURE_HOST) : this.origin;
    const { value, error } = await this.#reportOf(`${origin}${folder}/page.html`, within);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async #reportOf(url: string, within: number): Promise<Report> {
    const page = await this.#browser!.newPage();
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    page.on('pageerror', ({ message }) => lines.push(message));
    let timer: NodeJS.Timeout | undefined;
    const reported = new Promise<Report>((resolve) => {
      this.#report = resolve;
      timer = setTimeout(
        () => resolve({ error: `the page reports nothing; its console:\n${lines.join('\n')}` }),
        within,
      );
    });
    try {
      await page.goto(url);
      return await reported;
    } finally {
      clearTimeout(timer);
      await page.close();
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url!.split('?')[0]!;
    if (path === '/report') {
      const parts: Uint8Array[] = [];
      request.on('data', (part: Uint8Array) => parts.push(part));
      request.on('end', () => {
        response.end();
        this.#report(JSON.parse(Buffer.concat(parts).toString()) as Report);
      });
      return;
    }
    const content = this.#files.get(path);
    response.setHeader('content-type', TYPES[path.split('.').at(-1)!] ?? 'application/octet-stream');
    response.setHeader('content-security-policy', this.#policy);
    response.setHeader('cache-control', 'no-store');
    if (this.#isIsolated) {
      response.setHeader('cross-origin-opener-policy', 'same-origin');
      response.setHeader('cross-origin-embedder-policy', 'require-corp');
    }
    if (typeof content === 'function') content(request, response);
    else if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  }
}

/** A module that runs the body of an async function and sends its result or its failure. */
function reporting(script: string): string {
  return `const send = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) });
(async () => {
${script}
})().then((value) => send({ value }), (error) => send({ error: String(error?.stack ?? error) }));
`;
}
