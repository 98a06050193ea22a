/** The slow tests, which `npm test` leaves out: `npm run test:slow`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/slow/**/*.test.ts'], testTimeout: 600_000, setupFiles: ['test/support/setup.ts'] },
});
