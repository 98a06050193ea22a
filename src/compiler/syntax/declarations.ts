/** Concrete to abstract syntax: files, imports and declarations. */
import type { CstNode } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { Declaration, File, Hyperparameter, Import, Name, TensorParameter, TensorTypeExpr } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { after, has, nameOf, nodeOf, nodes, spanOf, tokenOf, tokensOf } from './cst.ts';
import { wholeExpression } from './expressions.ts';
import { tokenSpan } from './lex.ts';
import { textLiteral } from './literals.ts';
import { bodyOf, constStatement } from './statements.ts';
import { skippedNames } from './token-facts.ts';
import { isTensorType, tensorType, valueType } from './types.ts';

export function fileOf(context: BuildContext, node: CstNode): File {
  const imports: Import[] = [];
  const declarations: Declaration[] = [];
  const missing: Name[] = [];
  const nowhere: Span = { source: context.source, start: 0, end: 0 };
  const items = nodeOf(node, 'items');
  for (const item of items ? nodes(items, 'items') : []) {
    const span = spanOf(context, item, nowhere);
    if (item.name === 'importDeclaration') {
      const found = importOf(context, item, span);
      if (declarations.length > 0) reportLateImport(context, item, declarations[0]!);
      if ('from' in found) imports.push(found);
      else missing.push(...found.names.map(({ name, alias }) => alias ?? name));
      missing.push(...leftoverNames(context, item));
    } else {
      const declaration = declarationOf(context, item, span);
      if (declaration) declarations.push(declaration);
    }
  }
  if (items) missing.push(...tokensOf(items, t.Skipped.name).flatMap(skippedNames));
  return { source: context.source, imports, declarations, missing };
}

function reportLateImport(context: BuildContext, node: CstNode, first: Declaration): void {
  const word = tokenOf(node, t.ImportKeyword);
  if (!word) return;
  context.sink.report(
    diagnostic('HED1012', tokenSpan(context.source, word), 'imports stand at the top of a file', {
      secondary: [{ span: first.name.span, text: 'the first declaration' }],
    }),
  );
}

/** The names alone where the path of the file could not be read. */
function importOf(context: BuildContext, node: CstNode, span: Span): Import | Pick<Import, 'names'> {
  const list = nodeOf(node, 'importedNames');
  const names = (list ? nodes(list, 'importedName') : []).flatMap((imported) => {
    const [name, alias] = (imported.children[t.Identifier.name] ?? []).flatMap((token) =>
      'image' in token ? [nameOf(context, token)] : [],
    );
    return name ? [{ name, ...(alias && { alias }) }] : [];
  });
  const path = nodeOf(node, 'importPath');
  const from = path && tokenOf(path, t.Text);
  if (!from || from.tokenType === t.UnterminatedText) return { names };
  const { text, span: fromSpan } = textLiteral(context, from);
  return { names, from: { text, span: fromSpan }, span };
}

/** Words among the imported names that are too many, as in `{ A B }`. */
function leftoverNames(context: BuildContext, node: CstNode): Name[] {
  const list = nodeOf(node, 'importedNames');
  const leftover = list ? nodes(list, 'leftover') : [];
  return leftover
    .flatMap((child) => tokensOf(child, t.Loose.name))
    .filter((token) => token.tokenType === t.Identifier)
    .map((token) => nameOf(context, token));
}

const headers = ['blockHeader', 'functionHeader', 'modelHeader', 'trainHeader'] as const;

/** Absent where even the name is missing. */
function declarationOf(context: BuildContext, node: CstNode, span: Span): Declaration | undefined {
  const constant = nodeOf(node, 'constStatement');
  if (constant) return constStatement(context, constant, spanOf(context, constant, span));
  const header = headers.map((rule) => nodeOf(node, rule)).find((found) => found !== undefined);
  const token = header && tokenOf(header, t.Identifier);
  if (!token) return undefined;
  const [first, second] = nodes(header, 'parameters').filter((list) => has(list, t.LeftParen));
  const common = {
    name: nameOf(context, token),
    doc: context.docAbove(span.start),
    body: bodyOf(context, nodeOf(node, 'body'), span),
    span,
    ...(wasRecovered(header) && { incomplete: true as const }),
  };
  const results = resultsOf(context, nodeOf(header, 'results'));
  switch (header.name) {
    case 'blockHeader': {
      // With one list only, which was reported, it is the tensors' if there is a tensor in it.
      const single = second === undefined && first !== undefined && parameterNodes(first).some(declaresTensor);
      const [values, tensors] = single ? [undefined, first] : [first, second];
      const hyperparameters = hyperparametersOf(context, values, 'block');
      return { kind: 'block', ...common, hyperparameters, tensors: tensorsOf(context, tensors), results };
    }
    case 'functionHeader':
      return { kind: 'function', ...common, parameters: parametersOf(context, first), results };
    case 'trainHeader':
      return { kind: 'train', ...common, hyperparameters: hyperparametersOf(context, first, 'entry') };
    default:
      return { kind: 'model', ...common, hyperparameters: hyperparametersOf(context, first, 'entry') };
  }
}

