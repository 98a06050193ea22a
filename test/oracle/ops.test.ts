/** The stored calls of PyTorch's ops, each written as a model, on every target. */
import { testFamily } from './bundles/check.ts';
import type { Table } from './bundles/form.ts';
import { layerForms } from './bundles/layers.ts';
import { movementForms } from './bundles/movement.ts';
import { pointwiseForms } from './bundles/pointwise.ts';
import { reductionForms } from './bundles/reductions.ts';
import { windowForms } from './bundles/windows.ts';

const table: Table = { ...layerForms, ...movementForms, ...pointwiseForms, ...reductionForms, ...windowForms };

testFamily('ops', table);
