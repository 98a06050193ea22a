/** The stored scalar computations, each written as a model, on every target of a CPU. */
import { TARGETS } from '../support/specs.ts';
import { testFamily } from './bundles/check.ts';
import { scalarForms } from './bundles/scalars.ts';

testFamily('scalar_graphs', scalarForms, TARGETS);
