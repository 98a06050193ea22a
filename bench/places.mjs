/** Where things lie. */
import { fileURLToPath } from 'node:url';

/** This package. */
export const bench = fileURLToPath(new URL('.', import.meta.url));

/** The checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));
