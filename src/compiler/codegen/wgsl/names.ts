/** Kernel names as WGSL identifiers. */

/**
 * Keywords, words that WGSL reserves, and predeclared types and functions that the emitted text uses: the lists of
 * https://www.w3.org/TR/WGSL/#keyword-summary and #reserved-words.
 */
const RESERVED = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
   loop override requires return struct switch true var while
   NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class co_await
   co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval constexpr
   constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends extern
   external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl implements import inline
   instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable namespace new nil
   noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of operator package packoffset
   partial pass patch pixelfragment precise precision premerge priv protected pub public readonly ref regardless register
   reinterpret_cast require resource restrict self set shared sizeof smooth snorm static static_assert static_cast std
   subroutine super target template this thread_local throw trait try type typedef typeid typename typeof union unless
   unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield
   f32 f16 i32 u32 bool vec3u vec4 vec4h vec4f vec4i vec4u array bitcast select min max abs sqrt floor ceil round trunc fma
   workgroupBarrier storageBarrier workgroup_id workgroups invocation point rank count`.split(/\s+/),
);

/** Functions beside the entry point, bindings, memory, and the entry point. */
const TOP_LEVEL =
  /^(is_nan|are_nan|single_of_bits|(min|max)_singles?|[iu]32_of_singles?|quotients?_[iu]32|floor_quotient|dot4s?|workgroup_\w+|(wide|narrow|exchange|turn)_\w+|(read_|write_)?b\d+(_\d+)?|m\d+|rest|sizes|Sizes|main)$/;

/** `base` with what no identifier may contain replaced, numbered until it is neither reserved nor taken. */
export function identifier(base: string, taken: ReadonlySet<string>): string {
  const plain = base.replace(/[^A-Za-z0-9_]/g, '_').replace(/^_+/, '');
  // Of names such as `b0`, numbered ones belong to bindings too.
  const isOurs = /^[A-Za-z]/.test(plain) && !TOP_LEVEL.test(`${plain}_1`);
  const start = isOurs ? plain : `v${plain}`;
  const isFree = (name: string): boolean => !RESERVED.has(name) && !TOP_LEVEL.test(name) && !taken.has(name);
  let name = start;
  for (let count = 1; !isFree(name); count++) name = `${start}_${count}`;
  return name;
}
