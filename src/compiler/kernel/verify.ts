/**
 * Checks that a kernel is well formed. A transformation that breaks one of these rules is wrong:
 *
 *  - operand types and lanes agree, and each expression's own type and lanes follow from them
 *  - every name is defined before it is used, in a list around the use, and not defined again where it is visible
 *  - only declared variables are assigned, with their own type and lanes
 *  - integer names in dimensions are sizes, grid and loop variables, or scalar i32 lets, and in scope
 *  - buffers exist, are accessed as their `access` allows, and with their own type
 *  - a reduction is `name = name op operand`; an unrolled loop has a constant extent
 *  - a workgroup's size is a power of two, and its barriers and reductions are where all its invocations come by
 *
 * That accesses stay inside buffers is left to the interpreter.
 */
import { constantValue, symbolsOf, type Dim } from '../dims/dim.ts';
import type { BinaryOp, Expr, Kernel, KernelBuffer, Lanes, ScalarType, Statement } from './ir.ts';
import { printExpr, printType } from './print.ts';
import { childrenOf } from './rewrite.ts';
import { workgroupFaults } from './workgroup.ts';

/** What a name stands for: a value or a counted position. */
type Definition =
  | { readonly kind: 'let' | 'variable'; readonly type: ScalarType; readonly lanes: Lanes }
  | { readonly kind: 'integer' };

interface Scope {
  readonly names: ReadonlyMap<string, Definition>;
  readonly buffers: ReadonlyMap<string, KernelBuffer>;
  readonly hasWorkgroup: boolean;
  readonly report: (message: string) => void;
}

/** The rules that `kernel` breaks, in words; none if it is well formed. */
export function kernelFaults(kernel: Kernel): string[] {
  const faults: string[] = [];
  const report = (message: string): void => {
    faults.push(`kernel ${kernel.name}: ${message}`);
  };
  const { workgroup } = kernel;
  const hasWorkgroup = workgroup !== undefined;
  const names = new Map<string, Definition>();
  const taken = new Set<string>();
  const define = (name: string): void => {
    if (taken.has(name)) report(`${name} is defined twice`);
    taken.add(name);
  };
  for (const buffer of kernel.buffers) define(buffer.name);
  const integer = (name: string): void => {
    define(name);
    names.set(name, { kind: 'integer' });
  };
  kernel.sizes.forEach(integer);
  const buffers = new Map<string, KernelBuffer>(kernel.buffers.map((buffer) => [buffer.name, buffer]));
  for (const axis of kernel.grid) {
    checkDim(axis.extent, { names, buffers, hasWorkgroup, report });
    integer(axis.variable);
  }
  for (const { name, type } of workgroup?.memory ?? []) {
    define(name);
    buffers.set(name, { name, type, access: 'readwrite' });
  }
  if (workgroup) integer(workgroup.invocation);
  checkAll(kernel.body, { names, buffers, hasWorkgroup, report });
  if (faults.length === 0) workgroupFaults(kernel).forEach(report);
  return faults;
}

/** Throws on the first rule that `kernel` breaks. */
export function verifyKernel(kernel: Kernel): void {
  const [fault] = kernelFaults(kernel);
  if (fault !== undefined) throw new Error(fault);
}

function checkAll(statements: readonly Statement[], outer: Scope): void {
  const names = new Map(outer.names);
  const scope: Scope = { ...outer, names };
  for (const statement of statements) {
    checkStatement(statement, scope);
    if (statement.kind !== 'let' && statement.kind !== 'declare' && statement.kind !== 'reduce') continue;
    checkNew(statement.name, scope);
    const { type, lanes } = statement.value;
    names.set(statement.name, { kind: statement.kind === 'declare' ? 'variable' : 'let', type, lanes });
  }
}

function checkNew(name: string, scope: Scope): void {
  if (scope.names.has(name) || scope.buffers.has(name)) scope.report(`${name} is defined twice`);
}

