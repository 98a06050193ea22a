/** The engines of one report: Nodes by path or by major version, and Chromium. They are measured one after the other. */
import { execFileSync } from 'node:child_process';
import { chromiumSeats } from './seats/chromium.mjs';
import { nodeSeats } from './seats/node.mjs';

/**
 * `{ node, open }` of each: `open(work)` gives the seats, and `node` is the Node that other programs run in. Throws Error
 * with a message for the user where an engine is not there.
 */
export function enginesFor({ nodes, chromium }) {
  const paths = nodes?.map(findNode) ?? (chromium ? [] : [process.execPath]);
  const list = paths.map((node) => {
    const version = versionOf(node);
    return { node, open: () => nodeSeats(node, version) };
  });
  return chromium ? [...list, { node: process.execPath, open: chromiumSeats }] : list;
}

function versionOf(node) {
  try {
    return `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)}`;
  } catch (error) {
    throw new Error(`--node: ${node} does not run (${error.code ?? error.message})`, { cause: error });
  }
}

/** The path of a Node; a major version that is not this one comes from the package registry. */
function findNode(wanted) {
  if (!/^\d+$/.test(wanted)) return wanted;
  if (process.versions.node.split('.')[0] === wanted) return process.execPath;
  const args = ['--yes', '--package', `node@${wanted}`, '--call', 'node -p process.execPath'];
  try {
    const stdio = ['ignore', 'pipe', 'ignore'];
    return execFileSync('npx', args, { encoding: 'utf8', stdio, shell: process.platform === 'win32' }).trim();
  } catch (error) {
    throw new Error(`--node: npx finds no Node ${wanted}; give the path of one`, { cause: error });
  }
}