/** Whether part of the text under the node could not be read. */
function wasRecovered(node: CstNode): boolean {
  if (node.recoveredNode === true || node.name.startsWith('leftover')) return true;
  return Object.values(node.children)
    .flat()
    .some((child) => ('children' in child ? wasRecovered(child) : child.isInsertedInRecovery === true));
}

function resultsOf(context: BuildContext, node: CstNode | undefined): TensorTypeExpr[] {
  return node ? nodes(node, 'tensorType').flatMap((type) => tensorType(context, type) ?? []) : [];
}

type Parameter = TensorParameter | Hyperparameter;

function parametersOf(context: BuildContext, node: CstNode | undefined): Parameter[] {
  return node ? parameterNodes(node).flatMap((parameter) => parameterOf(context, parameter) ?? []) : [];
}

function parameterNodes(list: CstNode): CstNode[] {
  return nodes(list, 'parameterSlot').flatMap((slot) => nodes(slot, 'parameter'));
}

function hyperparametersOf(
  context: BuildContext,
  node: CstNode | undefined,
  owner: 'block' | 'entry',
): Hyperparameter[] {
  return parametersOf(context, node).flatMap((parameter) => {
    if (parameter.kind === 'hyperparameter') return [parameter];
    const where =
      owner === 'entry' ? 'the tensors of a model are declared with `input`' : 'tensors stand in the second list';
    context.sink.report(
      diagnostic('HED1018', parameter.type.span, `\`${parameter.name.text}\` is a tensor among the hyperparameters`, {
        hint: where,
      }),
    );
    return [];
  });
}

function tensorsOf(context: BuildContext, node: CstNode | undefined): TensorParameter[] {
  return parametersOf(context, node).flatMap((parameter) => {
    if (parameter.kind === 'tensor') return [parameter];
    context.sink.report(
      diagnostic('HED1018', parameter.type.span, `\`${parameter.name.text}\` is no tensor`, {
        hint: 'hyperparameters stand in the first list: `block Name(hyperparameters)(tensors)`',
      }),
    );
    return [];
  });
}

function declaresTensor(parameter: CstNode): boolean {
  const type = nodeOf(parameter, 'type');
  return type !== undefined && isTensorType(type);
}

/** Absent where the name or the type could not be read. */
function parameterOf(context: BuildContext, node: CstNode): Parameter | undefined {
  const token = tokenOf(node, t.Identifier);
  const typeNode = nodeOf(node, 'type');
  if (!token || !typeNode) return undefined;
  const name: Name = nameOf(context, token);
  const span = spanOf(context, node, name.span);
  const hasDefault = has(node, t.Equal);
  if (isTensorType(typeNode)) return tensorParameter(context, node, name, span);
  const question = tokenOf(node, t.Question);
  if (question) {
    context.sink.report(
      diagnostic(
        'HED1018',
        tokenSpan(context.source, question),
        'only a tensor parameter is made optional by `name?`',
        {
          hint: `write the \`?\` behind the type: \`${name.text}: int? = none\``,
        },
      ),
    );
  }
  const type = valueType(context, typeNode, after(span));
  if (!type) return undefined;
  const value = hasDefault ? wholeExpression(context, nodeOf(node, 'expression'), after(span)) : undefined;
  return { kind: 'hyperparameter', name, type, ...(value && { default: value }), span };
}

function tensorParameter(context: BuildContext, node: CstNode, name: Name, span: Span): Parameter | undefined {
  const typeNode = nodeOf(node, 'type');
  const type = tensorType(context, typeNode);
  if (!type || !typeNode) return undefined;
  const misplaced = tokenOf(typeNode, t.Question);
  if (misplaced) {
    context.sink.report(
      diagnostic('HED1018', tokenSpan(context.source, misplaced), 'an optional tensor is marked behind its name', {
        hint: `write \`${name.text}?: …\``,
      }),
    );
  }
  const equal = tokenOf(node, t.Equal);
  if (equal) {
    context.sink.report(
      diagnostic('HED1018', tokenSpan(context.source, equal), 'a tensor parameter has no default value', {
        hint: `make it optional with \`${name.text}?\` and ask \`given(${name.text})\``,
      }),
    );
  }
  return { kind: 'tensor', name, optional: has(node, t.Question) || misplaced !== undefined, type, span };
}
