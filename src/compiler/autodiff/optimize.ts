/** The optimizer's updates of all parameters as nodes, with the states and the numbers of the host that they need. */
import type { GroupSpec, HostExpr, ScalarSpec } from '../../program/training.ts';
import type { Builder } from '../ir/builder.ts';
import type { GraphInput, GraphOutput, GraphParameter, Value } from '../ir/graph.ts';
import { tensorNames } from '../ir/parameter-tensors.ts';
import { formula } from '../ops/formula.ts';
import type { Optimizer, ParameterGroup, Setting } from '../semantics/optimizers/optimizer.ts';
import type { Updated } from './optimizers/rule.ts';
import { updateRules } from './optimizers/rules.ts';

/** What the updates add to a graph. */
export interface Updates {
  readonly inputs: readonly GraphInput[];
  readonly scalars: readonly ScalarSpec[];
  /** States of the optimizer. */
  readonly parameters: readonly GraphParameter[];
  /** New values of parameters and states. */
  readonly outputs: readonly GraphOutput[];
  /** Those with parameters. */
  readonly groups: readonly GroupSpec[];
}

/** The output that becomes the value of a parameter when the run ends. */
export function nextValue(parameter: string, value: Value): GraphOutput {
  return { name: `next.${parameter}`, value, into: parameter };
}

/** A tensor that is kept from step to step beside a parameter, and is `initial` everywhere before the first. */
export function stateBeside(
  builder: Builder,
  { name, members, value: { type }, origin }: GraphParameter,
  kind: string,
  initial = 0,
): GraphParameter {
  const beside = (tensor: string): string => `optimizer.${kind}.${tensor}`;
  return {
    name: beside(name),
    value: builder.value(type),
    ...(members && { members: members.map(beside) }),
    initial: { kind: 'constant', value: initial },
    state: true,
    origin,
  };
}

/** Appends the updates of every parameter that a group has, by its gradient. */
export function appendUpdates(
  builder: Builder,
  optimizer: Optimizer,
  parameters: readonly GraphParameter[],
  gradients: ReadonlyMap<string, Value>,
): Updates {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const { origin } = builder;
  const groups = optimizer.groups.filter((group) => group.parameters.length > 0);
  const parts = groups.map((group, at) => {
    const host = new HostNumbers(builder, at);
    const updates = group.parameters.map((name) =>
      updateOf(builder, optimizer.name, group, byName.get(name)!, gradients.get(name)!, host),
    );
    return { host, updates };
  });
  builder.origin = origin;
  const updates = parts.flatMap((part) => part.updates);
  return {
    inputs: parts.flatMap(({ host }) => host.inputs),
    scalars: parts.flatMap(({ host }) => host.scalars),
    parameters: updates.flatMap((update) => update.states),
    outputs: updates.flatMap((update) => update.outputs),
    groups: groups.map(({ settings, parameters: names }) => ({
      lr: rateOf(settings['lr']!),
      parameters: names.flatMap((name) => tensorNames(byName.get(name)!)),
    })),
  };
}

/** The learning rate of a group: a number or a schedule. */
function rateOf(lr: Setting): HostExpr {
  if (typeof lr === 'number') return lr;
  if (typeof lr !== 'object' || lr === null || !('kind' in lr)) throw new Error('internal: lr is no number');
  const settings = Object.entries(lr.settings).map(([name, value]) => [name, plainSetting(value)] as const);
  return { schedule: { name: lr.name, settings: Object.fromEntries(settings) } };
}

function plainSetting(value: Setting): Exclude<Setting, { readonly kind: 'schedule' }> {
  if (typeof value === 'object' && value !== null && 'kind' in value)
    throw new Error('internal: a schedule inside of a schedule');
  return value;
}

/** The inputs that the host fills for one group, made when a rule first asks for them. */
class HostNumbers {
  readonly inputs: GraphInput[] = [];
  readonly scalars: ScalarSpec[] = [];
  readonly #builder: Builder;
  readonly #group: number;

  constructor(builder: Builder, group: number) {
    this.#builder = builder;
    this.#group = group;
  }

  get(what: string, value: HostExpr): Value {
    const name = `optimizer.${what}.${this.#group}`;
    const known = this.inputs.find((input) => input.name === name);
    if (known) return known.value;
    const input = { name, value: this.#builder.value({ dtype: 'f32', shape: [] }) };
    this.inputs.push(input);
    this.scalars.push({ input: name, value });
    return input.value;
  }
}

interface ParameterUpdate {
  readonly states: readonly GraphParameter[];
  readonly outputs: readonly GraphOutput[];
}

function updateOf(
  builder: Builder,
  optimizer: string,
  { settings }: ParameterGroup,
  parameter: GraphParameter,
  gradient: Value,
  host: HostNumbers,
): ParameterUpdate {
  const states = new Map<string, GraphParameter>();
  builder.origin = { ...parameter.origin, phase: 'update' };
  const updated = updateRules[optimizer]!({
    parameter: parameter.value,
    gradient,
    settings,
    lr: rateOf(settings['lr']!),
    apply: formula(builder),
    host: (name, value) => host.get(name, value),
    state(kind, initial) {
      const state = states.get(kind) ?? stateBeside(builder, parameter, kind, initial);
      states.set(kind, state);
      return state.value;
    },
  });
  return {
    states: [...states.values()],
    outputs: [nextValue(parameter.name, updated.parameter), ...nextStates(states, updated)],
  };
}

function nextStates(states: ReadonlyMap<string, GraphParameter>, updated: Updated): GraphOutput[] {
  return [...states].map(([kind, { name }]) => nextValue(name, updated.states[kind]!));
}
