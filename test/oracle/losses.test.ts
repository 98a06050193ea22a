/** The stored calls of PyTorch's losses, each written as a model, on every target of a CPU. */
import { TARGETS } from '../support/specs.ts';
import { testFamily } from './bundles/check.ts';
import { lossForms } from './bundles/losses.ts';

testFamily('losses', lossForms, TARGETS);
