/** The page of a profile: it needs nothing else, and its flame chart zooms by mouse and by keyboard. */
import { describe, expect, it } from 'vitest';
import { printFlame } from '../../src/compiler/inspect/profile/page.ts';
import { describeBrowser } from '../support/browser.ts';
import { report } from './profile-sample.ts';

const page = printFlame(report);

describe('the page', () => {
  it('loads nothing', () => {
    expect(page).not.toMatch(/\s(?:src|href)=|@import|url\(|fetch\(|import\(/);
  });

  it('cannot be broken by what the spec calls things', () => {
    const hostile = '</script><script>alert(1)</script>';
    const steps = report.steps.map((row) => ({ ...row, place: hostile, kernel: hostile, ops: [hostile] }));
    const broken = printFlame({ ...report, name: hostile, steps });
    expect(broken.match(/<script/g)).toHaveLength(2);
    expect(broken.match(/<\/script>/g)).toHaveLength(2);
  });

  it('has a row of its table for each kernel', () => {
    expect(page).toContain('<td>layers.*.ff</td><td>specs/std/nn.model:6</td><td>contract, add</td>');
  });
});

/** What the script below saw after each deed: the frames that show, by name, and the one in focus. */
interface Seen {
  readonly shown: readonly string[];
  readonly focused: string;
  readonly facts: string;
}

describeBrowser('the page in a browser', (site) => {
  it('zooms, moves along the levels, and tells of what it is at', async () => {
    site.put('/flame.html', page);
    const script = `
      const frame = document.createElement('iframe');
      frame.src = '/flame.html';
      frame.style.width = '900px';
      const loaded = new Promise((resolve) => (frame.onload = resolve));
      document.documentElement.append(frame);
      await loaded;
      const view = frame.contentDocument;
      const { KeyboardEvent } = frame.contentWindow;
      const look = () => ({
        shown: [...view.querySelectorAll('.frame')].filter(({ hidden }) => !hidden).map(({ textContent }) => textContent),
        focused: view.activeElement.textContent,
        facts: view.getElementById('facts').textContent,
      });
      const press = (key) => view.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      const seen = { first: look() };
      [...view.querySelectorAll('.frame')].find(({ textContent }) => textContent === 'layers').click();
      seen.clicked = look();
      press('ArrowDown');
      press('ArrowRight');
      press('Enter');
      seen.entered = look();
      seen.width = view.activeElement.style.width;
      press('Escape');
      press('Escape');
      seen.left = look();
      const colour = () => view.querySelector('.kernel').style.getPropertyValue('--fill');
      seen.byCeiling = colour();
      view.querySelector('[value=kind]').click();
      seen.byKind = colour();
      seen.key = view.getElementById('key').textContent;
      return seen;`;
    const policy = "default-src 'self' 'unsafe-inline'";
    const seen = (await site.visit(script, { policy })) as { readonly [name: string]: unknown };
    const all = ['Small', 'pointwise', 'layers', '0', 'ff', 'product_in', 'norm', 'rows', '1', 'ff', 'product_in'];
    const { first, clicked, entered, left } = seen as { readonly [name: string]: Seen };
    expect(first!.shown).toEqual([...all, 'norm', 'rows']);
    expect(clicked!.shown).toEqual(first!.shown.filter((name) => name !== 'pointwise'));
    expect(clicked!.facts).toContain('blocklayerstime8.00 msshare80 %');
    expect(entered!.shown).toEqual(['Small', 'layers', '1', 'ff', 'product_in', 'norm', 'rows']);
    expect(entered!.focused).toBe('1');
    expect(seen['width']).toBe('100%');
    expect(left!.shown).toEqual(first!.shown);
    expect(seen['byCeiling']).toContain('color-mix');
    expect(seen['byKind']).toBe('var(--tone1)');
    expect(seen['key']).toContain('product 60 %');
  });
});
