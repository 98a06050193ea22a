/** Texts that come in pieces are cut where another one would begin, wherever the pieces end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopText } from '../../src/cli/generate/stop-text.ts';

const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength });

/** What is shown of pieces, and whether they were stopped. */
function shown(pieces: readonly string[], stops: readonly string[]): { text: string; isStopped: boolean } {
  const stop = new StopText(stops);
  let text = '';
  for (const piece of pieces) {
    const passed = stop.push(piece);
    text += passed.text;
    if (passed.isStopped) return { text, isStopped: true };
  }
  return { text: text + stop.end(), isStopped: false };
}

test('a text is cut before the first of its stops', () => {
  const stops = fc.array(
    letters(4).filter((stop) => stop !== ''),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(fc.array(letters(5), { maxLength: 6 }), stops, (pieces, some) => {
      const whole = pieces.join('');
      const places = some.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0);
      const got = shown(pieces, some);
      expect(got.isStopped).toBe(places.length > 0);
      // Of stops that overlap, the one that is complete first ends the text.
      if (places.length === 0) expect(got.text).toBe(whole);
      else {
        const ends = some.filter((stop) => whole.includes(stop)).map((stop) => whole.indexOf(stop) + stop.length);
        expect(whole.startsWith(got.text)).toBe(true);
        expect(places).toContain(got.text.length);
        expect(got.text.length).toBeLessThan(Math.min(...ends));
      }
    }),
  );
});

test('what cannot be the beginning of a stop is shown at once', () => {
  const stop = new StopText(['\n\n', 'END']);
  expect(stop.push('one E')).toEqual({ text: 'one ', isStopped: false });
  expect(stop.push('N')).toEqual({ text: '', isStopped: false });
  expect(stop.push('D')).toEqual({ text: '', isStopped: true });
  const other = new StopText(['END']);
  expect(other.push('EN').text + other.push('EX').text).toBe('ENEX');
  expect(other.push('E').text + other.end()).toBe('E');
});
