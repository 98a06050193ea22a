/** The stored calls of PyTorch's ops, each written as a model, on every target of a CPU. */
import { TARGETS } from '../support/specs.ts';
import { testFamily } from './bundles/check.ts';
import { opForms } from './bundles/ops.ts';

testFamily('ops', opForms, TARGETS);
