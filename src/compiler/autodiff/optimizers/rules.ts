/** The update of each optimizer of the language, by its name. */
import { adagrad } from './adagrad.ts';
import { adam, adamw } from './adam.ts';
import { lion } from './lion.ts';
import { rmsprop } from './rmsprop.ts';
import type { UpdateRule } from './rule.ts';
import { sgd } from './sgd.ts';

export const updateRules: { readonly [name: string]: UpdateRule } = { sgd, rmsprop, adagrad, adam, adamw, lion };
