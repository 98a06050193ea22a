// Takes the pictures of the pages that the documentation shows: `node examples/pages/screenshots.mjs [chromium]`.
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { prepare } from './prepare.mjs';
import { serve } from './server.mjs';

/** A three, as a hand draws it on a pad of 280 pixels. */
const THREE = [
  [85, 75],
  [110, 55],
  [150, 48],
  [190, 62],
  [198, 92],
  [178, 120],
  [138, 134],
  [180, 150],
  [204, 182],
  [188, 218],
  [148, 236],
  [104, 228],
  [78, 208],
];

/** Steps after which the second picture is taken. */
const STEPS = 400;

prepare();
const { origin, close } = await serve(0);
const browser = await chromium.launch({
  executablePath: process.argv[2] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--enable-unsafe-webgpu'],
});

async function picture(name, path, act) {
  const page = await browser.newPage({ viewport: { width: 800, height: 1000 }, deviceScaleFactor: 1.5 });
  await page.goto(`${origin}${path}`);
  await act(page);
  await page
    .locator('main')
    .screenshot({ path: fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url)) });
  await page.close();
}

async function draw(page, width) {
  const box = await page.locator('#pad').boundingBox();
  const [first, ...others] = THREE.map(([x, y]) => [box.x + (x * width) / 280, box.y + (y * width) / 280]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const place of others) await page.mouse.move(...place, { steps: 4 });
  await page.mouse.up();
}

await picture('draw-a-digit', '/draw.html', async (page) => {
  await page.waitForSelector('#status[data-target]');
  await draw(page, 280);
  await page.waitForFunction(() => document.querySelector('#answer').textContent !== '');
});
await picture('learn-the-digits', '/train.html', async (page) => {
  await page.click('#start');
  await page.waitForFunction((steps) => Number(document.querySelector('#status').dataset.step) > steps, STEPS, {
    timeout: 300_000,
  });
  await page.click('#pause');
  await draw(page, 196);
  await page.waitForFunction(() => document.querySelector('#answer').textContent !== '');
});
await browser.close();
await close();
