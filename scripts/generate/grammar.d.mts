/** The generated files by their paths. */
export function generateGrammar(): Promise<{ readonly [path: string]: string }>;
