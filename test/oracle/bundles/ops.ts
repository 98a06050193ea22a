/** The bundles of ops, each written as a model. */
import type { Table } from './form.ts';
import { layerForms } from './layers.ts';
import { movementForms } from './movement.ts';
import { pointwiseForms } from './pointwise.ts';
import { reductionForms } from './reductions.ts';
import { windowForms } from './windows.ts';

export const opForms: Table = {
  ...layerForms,
  ...movementForms,
  ...pointwiseForms,
  ...reductionForms,
  ...windowForms,
};
