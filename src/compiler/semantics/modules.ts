/** Files and their imports: loads every file a spec needs, once, and reports missing files, names and cycles. */
import { closest } from '../base/suggest.ts';
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import { textOf, type Source, type Span } from '../base/source.ts';
import type { Declaration, File, Import } from '../syntax/ast.ts';
import { parseFile } from '../syntax/parse.ts';

/** The outside world, as far as the compiler may see it. */
export interface SourceHost {
  /** The text of a file, or undefined when there is none. */
  read(path: string): string | undefined;
  /** The path a specifier (`std/nn`, `./blocks`) means in the file `importer`. */
  resolve(importer: string, specifier: string): string;
  /** Names, without `.model`, of the specs in the folder of a path, where that can be told: for suggestions. */
  beside?(path: string): readonly string[];
}

/** An imported name and the declaration it stands for. */
export interface Exported {
  readonly declaration: Declaration;
  readonly module: Module;
}

export interface Module {
  readonly source: Source;
  readonly file: File;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** Filled while the module is loaded. */
  readonly imported: Map<string, Exported & { readonly span: Span }>;
  /** Names whose import failed and was reported: using them is no further mistake. */
  readonly missing: Set<string>;
  /** The parser reported something, so text may have been skipped. */
  readonly broken: boolean;
}

/** Loads `path` and everything it imports; undefined when the file itself cannot be read. */
export function loadModule(path: string, host: SourceHost, sink: DiagnosticSink): Module | undefined {
  return new Loader(host, sink).load(path, undefined);
}

class Loader {
  readonly #host: SourceHost;
  readonly #sink: DiagnosticSink;
  readonly #done = new Map<string, Module | undefined>();
  readonly #loading: string[] = [];

  constructor(host: SourceHost, sink: DiagnosticSink) {
    this.#host = host;
    this.#sink = sink;
  }

  load(path: string, importedAt: Span | undefined): Module | undefined {
    if (this.#done.has(path)) return this.#done.get(path);
    const text = this.#host.read(path);
    if (text === undefined) {
      this.#sink.report(
        diagnostic('HED2001', importedAt, `there is no file ${path}`, {
          hint: this.#similarFile(path, importedAt) ?? (importedAt && specifierHint),
        }),
      );
      this.#done.set(path, undefined);
      return undefined;
    }
    const source = { path, text };
    const before = this.#sink.items.length;
    const file = parseFile(source, this.#sink);
    const module: Module = {
      source,
      file,
      declarations: this.#declarations(file),
      imported: new Map(),
      missing: new Set(file.missing.map(({ text: name }) => name)),
      broken: this.#sink.items.length > before,
    };
    this.#loading.push(path);
    for (const statement of file.imports) this.#import(module, statement);
    this.#loading.pop();
    this.#done.set(path, module);
    return module;
  }

  /** In the words of the import, or as a path. */
  #similarFile(path: string, importedAt: Span | undefined): string | undefined {
    const name = /[^/\\]+?(?=(?:\.model)?"?$)/;
    const wanted = importedAt ? textOf(importedAt) : path;
    const similar = closest(name.exec(wanted)?.[0] ?? '', this.#host.beside?.(path) ?? []);
    return similar && `did you mean ${wanted.replace(name, similar)}?`;
  }

  #declarations(file: File): ReadonlyMap<string, Declaration> {
    const declarations = new Map<string, Declaration>();
    for (const declaration of file.declarations) {
      const { text, span } = declaration.name;
      const first = declarations.get(text);
      if (first) {
        this.#sink.report(
          diagnostic('HED2002', span, `\`${text}\` is declared twice in this file`, {
            secondary: [{ span: first.name.span, text: 'first declared here' }],
          }),
        );
      } else declarations.set(text, declaration);
    }
    return declarations;
  }

  #import(module: Module, statement: Import): void {
    const path = this.#host.resolve(module.source.path, statement.from.text);
    const locals = statement.names.map(({ name, alias }) => (alias ?? name).text);
    const cycleStart = this.#loading.indexOf(path);
    if (cycleStart !== -1) {
      const cycle = [...this.#loading.slice(cycleStart), path];
      this.#sink.report(
        diagnostic('HED2003', statement.from.span, `imports form a cycle: ${cycle.join(' → ')}`, {
          hint: 'move what both files need into a third file',
        }),
      );
      locals.forEach((name) => module.missing.add(name));
      return;
    }
    const from = this.load(path, statement.from.span);
    if (!from) {
      locals.forEach((name) => module.missing.add(name));
      return;
    }
    for (const { name, alias } of statement.names) {
      const declaration = from.declarations.get(name.text);
      const local = alias ?? name;
      if (!declaration) {
        // A file with errors of its own may declare what could not be read.
        if (!from.broken) this.#sink.report(missingExport(name.text, name.span, statement.from.text, from));
        module.missing.add(local.text);
        continue;
      }
      const clash = module.declarations.get(local.text)?.name.span ?? module.imported.get(local.text)?.span;
      if (clash) {
        this.#sink.report(
          diagnostic('HED2002', local.span, `\`${local.text}\` is already a name of this file`, {
            secondary: [{ span: clash, text: 'declared here' }],
            hint: `import it under another name: \`${name.text} as Other\``,
          }),
        );
        module.missing.add(local.text);
        continue;
      }
      module.imported.set(local.text, { declaration, module: from, span: local.span });
    }
  }
}

const specifierHint =
  'specifiers are relative to the importing file (`./blocks`) or name the standard library (`std/nn`)';

function missingExport(name: string, span: Span, specifier: string, from: Module): ReturnType<typeof diagnostic> {
  const similar = closest(name, from.declarations.keys());
  const known = [...from.declarations.keys()].join(', ');
  return diagnostic('HED2004', span, `"${specifier}" declares no \`${name}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : `it declares ${known || 'nothing'}`,
  });
}
