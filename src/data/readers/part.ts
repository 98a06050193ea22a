/** Which part of a data set is wanted, where a folder holds both. */
export type Part = 'train' | 'evaluation';
