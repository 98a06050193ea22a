// Removes the last build, so that nothing of deleted sources stays in it.
import { rmSync } from 'node:fs';

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
