import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', '**/node_modules/**'],
    testTimeout: 60_000,
    setupFiles: ['test/support/setup.ts'],
    // Sources keep no mutable state in modules, so test files share them: loading them for each took half of the time.
    isolate: false,
    maxWorkers: '100%',
  },
});