function checkStatement(statement: Statement, scope: Scope): void {
  switch (statement.kind) {
    case 'let':
    case 'declare':
      checkExpr(statement.value, scope);
      return;
    case 'assign':
      checkAssign(statement, scope);
      return;
    case 'loop': {
      checkDim(statement.extent, scope);
      checkNew(statement.variable, scope);
      if (statement.mode === 'unrolled' && constantValue(statement.extent) === undefined)
        scope.report(`the unrolled loop over ${statement.variable} has no constant extent`);
      checkAll(statement.body, { ...scope, names: new Map(scope.names).set(statement.variable, { kind: 'integer' }) });
      return;
    }
    case 'if':
      checkExpr(statement.condition, scope);
      expectType(statement.condition, 'bool', 1, scope);
      checkAll(statement.then, scope);
      checkAll(statement.else, scope);
      return;
    case 'store':
      checkStore(statement, scope);
      return;
    case 'prefetch':
      checkDim(statement.index, scope);
      if (!scope.buffers.has(statement.buffer)) scope.report(`there is no buffer ${statement.buffer}`);
      return;
    case 'count':
      checkDim(statement.amount, scope);
      return;
    case 'barrier':
      if (!scope.hasWorkgroup) scope.report('a barrier without a workgroup');
      return;
    case 'reduce':
      checkReduce(statement, scope);
      return;
  }
}

function checkAssign(statement: Statement & { kind: 'assign' }, scope: Scope): void {
  const { name, value, reduction } = statement;
  checkExpr(value, scope);
  const definition = scope.names.get(name);
  if (definition?.kind !== 'variable') {
    scope.report(definition ? `${name} is assigned but is no variable` : `${name} is assigned but not declared`);
    return;
  }
  expectType(value, definition.type, definition.lanes, scope);
  if (!reduction) return;
  const fits = value.kind === 'binary' && value.op === reduction;
  if (!fits || value.left.kind !== 'variable' || value.left.name !== name)
    scope.report(`${name} is not reduced by ${reduction}: ${printExpr(value)}`);
}

function checkReduce({ name, op, value }: Statement & { kind: 'reduce' }, scope: Scope): void {
  checkExpr(value, scope);
  if (!scope.hasWorkgroup) scope.report(`${name} is reduced without a workgroup`);
  if (!hasBinary(op, value.type)) scope.report(`${name}: there is no ${op} of ${value.type}`);
}

function checkStore(statement: Statement & { kind: 'store' }, scope: Scope): void {
  checkDim(statement.index, scope);
  checkExpr(statement.value, scope);
  const buffer = scope.buffers.get(statement.buffer);
  if (!buffer) scope.report(`there is no buffer ${statement.buffer}`);
  else if (buffer.access === 'read') scope.report(`${buffer.name} is stored to but only for reading`);
  else expectType(statement.value, buffer.type, statement.value.lanes, scope);
}

function checkDim(dim: Dim, scope: Scope): void {
  for (const name of symbolsOf(dim)) {
    const definition = scope.names.get(name);
    if (!definition) scope.report(`${name} in ${dim.key} is not defined`);
    else if (definition.kind === 'variable' || (definition.kind === 'let' && !isScalarInteger(definition)))
      scope.report(`${name} in ${dim.key} is no integer name`);
  }
}

function isScalarInteger(definition: { readonly type: ScalarType; readonly lanes: Lanes }): boolean {
  return definition.type === 'i32' && definition.lanes === 1;
}

function expectType(expr: Expr, type: ScalarType, lanes: Lanes, scope: Scope): void {
  if (expr.type === type && expr.lanes === lanes) return;
  const [found, wanted] = [printType(expr.type, expr.lanes), printType(type, lanes)];
  scope.report(`${printExpr(expr)} is ${found} where ${wanted} is needed`);
}

