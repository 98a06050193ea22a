/** Files for the readers, in a folder of their own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { allocate, type Dataset, type FieldArray } from '../../src/data/dataset.ts';
import { DataFiles } from '../../src/data/files.ts';
import { openData, type DataOptions, type Examples, type Replay } from '../../src/data/open.ts';

export interface DataFolder {
  write(name: string, content: string | Uint8Array | readonly number[]): void;
  open(options: Partial<DataOptions> & Pick<DataOptions, 'paths'>): Promise<Examples | Replay>;
  examples(options: Partial<DataOptions> & Pick<DataOptions, 'paths'>): Promise<Examples>;
}

export function dataFolder(): DataFolder {
  const cwd = mkdtempSync(join(tmpdir(), 'heddle-data-'));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  const folder: DataFolder = {
    write(name, content) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), typeof content === 'string' ? content : Uint8Array.from(content));
    },
    open: (options) => openData({ seed: 0, ...options }, new DataFiles(cwd)),
    async examples(options) {
      const opened = await folder.open(options);
      if (opened.kind !== 'examples') throw new Error('these are no examples');
      return opened;
    },
  };
  return folder;
}

/** What one example is, field by field. */
export function example(dataset: Dataset, index: number, epoch = 0): number[][] {
  const arrays: FieldArray[] = allocate(dataset.fields, 1);
  dataset.write(index, epoch, 0, arrays);
  return arrays.map((array) => Array.from(array));
}

/** An IDX file of bytes. */
export function idx(shape: readonly number[], elements: readonly number[]): number[] {
  const sizes = shape.flatMap((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return [0, 0, 8, shape.length, ...sizes, ...elements];
}
