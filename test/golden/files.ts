/**
 * Golden cases of several files: `──── name ────` above the text of each. What stands before the first is the case's own.
 * Tensors are written as text: `map.weight F32 [3, 2]` in a `.safetensors` file is a tensor of zeros, numbers behind it
 * are its values. `⟨1000 ×⟩ text` in any other stands for as many lines.
 */
import { safetensors, tensor } from '../cli/support.ts';

export interface CaseFiles {
  readonly head: string;
  readonly files: ReadonlyMap<string, string | Uint8Array>;
}

export function splitFiles(input: string): CaseFiles {
  const [head = '', ...parts] = input.split(/^──── (.+) ────\n/m);
  const files = new Map<string, string | Uint8Array>();
  for (let at = 0; at < parts.length; at += 2) {
    const [name, text] = [parts[at]!, parts[at + 1]!];
    files.set(name, name.endsWith('.safetensors') ? storedTensors(text) : repeated(text));
  }
  return { head, files };
}

function repeated(text: string): string {
  return text.replace(/^⟨(\d+) ×⟩ (.*\n)/gm, (_, count: string, line: string) => line.repeat(Number(count)));
}

/** A text that lists no tensors is the file itself: one that is no safetensors file. */
function storedTensors(text: string): string | Uint8Array {
  const lines = text.split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => /^(\S+) ([A-Z]+\d*) \[([\d, ]*)\](.*)$/.exec(line));
  if (entries.includes(null)) return text;
  const numbers = (list: string): number[] => list.split(/[ ,]+/).flatMap((part) => (part === '' ? [] : Number(part)));
  return safetensors(
    Object.fromEntries(
      entries.map((entry) => {
        const [, name = '', dtype = '', shape = '', values = ''] = entry!;
        const data = numbers(values);
        return [name, tensor(dtype as Parameters<typeof tensor>[0], numbers(shape), data.length > 0 ? data : [0])];
      }),
    ),
  );
}
