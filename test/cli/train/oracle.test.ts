/** Stored training sequences of PyTorch, replayed by the command: each loss and the final parameters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSafetensors } from '../../../src/program/safetensors.ts';
import { describeReference, largestDifference, readCase, referenceRoot, valuesOf } from '../../support/reference.ts';
import { Workplace } from '../support.ts';

const place = new Workplace();
beforeAll(() => place.link());
afterAll(() => place.remove());

const SPEC = (optimizer: string): string => `import { Linear } from "std/nn"
train Fit {
  dims batch
  input x: f32[batch, 3]
  input t: f32[batch, 2]
  y = x |> Linear(5) as l1 |> sigmoid |> Linear(2) as l2 |> sigmoid
  loss mean(square(t - y))
  optimizer ${optimizer}
}
`;

/** The same parameters under a path of their own, and under other names. */
const NESTED = (optimizer: string): string =>
  SPEC(optimizer).replace('as l1', 'as net.first').replace('as l2', 'as net.second');
const MAP = { l1: 'first', l2: 'second' };

const CASES: [name: string, optimizer: string][] = [
  ['mlp_sgd', 'sgd(lr: 0.5)'],
  ['mlp_momentum', 'sgd(lr: 0.5, momentum: 0.9)'],
  ['mlp_nesterov', 'sgd(lr: 0.5, momentum: 0.9, nesterov: true)'],
  ['mlp_adam', 'adam(lr: 0.05)'],
];

describeReference('replayed sequences', 'oracle', () => {
  it.each(CASES)('%s is met within its tolerances', async (name, optimizer) => {
    const { tolerances, tensors } = readCase(`train/${name}`);
    const file = join(referenceRoot, `oracle/shared/train/${name}.safetensors`);
    place.write('flat.model', SPEC(optimizer));
    place.write('nested.model', NESTED(optimizer));
    place.write('map.json', JSON.stringify(MAP));
    const flat = `train flat.model --data ${file} --weights ${file}:param. --target js -o ${name}-flat`;
    const nested = `train nested.model --data ${file} --weights net=${file}:param. --rename map.json -o ${name}-nested`;
    for (const [line, run] of [
      [flat, `${name}-flat`],
      [nested, `${name}-nested`],
    ] as const) {
      expect(await place.run(line)).toMatchObject({ code: 0 });
      const got = parseSafetensors(new Uint8Array(readFileSync(place.path(`${run}/replay.safetensors`)))).tensors;
      expect([...got.keys()].sort()).toEqual(Object.keys(tolerances).sort());
      for (const [tensor, { tol }] of Object.entries(tolerances)) {
        const truth = valuesOf(tensors, tensor.replace('out.', 'out64.'));
        expect(largestDifference(valuesOf(got, tensor), truth), tensor).toBeLessThanOrEqual(tol);
      }
    }
  });
});
