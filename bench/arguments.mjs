/** The flags of `npm run bench -- …`. Imports nothing of the measured libraries. */
import { parseArgs } from 'node:util';

export const SECTIONS = [
  'speed',
  'training',
  'decoding',
  'products',
  'cold-start',
  'experts',
  'sizes',
  'compile-time',
  'webgpu',
];

const OPTIONS = {
  only: {
    type: 'string',
    hint: 'LIST',
    doc: 'models to measure: product,vit,deit-tiny,mlp,bert-small,resnet-18,char-gpt,moe-lm,stories260K,deit-tiny-webgpu,char-gpt-webgpu',
  },
  peers: { type: 'string', hint: 'LIST', doc: 'peers to measure against; "none" for none' },
  sections: { type: 'string', hint: 'LIST', doc: `parts to measure: ${SECTIONS.join(',')}` },
  rounds: { type: 'string', hint: 'N', default: '20', doc: 'turns of each contestant' },
  seconds: { type: 'string', hint: 'S', default: '15', doc: 'what one contestant may spend on its turns' },
  patience: { type: 'string', hint: 'S', default: '60', doc: 'how long a first output may take' },
  starts: { type: 'string', hint: 'N', default: '5', doc: 'cold starts of each contestant' },
  threads: { type: 'string', hint: 'LIST', default: '1,2', doc: 'numbers of threads for those that have them' },
  build: {
    type: 'string',
    hint: 'LIST',
    doc: 'dist folders of the builds of Heddle to measure (the one of this checkout)',
  },
  node: { type: 'string', hint: 'LIST', doc: 'Nodes to measure under, one after the other, by path or version: 20,24' },
  chromium: { type: 'boolean', default: false, doc: 'measure in pages of Chromium, after the Nodes if any are named' },
  docs: { type: 'boolean', default: false, doc: 'put tables and chart into docs/performance.md' },
  out: { type: 'string', hint: 'DIR', doc: 'where results.json and chart.svg go (bench/results)' },
  help: { type: 'boolean', default: false, doc: 'print this' },
};

export function usage() {
  const flags = Object.entries(OPTIONS).map(([name, { hint }]) => `--${name}${hint ? ` ${hint}` : ''}`);
  const width = Math.max(...flags.map((flag) => flag.length)) + 2;
  const lines = Object.values(OPTIONS).map(({ doc, default: value }, at) => {
    return `  ${flags[at].padEnd(width)}${doc}${typeof value === 'string' ? ` (${value})` : ''}`;
  });
  return ['Usage: npm run bench -- [flags]', '', ...lines].join('\n');
}

/** Throws Error, with a message for the user, for what is no flag, no number or no name in `known`. */
export function readArguments(args, known) {
  const options = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { type, default: value }]) => [
      name,
      { type, ...(value !== undefined && { default: value }) },
    ]),
  );
  const { values } = parseArgs({ args, options });
  return {
    ...values,
    models: among('only', values.only, known.models),
    peers: values.peers === 'none' ? [] : among('peers', values.peers, known.peers),
    sections: among('sections', values.sections, SECTIONS),
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    patience: positive('patience', values.patience),
    starts: positive('starts', values.starts),
    threads: values.threads.split(',').map((count) => positive('threads', count)),
    nodes: values.node?.split(',').map((node) => node.trim()),
    builds: values.build?.split(','),
  };
}

function among(flag, list, names) {
  if (list === undefined) return names;
  const chosen = list.split(',').map((name) => name.trim());
  const wrong = chosen.find((name) => !names.includes(name));
  if (wrong !== undefined) throw new Error(`--${flag}: there is no ${wrong}; there are ${names.join(', ')}`);
  return chosen;
}

function positive(flag, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${flag} needs a number of at least 1, not ${text}`);
  return value;
}
