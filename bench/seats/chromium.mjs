/** Seats in Chromium: one page a contestant, each in a browsing context of its own, cross-origin isolated. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

const PLACES = ['chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome'];
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update'];

/** WebGPU, also on a software driver; workgroup memory is zeroed by a loop, as that driver's own way compiles slowly. */
const GPU_FLAGS = [
  '--enable-unsafe-webgpu',
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
];

/** Seats whose pages have WebGPU, and the name of the adapter. Throws Error, too, where there is none. */
export async function gpuSeats(work) {
  const seats = await chromiumSeats(work, GPU_FLAGS);
  try {
    // The first page starts the process that talks to the GPU, which nobody's first result shall wait for.
    return { ...seats, adapter: await seats.nameAdapter() };
  } catch (error) {
    await seats.close();
    throw error;
  }
}

/** Throws Error where there is no Chromium; the variable CHROMIUM may name one. */
export async function chromiumSeats(work, flags = []) {
  const usual = PLACES.map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));
  const executablePath = process.env.CHROMIUM || usual;
  if (!executablePath) throw new Error('there is no Chromium: install one, or set CHROMIUM to its path');
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
  const server = await serve(work);
  return {
    place: 'chromium',
    version: `Chromium ${browser.version()}`,

    async open(module, folder, task, patience) {
      const context = await browser.newContext();
      const seat = new PageSeat(context, await context.newPage());
      try {
        await seat.visit(await server.addressOf(module, folder, task.cores));
        return { seat, ...(await seat.ask('open', task, patience)) };
      } catch (error) {
        await seat.close();
        throw error;
      }
    },

    async nameAdapter() {
      const page = await browser.newPage();
      await page.goto(server.blank);
      const name = await page.evaluate(async () => {
        const adapter = await navigator.gpu?.requestAdapter();
        const { description, architecture, vendor } = adapter?.info ?? {};
        return adapter && (description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed');
      });
      await page.close();
      if (!name) throw new Error('Chromium has no adapter for WebGPU');
      return name;
    },

    async close() {
      await browser.close();
      await server.close();
    },
  };
}

class PageSeat {
  #context;
  #page;

  constructor(context, page) {
    this.#context = context;
    this.#page = page;
  }

  async visit(address) {
    const failures = [];
    this.#page.on('pageerror', ({ message }) => failures.push(message));
    await this.#page.goto(address);
    await this.#page
      .waitForFunction(() => globalThis.seat !== undefined, undefined, { timeout: 60_000 })
      .catch(() => {
        throw new Error(failures[0] ?? 'the page does not start');
      });
  }

  async ask(method, argument, patience = 600_000) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${patience / 1000} s`)), patience);
    });
    const answer = this.#page.evaluate(([name, given]) => globalThis.seat[name](given), [method, argument]);
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      answer.catch(() => {});
      throw new Error(error.message.split('\n')[0].replace(/^(page\.evaluate: )?(Error: )?/, ''), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  close() {
    return this.#context.close();
  }
}
