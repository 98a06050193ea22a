/** Kernel names as JavaScript identifiers. */

/** Words that JavaScript keeps for itself in strict code, and names the emitted module uses. */
const RESERVED = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false
   finally for function if implements import in instanceof interface let new null package private protected public return
   static super switch this throw true try typeof var void while with yield undefined NaN Infinity
   Math Float32Array Int32Array Uint32Array f32 i32 u32 counts kernels`.split(/\s+/),
);

/** `base` with what no identifier may contain replaced, numbered until it is neither reserved nor taken. */
export function identifier(base: string, taken: ReadonlySet<string>): string {
  const plain = base.replace(/[^A-Za-z0-9_]/g, '_');
  const start = /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
  const isFree = (name: string): boolean => !RESERVED.has(name) && !HELPER_PATTERN.test(name) && !taken.has(name);
  let name = start;
  for (let count = 1; !isFree(name); count++) name = `${start}_${count}`;
  return name;
}

/** Helper functions and kernels of the emitted module. */
const HELPER_PATTERN = /^(roundEven|toI32|toU32|pow|bitsOfF32|f32OfBits|k\d+(_point)?|scratch(F32|I32))$/;
