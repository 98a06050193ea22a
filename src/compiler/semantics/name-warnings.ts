/** Warnings about names: those that nothing uses, those that hide others, and those in comments that divide. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { KnownName, NameKind } from './names.ts';

/** What reading a file shows of its names. */
export interface NameNotes {
  /** Names that should be used somewhere. A leading underscore says that one is not. */
  readonly expected: KnownName[];
  readonly hiding: { readonly hidden: KnownName; readonly by: KnownName }[];
  /** The sizes that a tensor of a signature alone tells. */
  readonly shapes: Map<KnownName, readonly KnownName[]>;
  /** Comments that read like divisions, with what they would divide by. */
  readonly divisions: { readonly span: Span; readonly divisor: string }[];
}

export function warnOfNames(notes: NameNotes, sink: DiagnosticSink): void {
  reportUnused(notes, sink);
  reportHiding(notes, sink);
  reportDivisions(notes, sink);
}

const phrases: Readonly<Partial<Record<NameKind, string>>> = {
  import: 'is imported and never used',
  tensor: 'is a tensor that nothing reads',
  input: 'is an input that nothing reads',
  dimension: 'is a dimension of no tensor',
};

function reportUnused({ expected, shapes }: NameNotes, sink: DiagnosticSink): void {
  for (const known of expected) {
    const { kind, name, span, used } = known;
    if (used || shapes.get(known)?.some((size) => size.used)) continue;
    const hint = kind === 'import' ? 'leave it out' : `leave it out, or say that it is meant: \`_${name}\``;
    sink.report(
      diagnostic('HED2701', span, `\`${name}\` ${phrases[kind] ?? `is a ${kind} that nothing reads`}`, {
        severity: 'warning',
        hint,
      }),
    );
  }
}

function reportHiding({ hiding }: NameNotes, sink: DiagnosticSink): void {
  for (const { hidden, by } of hiding) {
    const what =
      hidden.kind === 'declaration' || hidden.kind === 'import' ? 'the one of the file' : `the ${hidden.kind}`;
    sink.report(
      diagnostic('HED2703', by.span, `the ${by.kind} \`${by.name}\` hides ${what}`, {
        severity: 'warning',
        secondary: hidden.span ? [{ span: hidden.span, text: 'hidden here' }] : [],
        hint: 'choose another name',
      }),
    );
  }
}

function reportDivisions({ divisions }: NameNotes, sink: DiagnosticSink): void {
  for (const { span, divisor } of divisions)
    sink.report(
      diagnostic('HED2704', span, `\`// ${divisor}\` is a comment, not a division`, {
        severity: 'warning',
        hint: `a division that rounds down is written \`floordiv(…, ${divisor})\``,
      }),
    );
}

/** A comment behind a value on its line that holds nothing but a whole number or a name. */
export function divisionBehind({ source, end }: Span): { span: Span; divisor: string } | undefined {
  const [comment, before, divisor] =
    /^([ \t)]*)\/\/[ \t]*(\d+|[A-Za-z_]\w*)(?=[ \t]*(?:\r?\n|$))/.exec(source.text.slice(end, end + 80)) ?? [];
  if (comment === undefined) return undefined;
  return { span: { source, start: end + before!.length, end: end + comment.length }, divisor: divisor! };
}

/** Whether a reader could take the new name for the one that it hides. */
export function misleads(hidden: KnownName, by: NameKind): boolean {
  if (hidden.kind === 'built-in' || hidden.kind === 'pattern' || !hidden.span) return false;
  if (hidden.kind === 'declaration' || hidden.kind === 'import') return true;
  // A parameter may bear the name of the hyperparameter that switches it on; other doubles are errors.
  return by === 'loop variable';
}