function checkExpr(expr: Expr, scope: Scope): void {
  for (const child of childrenOf(expr)) checkExpr(child, scope);
  const like = (operand: Expr): void => expectType(operand, expr.type, expr.lanes, scope);
  switch (expr.kind) {
    case 'literal':
      checkLiteral(expr, scope);
      return;
    case 'variable': {
      const definition = scope.names.get(expr.name);
      if (!definition || definition.kind === 'integer') scope.report(`${expr.name} is not defined`);
      else expectType(expr, definition.type, definition.lanes, scope);
      return;
    }
    case 'position':
      checkDim(expr.index, scope);
      expectType(expr, 'i32', 1, scope);
      return;
    case 'load':
      checkLoad(expr, scope);
      return;
    case 'unary':
      like(expr.operand);
      checkUnary(expr, scope);
      return;
    case 'binary':
      like(expr.left);
      like(expr.right);
      checkBinary(expr, scope);
      return;
    case 'multiplyAdd':
    case 'dot4':
      expectType(expr, expr.kind === 'dot4' ? 'i32' : 'f32', expr.lanes, scope);
      for (const child of childrenOf(expr)) like(child);
      return;
    case 'threefry':
      expectType(expr, 'u32', expr.lanes, scope);
      expr.operands.forEach(like);
      return;
    case 'compare':
      expectType(expr, 'bool', expr.lanes, scope);
      expectType(expr.left, expr.left.type, expr.lanes, scope);
      expectType(expr.right, expr.left.type, expr.lanes, scope);
      return;
    case 'select':
      expectType(expr.condition, 'bool', expr.lanes, scope);
      like(expr.then);
      like(expr.else);
      return;
    default:
      checkShape(expr, scope);
  }
}

/** The expressions that change type or lanes. */
function checkShape(
  expr: Expr & { kind: 'convert' | 'bitcast' | 'splat' | 'combine' | 'lane' | 'reduceLanes' },
  scope: Scope,
): void {
  switch (expr.kind) {
    case 'convert':
      expectType(expr.operand, expr.operand.type, expr.lanes, scope);
      return;
    case 'bitcast':
      expectType(expr.operand, expr.operand.type, expr.lanes, scope);
      if (expr.type === 'bool' || expr.operand.type === 'bool') scope.report(`${printExpr(expr)}: bool has no bits`);
      return;
    case 'splat':
      expectType(expr.operand, expr.type, 1, scope);
      if (expr.lanes === 1) scope.report(`${printExpr(expr)} has one lane`);
      return;
    case 'combine':
      for (const part of expr.parts) expectType(part, expr.type, 1, scope);
      if (expr.parts.length !== expr.lanes) scope.report(`${printExpr(expr)} needs ${expr.lanes} parts`);
      return;
    case 'lane':
    case 'reduceLanes':
      expectType(expr.operand, expr.type, expr.operand.lanes, scope);
      expectType(expr, expr.type, 1, scope);
      if (expr.kind === 'lane' && !(expr.lane >= 0 && expr.lane < expr.operand.lanes))
        scope.report(`${printExpr(expr)}: there is no such lane`);
      return;
  }
}

function checkLiteral(expr: Expr & { kind: 'literal' }, scope: Scope): void {
  const { value, type } = expr;
  const fits = {
    f32: true,
    i32: value === (value | 0),
    u32: value === value >>> 0,
    bool: value === 0 || value === 1,
  }[type];
  if (!fits) scope.report(`${value} is no ${type}`);
  expectType(expr, type, 1, scope);
}

function checkLoad(expr: Expr & { kind: 'load' }, scope: Scope): void {
  checkDim(expr.index, scope);
  const buffer = scope.buffers.get(expr.buffer);
  if (!buffer) scope.report(`there is no buffer ${expr.buffer}`);
  else if (buffer.access === 'write') scope.report(`${buffer.name} is loaded from but only for writing`);
  else expectType(expr, buffer.type, expr.lanes, scope);
}

function checkUnary(expr: Expr & { kind: 'unary' }, scope: Scope): void {
  const { op, type } = expr;
  const fits = op === 'not' ? type !== 'f32' : type === 'f32' || (type === 'i32' && (op === 'neg' || op === 'abs'));
  if (!fits) scope.report(`${printExpr(expr)}: there is no ${op} of ${type}`);
}

function checkBinary(expr: Expr & { kind: 'binary' }, scope: Scope): void {
  const { op, type } = expr;
  if (!hasBinary(op, type)) scope.report(`${printExpr(expr)}: there is no ${op} of ${type}`);
}

function hasBinary(op: BinaryOp, type: ScalarType): boolean {
  const isNumber = type !== 'bool';
  const isInteger = type === 'i32' || type === 'u32';
  return {
    add: isNumber,
    sub: isNumber,
    mul: isNumber,
    div: isNumber,
    min: isNumber,
    max: isNumber,
    mod: type === 'f32',
    pow: type === 'f32',
    and: type !== 'f32',
    or: type !== 'f32',
    xor: type !== 'f32',
    shl: isInteger,
    shr: isInteger,
  }[op];
}
