/** Why a model cannot be continued token by token, as diagnostics. */
import type { Code } from '../base/catalog.ts';
import { diagnostic, type Diagnostic } from '../base/diagnostic.ts';
import type { Graph, Node, Origin } from '../ir/graph.ts';
import type { Op } from '../ir/op.ts';

/** What is wrong at a node; `message` has what is written there in place of `{op}`. */
export interface Fault {
  readonly origin: Origin;
  readonly op?: Op;
  readonly code: Code;
  readonly message: string;
  readonly hint?: string;
}

const APART =
  'each token is computed when it is there, from itself and from what was before it: only causal attention looks at ' +
  'other positions';

/** One position takes part in the result of another. */
export function mixesPositions(node: Node, time: string): Fault {
  return { ...at(node), code: 'HED5001', message: `${howMixed(node)} positions of \`${time}\``, hint: APART };
}

function howMixed({ op }: Node): string {
  switch (op.body.kind) {
    case 'reduction':
      return '{op} combines the';
    case 'contraction':
      return '{op} multiplies or sums up different';
    case 'structured':
      return '{op} works along the';
    case 'movement':
    case 'pointwise':
    case 'composite':
    case 'attention':
    case 'fusion':
      return '{op} reads other';
  }
}

export function notCausal(node: Node, time: string): Fault {
  return {
    ...at(node),
    code: 'HED5002',
    message: `this attention sees later positions of \`${time}\``,
    hint: '`attention(q, k, v, causal: true)` sees those that are there',
  };
}

export function maskedAttention(node: Node): Fault {
  return {
    ...at(node),
    code: 'HED5003',
    message: 'this attention has a mask or a bias, which generation does not know',
    hint: '`causal: true` needs no mask; another may hide later positions by -inf, as `tri` has them, and none besides',
  };
}

/** Query i sees keys 0 … i of something else than the sequence. */
export function causalElsewhere(node: Node, time: string): Fault {
  return {
    ...at(node),
    code: 'HED5003',
    message: `this attention is causal, and its keys are not those of \`${time}\``,
    hint: 'attention to something else than the tokens sees all of it: leave out `causal`',
  };
}

export function dependsOnLength(node: Node, time: string): Fault {
  return {
    ...at(node),
    code: 'HED5004',
    message: `{op} depends on how long \`${time}\` is, which changes with every token`,
    hint: 'a value for each position may depend on the position, such as `arange(t)`, but not on how many there are',
  };
}

export function dropsTokens(node: Node): Fault {
  return {
    ...at(node),
    code: 'HED5005',
    message: 'whether experts with a limited capacity take a token depends on the other tokens',
    hint: 'generate without `capacity_factor`: an expert then takes every token that chose it',
  };
}

export function mixesSequences(node: Node): Fault {
  return {
    ...at(node),
    code: 'HED5006',
    message: '{op} mixes the sequences of a batch',
    hint: 'prompts of a batch have different lengths and must not see each other',
  };
}

export function looksAtCounts(node: Node): Fault {
  return {
    ...at(node),
    code: 'HED5001',
    message: '{op} looks at numbers of rows or tokens, which are others in every text',
    hint: 'they are for reading at them, as `gather_rows` does',
  };
}

export function drawsAnew(node: Node): Fault {
  return {
    ...at(node),
    code: 'HED5012',
    message: '{op} draws other numbers for every token',
    hint: 'draw them in training only: `if training { … }`',
  };
}

export function unknownOrder(node: Node, time: string): Fault {
  return {
    ...at(node),
    code: 'HED5007',
    message: `where {op} has the positions of \`${time}\` and the sequences of the batch cannot be followed`,
    hint: 'give both axes of their own, such as `[b, t, d]` and `[b, h, t, e]`',
  };
}

/** `message` says what is wrong at the limit of `time`. */
export function doesNotFit(origin: Origin, time: string, max: number, message: string): Fault {
  return { origin, code: 'HED5008', message: `with \`${time}\` = ${max}, its limit, ${message}` };
}

function at({ op, origin }: Node): Pick<Fault, 'op' | 'origin'> {
  return { op, origin };
}

/** The operators at places of the spec: prepared nodes are parts of them, with the same origin. */
export function writtenOperators({ nodes }: Graph): ReadonlyMap<Origin, string> {
  return new Map(nodes.flatMap(({ op, origin }) => (op.operator === undefined ? [] : [[origin, op.operator]])));
}

/** What is called at a place of the spec, where nothing but a call stands there. */
function calledIn({ span }: Origin): string | undefined {
  const text = span?.source.text.slice(span.start, span.end) ?? '';
  const name = /^(\w+)\s*\(/.exec(text)?.[1];
  return name !== undefined && closing(text) === text.length - 1 ? name : undefined;
}

/** Where the first bracket closes; brackets in strings do not count. */
function closing(text: string): number {
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/"(?:\\.|[^"\\])*"|[()]/g)) {
    if (sign === '(') depth++;
    else if (sign === ')' && --depth === 0) return index;
  }
  return -1;
}

export function reportOf(
  { op, origin, code, message, hint }: Fault,
  operators: ReadonlyMap<Origin, string>,
): Diagnostic {
  const name = op?.operator ?? operators.get(origin) ?? calledIn(origin);
  return diagnostic(code, origin.span, message.replace('{op}', name === undefined ? 'this' : `\`${name}\``), {
    ...(origin.path !== '' && { notes: [`in \`${origin.path}\``] }),
    hint,
  });
}
