// `npm run pages`: compiles two artifacts, turns the digits into one file, and serves the pages that use them.
// `--port 8080` says where; 0 takes a free one.
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';
import { serve } from './server.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`--port is ${values.port}; it is a number from 0 to 65535`);
  process.exit(2);
}

prepare();
try {
  const { origin } = await serve(port);
  console.log(`\nOpen ${origin}/ in a browser; Ctrl+C ends.`);
} catch (error) {
  console.error(error.code === 'EADDRINUSE' ? `the port ${port} is in use; choose one with --port` : error.message);
  process.exit(1);
}
