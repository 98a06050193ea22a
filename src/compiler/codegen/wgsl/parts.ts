/** Functions that reach a buffer whose elements are bound in parts. It must not know kernels. */

export interface PartedBuffer {
  /** Of its first binding. */
  readonly variable: string;
  /** The type of its elements. */
  readonly elements: string;
  readonly parts: number;
  /** Elements of all parts but the last. */
  readonly length: number;
}

/** The variable of one of the bindings of a buffer whose first is `variable`. */
export function partName(variable: string, part: number): string {
  return part === 0 ? variable : `${variable}_${part}`;
}

export function readFunction(buffer: PartedBuffer): string {
  const { variable, elements } = buffer;
  const lines = placesOf(buffer).map(({ place, condition }) => `  ${condition}return ${place};${condition && ' }'}`);
  return [`fn read_${variable}(at: i32) -> ${elements} {`, ...lines, '}'].join('\n');
}

export function writeFunction(buffer: PartedBuffer): string {
  const { variable, elements } = buffer;
  const lines = placesOf(buffer).map(
    ({ place, condition }) => `  ${condition}${place} = value;${condition && ' return; }'}`,
  );
  return [`fn write_${variable}(at: i32, value: ${elements}) {`, ...lines, '}'].join('\n');
}

/** Where element `at` is, and under which condition; the last part has none. */
function placesOf({ variable, parts, length }: PartedBuffer): { readonly place: string; readonly condition: string }[] {
  return Array.from({ length: parts }, (_, part) => ({
    place: `${partName(variable, part)}[at${part === 0 ? '' : ` - ${part * length}i`}]`,
    condition: part === parts - 1 ? '' : `if (at < ${(part + 1) * length}i) { `,
  }));
}
