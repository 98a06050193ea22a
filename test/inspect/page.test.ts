/** The page of `--graph html`: it needs nothing else, draws what the SVG shows, folds, searches and tells of blocks. */
import { beforeAll, describe, expect, it } from 'vitest';
import { draw } from '../../src/compiler/inspect/graph/draw.ts';
import type { Level } from '../../src/compiler/inspect/graph/level.ts';
import { place } from '../../src/compiler/inspect/graph/place.ts';
import { pageScript } from '../../src/compiler/inspect/graph/page.ts';
import { printDrawing } from '../../src/compiler/inspect/graph/print.ts';
import { describeBrowser } from '../support/browser.ts';
import { DRAWN } from './support.ts';

interface PageData {
  readonly level: Level;
  readonly open: readonly string[];
  readonly infos: readonly {
    readonly id: string;
    readonly title: string;
    readonly path: string;
    readonly line: string;
  }[];
}

let page: string;
let data: PageData;
beforeAll(async () => {
  const { root, graph } = DRAWN[0]![1]();
  page = await printDrawing('html', root, graph, { dims: new Map(), depth: Infinity });
  data = JSON.parse(/<script type="application\/json"[^>]*>(.*)<\/script>/.exec(page)![1]!) as PageData;
});

describe('the page', () => {
  it('loads nothing', () => {
    expect(page).not.toMatch(/\s(?:src|href)=|@import|url\((?!#)|fetch\(|import\(/);
  });

  it('places and draws by itself what the compiler does', () => {
    const [functions] = pageScript().split('const { level');
    // oxlint-disable-next-line typescript/no-implied-eval
    const run = new Function('level', 'isOpen', `${functions} return drawPlaced(placeLevel(level, isOpen));`);
    for (const isOpen of [() => false, () => true, (id: string) => data.open.includes(id)])
      expect(run(data.level, isOpen)).toBe(draw(place(data.level, isOpen)));
  });

  it('knows the line of the spec that each block comes from', () => {
    const attention = data.infos.find(({ title }) => title === 'Attention')!;
    expect(attention).toMatchObject({ path: 'layers.{0..5}.attn' });
    expect(attention.line).toContain('Attention(heads, dim_head, dropout) as attn');
  });
});

describeBrowser('the page in a browser', (site) => {
  it('folds, unfolds, searches and tells of what is clicked', async () => {
    site.put('/page.html', page);
    const script = `
      const frame = document.createElement('iframe');
      frame.src = '/page.html';
      const loaded = new Promise((resolve) => (frame.onload = resolve));
      document.body ? document.body.append(frame) : document.documentElement.append(frame);
      await loaded;
      const view = frame.contentDocument;
      const { defaultView } = frame.contentWindow.document;
      const count = () => view.querySelectorAll('.node').length;
      const click = (element) => element.dispatchEvent(new defaultView.MouseEvent('click', { bubbles: true }));
      const seen = { atFirst: count() };
      click(view.getElementById('none'));
      seen.folded = count();
      click(view.querySelector('.block .fold'));
      seen.unfolded = count();
      click(view.getElementById('all'));
      seen.all = count();
      click(view.getElementById('none'));
      const search = view.getElementById('search');
      search.value = 'layers.3.attn.to_qkv';
      search.dispatchEvent(new defaultView.Event('input'));
      seen.results = [...view.querySelectorAll('#results button')].map((button) => button.textContent);
      click(view.querySelector('#results button'));
      seen.heading = view.querySelector('#panel h2').textContent;
      seen.panel = view.getElementById('panel').textContent;
      seen.selected = view.querySelectorAll('.selected').length;
      return seen;`;
    const policy = "default-src 'self' 'unsafe-inline'";
    const seen = (await site.visit(script, { policy })) as { readonly [name: string]: unknown };
    expect(seen).toMatchObject({
      results: ['Linear layers.{0..5}.attn.to_qkv'],
      heading: 'Linear',
      panel: expect.stringContaining('f32[3072, 1024]'),
      selected: 1,
    });
    const [folded, atFirst, all] = [seen['folded'], seen['atFirst'], seen['all']] as [number, number, number];
    expect(seen['unfolded']).toBeGreaterThan(folded);
    expect(atFirst).toBeGreaterThan(folded);
    expect(all).toBeGreaterThan(atFirst);
  });
});
