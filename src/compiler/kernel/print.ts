/**
 * Kernels as text, for people, for golden tests and as keys. Two expressions have the same text exactly if they are
 * the same, given the same definitions around them.
 */
import { print } from '../dims/dim.ts';
import type { BinaryOp, CompareOp, Expr, Kernel, KernelBuffer, Lanes, ScalarType, Statement, Workgroup } from './ir.ts';
import { renameBuffers, renameDefinitions, renameInDim } from './names.ts';

const binarySigns: Partial<Record<BinaryOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
};

const compareSigns: Record<CompareOp, string> = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' };

export function printType(type: ScalarType, lanes: Lanes): string {
  return lanes === 1 ? type : `${type}x${lanes}`;
}

function printLiteral(value: number, type: ScalarType): string {
  switch (type) {
    case 'f32': {
      const text = Object.is(value, -0) ? '-0' : String(Math.fround(value));
      return /^-?\d+$/.test(text) ? `${text}.0` : text;
    }
    case 'i32':
      return String(value);
    case 'u32':
      return `${value}u`;
    case 'bool':
      return value === 0 ? 'false' : 'true';
  }
}

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      return printLiteral(expr.value, expr.type);
    case 'variable':
      return expr.name;
    case 'position':
      return `@(${print(expr.index)})`;
    case 'load':
      return `${expr.buffer}[${print(expr.index)}${expr.lanes === 1 ? '' : ` .. ${expr.lanes}`}]`;
    case 'unary':
      return `${expr.op}(${printExpr(expr.operand)})`;
    case 'binary': {
      const [left, right] = [printExpr(expr.left), printExpr(expr.right)];
      const sign = binarySigns[expr.op];
      return sign ? `(${left} ${sign} ${right})` : `${expr.op}(${left}, ${right})`;
    }
    case 'multiplyAdd':
      return `(${printExpr(expr.left)} * ${printExpr(expr.right)} + ${printExpr(expr.addend)})`;
    case 'dot4':
      return `(dot4(${printExpr(expr.left)}, ${printExpr(expr.right)}) + ${printExpr(expr.addend)})`;
    case 'threefry':
      return `threefry${expr.word}(${expr.operands.map(printExpr).join(', ')})`;
    case 'compare':
      return `(${printExpr(expr.left)} ${compareSigns[expr.op]} ${printExpr(expr.right)})`;
    case 'select':
      return `select(${printExpr(expr.condition)}, ${printExpr(expr.then)}, ${printExpr(expr.else)})`;
    case 'convert':
      return `${expr.type}(${printExpr(expr.operand)})`;
    case 'bitcast':
      return `${expr.type}_bits(${printExpr(expr.operand)})`;
    case 'splat':
      return `splat(${printExpr(expr.operand)})`;
    case 'combine':
      return `[${expr.parts.map(printExpr).join(', ')}]`;
    case 'lane':
      return `${printExpr(expr.operand)}.${expr.lane}`;
    case 'reduceLanes':
      return `reduce_${expr.op}(${printExpr(expr.operand)})`;
  }
}

function printStatement(statement: Statement, indent: string): string[] {
  switch (statement.kind) {
    case 'let':
    case 'declare': {
      const { name, value } = statement;
      const keyword = statement.kind === 'let' ? 'let' : 'var';
      return [`${indent}${keyword} ${name}: ${printType(value.type, value.lanes)} = ${printExpr(value)}`];
    }
    case 'assign': {
      const note = statement.reduction ? ` (reduces by ${statement.reduction})` : '';
      return [`${indent}${statement.name} = ${printExpr(statement.value)}${note}`];
    }
    case 'loop': {
      const mode = statement.mode === 'serial' ? '' : ` ${statement.mode}`;
      const head = `${indent}for ${statement.variable} < ${print(statement.extent)}${mode} {`;
      return [head, ...printBody(statement.body, indent), `${indent}}`];
    }
    case 'if': {
      const otherwise = statement.else.length > 0 ? [`${indent}} else {`, ...printBody(statement.else, indent)] : [];
      const then = printBody(statement.then, indent);
      return [`${indent}if ${printExpr(statement.condition)} {`, ...then, ...otherwise, `${indent}}`];
    }
    case 'store':
      return [`${indent}${statement.buffer}[${print(statement.index)}] = ${printExpr(statement.value)}`];
    case 'prefetch':
      return [`${indent}prefetch ${statement.buffer}[${print(statement.index)}]`];
    case 'count':
      return [`${indent}count ${print(statement.amount)}`];
    case 'barrier':
      return [`${indent}barrier`];
    case 'reduce': {
      const { name, op, value } = statement;
      return [`${indent}let ${name}: ${printType(value.type, value.lanes)} = workgroup_${op}(${printExpr(value)})`];
    }
  }
}

function printBody(statements: readonly Statement[], indent: string): string[] {
  return statements.flatMap((statement) => printStatement(statement, `${indent}  `));
}

function printBuffer(buffer: KernelBuffer): string {
  const parts = buffer.parts === undefined ? '' : ` in ${buffer.parts} parts`;
  return `${buffer.access} ${buffer.name}: ${buffer.type}${buffer.half ? ' or f16' : ''}${parts}`;
}

function printWorkgroup({ invocation, size, memory }: Workgroup): string {
  const shared = memory.map(({ name, type, length }) => `, ${name}: ${type}[${length}]`).join('');
  return ` workgroup (${invocation} < ${size}${shared})`;
}

/** The whole kernel, one statement a line. */
export function printKernel(kernel: Kernel): string {
  const parameters = [...kernel.buffers.map(printBuffer), ...kernel.sizes];
  const grid = kernel.grid.map((axis) => ` for ${axis.variable} < ${print(axis.extent)}`).join('');
  const workgroup = kernel.workgroup ? printWorkgroup(kernel.workgroup) : '';
  const head = `kernel ${kernel.name}(${parameters.join(', ')})${grid}${workgroup} {`;
  return [head, ...printBody(kernel.body, ''), '}', ''].join('\n');
}

/**
 * Text that two kernels share exactly if they do the same on their buffers and sizes, given in order: the kernel's own
 * name is left out, and everything it defines is numbered in order of appearance.
 */
export function kernelKey(kernel: Kernel): string {
  const { workgroup } = kernel;
  const memory = workgroup?.memory.map((own, at) => ({ ...own, name: `m${at}` })) ?? [];
  const buffers = new Map([
    ...kernel.buffers.map((buffer, at) => [buffer.name, `b${at}`] as const),
    ...memory.map(({ name }, at) => [workgroup!.memory[at]!.name, name] as const),
  ]);
  const sizes = kernel.sizes.map((name, at) => [name, `s${at}`] as const);
  const axes = kernel.grid.map((axis, at) => [axis.variable, `g${at}`] as const);
  const invocation = workgroup ? [[workgroup.invocation, 'i'] as const] : [];
  const names = new Map<string, string>([...sizes, ...axes, ...invocation]);
  let count = 0;
  const body = renameDefinitions(kernel.body, () => `v${count++}`, names);
  return printKernel({
    name: '',
    buffers: kernel.buffers.map((buffer, at) => ({ ...buffer, name: `b${at}` })),
    sizes: sizes.map(([, name]) => name),
    grid: kernel.grid.map((axis, at) => ({ variable: `g${at}`, extent: renameInDim(axis.extent, names) })),
    ...(workgroup ? { workgroup: { ...workgroup, invocation: 'i', memory } } : {}),
    body: renameBuffers(body, buffers),
  });
}
