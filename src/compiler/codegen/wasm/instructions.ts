/**
 * The WebAssembly instructions the encoder knows, one declaration each: text name, opcode and immediates. Everything that
 * writes instructions is typed by this table, and a test compares every row with a reference assembler. It must not know
 * what the instructions are used for.
 */

/**
 * What follows an opcode. `zero` is a reserved byte (a memory index that is always 0) and takes no argument.
 * `memory` is an alignment hint and a constant byte offset.
 */
export type Immediate =
  | 'index'
  | 'label'
  | 'labels'
  | 'blockType'
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'v128'
  | 'lane'
  | 'lanes16'
  | 'memory'
  | 'zero';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A constant byte offset, and a log2 alignment hint where the natural alignment is not promised. */
export interface MemoryArgument {
  readonly offset: number;
  readonly align?: number;
}

export interface ImmediateValues {
  index: number;
  label: number;
  labels: readonly number[];
  blockType: ValueType | 'void';
  i32: number;
  i64: bigint;
  f32: number;
  f64: number;
  v128: Uint8Array;
  lane: number;
  lanes16: readonly number[];
  memory: MemoryArgument;
  zero: never;
}

export interface Instruction<I extends readonly Immediate[] = readonly Immediate[]> {
  /** 0xfc, 0xfd or 0xfe; the opcode after it is LEB128-coded. */
  readonly prefix?: number;
  readonly opcode: number;
  readonly immediates: I;
  /** log2 of the bytes accessed, for instructions with a `memory` immediate. */
  readonly align?: number;
}

/** The arguments of an instruction, as a tuple. */
export type ArgumentsOf<I extends readonly Immediate[]> = I extends readonly [
  infer First extends Immediate,
  ...infer Rest extends readonly Immediate[],
]
  ? First extends 'zero'
    ? ArgumentsOf<Rest>
    : [ImmediateValues[First], ...ArgumentsOf<Rest>]
  : [];

function plain<const I extends readonly Immediate[]>(opcode: number, ...immediates: I): Instruction<I> {
  return { opcode, immediates };
}

function access(opcode: number, align: number): Instruction<readonly ['memory']> {
  return { opcode, immediates: ['memory'], align };
}

function prefixed(prefix: number) {
  return {
    plain: <const I extends readonly Immediate[]>(opcode: number, ...immediates: I): Instruction<I> => ({
      prefix,
      opcode,
      immediates,
    }),
    access: (opcode: number, align: number): Instruction<readonly ['memory']> => ({
      prefix,
      opcode,
      immediates: ['memory'],
      align,
    }),
    laneAccess: (opcode: number, align: number): Instruction<readonly ['memory', 'lane']> => ({
      prefix,
      opcode,
      immediates: ['memory', 'lane'],
      align,
    }),
  };
}

const bulk = prefixed(0xfc);
const simd = prefixed(0xfd);
const atomic = prefixed(0xfe);

/** Blocks, branches, calls and variables. */
const control = {
  unreachable: plain(0x00),
  nop: plain(0x01),
  block: plain(0x02, 'blockType'),
  loop: plain(0x03, 'blockType'),
  if: plain(0x04, 'blockType'),
  else: plain(0x05),
  end: plain(0x0b),
  br: plain(0x0c, 'label'),
  br_if: plain(0x0d, 'label'),
  br_table: plain(0x0e, 'labels'),
  return: plain(0x0f),
  call: plain(0x10, 'index'),
  drop: plain(0x1a),
  select: plain(0x1b),
  'local.get': plain(0x20, 'index'),
  'local.set': plain(0x21, 'index'),
  'local.tee': plain(0x22, 'index'),
  'global.get': plain(0x23, 'index'),
};

/** Scalar loads and stores, growth, bulk copies. */
const memory = {
  'i32.load': access(0x28, 2),
  'f32.load': access(0x2a, 2),
  'f64.load': access(0x2b, 3),
  'i32.load8_s': access(0x2c, 0),
  'i32.load8_u': access(0x2d, 0),
  'i32.load16_s': access(0x2e, 1),
  'i32.load16_u': access(0x2f, 1),
  'i32.store': access(0x36, 2),
  'f32.store': access(0x38, 2),
  'f64.store': access(0x39, 3),
  'i32.store8': access(0x3a, 0),
  'i32.store16': access(0x3b, 1),
  'memory.size': plain(0x3f, 'zero'),
  'memory.grow': plain(0x40, 'zero'),
  'memory.copy': bulk.plain(10, 'zero', 'zero'),
  'memory.fill': bulk.plain(11, 'zero'),
};

/** i32 and f32 arithmetic; saturating conversion to integers; what counting in f64 takes. */
const scalar = {
  'i32.const': plain(0x41, 'i32'),
  'i64.const': plain(0x42, 'i64'),
  'f32.const': plain(0x43, 'f32'),
  'f64.const': plain(0x44, 'f64'),
  'i32.eqz': plain(0x45),
  'i32.eq': plain(0x46),
  'i32.ne': plain(0x47),
  'i32.lt_s': plain(0x48),
  'i32.lt_u': plain(0x49),
  'i32.gt_s': plain(0x4a),
  'i32.gt_u': plain(0x4b),
  'i32.le_s': plain(0x4c),
  'i32.le_u': plain(0x4d),
  'i32.ge_s': plain(0x4e),
  'i32.ge_u': plain(0x4f),
  'f32.eq': plain(0x5b),
  'f32.ne': plain(0x5c),
  'f32.lt': plain(0x5d),
  'f32.gt': plain(0x5e),
  'f32.le': plain(0x5f),
  'f32.ge': plain(0x60),
  'i32.clz': plain(0x67),
  'i32.ctz': plain(0x68),
  'i32.popcnt': plain(0x69),
  'i32.add': plain(0x6a),
  'i32.sub': plain(0x6b),
  'i32.mul': plain(0x6c),
  'i32.div_s': plain(0x6d),
  'i32.div_u': plain(0x6e),
  'i32.rem_s': plain(0x6f),
  'i32.rem_u': plain(0x70),
  'i32.and': plain(0x71),
  'i32.or': plain(0x72),
  'i32.xor': plain(0x73),
  'i32.shl': plain(0x74),
  'i32.shr_s': plain(0x75),
  'i32.shr_u': plain(0x76),
  'i32.rotl': plain(0x77),
  'i32.rotr': plain(0x78),
  'f32.abs': plain(0x8b),
  'f32.neg': plain(0x8c),
  'f32.ceil': plain(0x8d),
  'f32.floor': plain(0x8e),
  'f32.trunc': plain(0x8f),
  'f32.nearest': plain(0x90),
  'f32.sqrt': plain(0x91),
  'f32.add': plain(0x92),
  'f32.sub': plain(0x93),
  'f32.mul': plain(0x94),
  'f32.div': plain(0x95),
  'f32.min': plain(0x96),
  'f32.max': plain(0x97),
  'f32.copysign': plain(0x98),
  'f64.add': plain(0xa0),
  'f64.mul': plain(0xa2),
  'i32.trunc_f32_s': plain(0xa8),
  'i32.trunc_f32_u': plain(0xa9),
  'f32.convert_i32_s': plain(0xb2),
  'f32.convert_i32_u': plain(0xb3),
  'f64.convert_i32_s': plain(0xb7),
  'i32.reinterpret_f32': plain(0xbc),
  'f32.reinterpret_i32': plain(0xbe),
  'i32.extend8_s': plain(0xc0),
  'i32.extend16_s': plain(0xc1),
  'i32.trunc_sat_f32_s': bulk.plain(0),
  'i32.trunc_sat_f32_u': bulk.plain(1),
};

/** 128-bit loads and stores, whole, widened, repeated and by lane. */
const vectorMemory = {
  'v128.load': simd.access(0, 4),
  'v128.load8x8_s': simd.access(1, 3),
  'v128.load8x8_u': simd.access(2, 3),
  'v128.load16x4_s': simd.access(3, 3),
  'v128.load16x4_u': simd.access(4, 3),
  'v128.load32x2_s': simd.access(5, 3),
  'v128.load32x2_u': simd.access(6, 3),
  'v128.load8_splat': simd.access(7, 0),
  'v128.load16_splat': simd.access(8, 1),
  'v128.load32_splat': simd.access(9, 2),
  'v128.load64_splat': simd.access(10, 3),
  'v128.store': simd.access(11, 4),
  'v128.load8_lane': simd.laneAccess(84, 0),
  'v128.load16_lane': simd.laneAccess(85, 1),
  'v128.load32_lane': simd.laneAccess(86, 2),
  'v128.load64_lane': simd.laneAccess(87, 3),
  'v128.store8_lane': simd.laneAccess(88, 0),
  'v128.store16_lane': simd.laneAccess(89, 1),
  'v128.store32_lane': simd.laneAccess(90, 2),
  'v128.store64_lane': simd.laneAccess(91, 3),
  'v128.load32_zero': simd.access(92, 2),
  'v128.load64_zero': simd.access(93, 3),
};

/** Constants, lanes and bits of vectors. */
const vectorLanes = {
  'v128.const': simd.plain(12, 'v128'),
  'i8x16.shuffle': simd.plain(13, 'lanes16'),
  'i8x16.swizzle': simd.plain(14),
  'i8x16.splat': simd.plain(15),
  'i16x8.splat': simd.plain(16),
  'i32x4.splat': simd.plain(17),
  'f32x4.splat': simd.plain(19),
  'i8x16.extract_lane_s': simd.plain(21, 'lane'),
  'i8x16.extract_lane_u': simd.plain(22, 'lane'),
  'i8x16.replace_lane': simd.plain(23, 'lane'),
  'i16x8.extract_lane_s': simd.plain(24, 'lane'),
  'i16x8.extract_lane_u': simd.plain(25, 'lane'),
  'i16x8.replace_lane': simd.plain(26, 'lane'),
  'i32x4.extract_lane': simd.plain(27, 'lane'),
  'i32x4.replace_lane': simd.plain(28, 'lane'),
  'f32x4.extract_lane': simd.plain(31, 'lane'),
  'f32x4.replace_lane': simd.plain(32, 'lane'),
  'v128.not': simd.plain(77),
  'v128.and': simd.plain(78),
  'v128.andnot': simd.plain(79),
  'v128.or': simd.plain(80),
  'v128.xor': simd.plain(81),
  'v128.bitselect': simd.plain(82),
  'v128.any_true': simd.plain(83),
};

/** Integer arithmetic on vectors. */
const vectorInteger = {
  'i32x4.eq': simd.plain(55),
  'i32x4.ne': simd.plain(56),
  'i32x4.lt_s': simd.plain(57),
  'i32x4.lt_u': simd.plain(58),
  'i32x4.gt_s': simd.plain(59),
  'i32x4.gt_u': simd.plain(60),
  'i32x4.le_s': simd.plain(61),
  'i32x4.le_u': simd.plain(62),
  'i32x4.ge_s': simd.plain(63),
  'i32x4.ge_u': simd.plain(64),
  'i32x4.extadd_pairwise_i16x8_s': simd.plain(126),
  'i32x4.extadd_pairwise_i16x8_u': simd.plain(127),
  'i32x4.abs': simd.plain(160),
  'i32x4.neg': simd.plain(161),
  'i32x4.all_true': simd.plain(163),
  'i32x4.bitmask': simd.plain(164),
  'i32x4.extend_low_i16x8_s': simd.plain(167),
  'i32x4.extend_high_i16x8_s': simd.plain(168),
  'i32x4.extend_low_i16x8_u': simd.plain(169),
  'i32x4.extend_high_i16x8_u': simd.plain(170),
  'i32x4.shl': simd.plain(171),
  'i32x4.shr_s': simd.plain(172),
  'i32x4.shr_u': simd.plain(173),
  'i32x4.add': simd.plain(174),
  'i32x4.sub': simd.plain(177),
  'i32x4.mul': simd.plain(181),
  'i32x4.min_s': simd.plain(182),
  'i32x4.min_u': simd.plain(183),
  'i32x4.max_s': simd.plain(184),
  'i32x4.max_u': simd.plain(185),
  'i32x4.dot_i16x8_s': simd.plain(186),
  'i32x4.extmul_low_i16x8_s': simd.plain(188),
  'i32x4.extmul_high_i16x8_s': simd.plain(189),
  'i32x4.extmul_low_i16x8_u': simd.plain(190),
  'i32x4.extmul_high_i16x8_u': simd.plain(191),
  'i32x4.trunc_sat_f32x4_s': simd.plain(248),
  'i32x4.trunc_sat_f32x4_u': simd.plain(249),
  'i16x8.extend_low_i8x16_s': simd.plain(135),
  'i16x8.extend_high_i8x16_s': simd.plain(136),
  'i16x8.extend_low_i8x16_u': simd.plain(137),
  'i16x8.extend_high_i8x16_u': simd.plain(138),
  'i16x8.shl': simd.plain(139),
  'i16x8.shr_s': simd.plain(140),
  'i16x8.shr_u': simd.plain(141),
  'i16x8.add': simd.plain(142),
  'i16x8.sub': simd.plain(145),
  'i16x8.mul': simd.plain(149),
  'i16x8.extmul_low_i8x16_s': simd.plain(156),
  'i16x8.extmul_high_i8x16_s': simd.plain(157),
  'i8x16.narrow_i16x8_s': simd.plain(101),
  'i16x8.narrow_i32x4_s': simd.plain(133),
};

/** f32 arithmetic on vectors. */
const vectorFloat = {
  'f32x4.eq': simd.plain(65),
  'f32x4.ne': simd.plain(66),
  'f32x4.lt': simd.plain(67),
  'f32x4.gt': simd.plain(68),
  'f32x4.le': simd.plain(69),
  'f32x4.ge': simd.plain(70),
  'f32x4.ceil': simd.plain(103),
  'f32x4.floor': simd.plain(104),
  'f32x4.trunc': simd.plain(105),
  'f32x4.nearest': simd.plain(106),
  'f32x4.abs': simd.plain(224),
  'f32x4.neg': simd.plain(225),
  'f32x4.sqrt': simd.plain(227),
  'f32x4.add': simd.plain(228),
  'f32x4.sub': simd.plain(229),
  'f32x4.mul': simd.plain(230),
  'f32x4.div': simd.plain(231),
  'f32x4.min': simd.plain(232),
  'f32x4.max': simd.plain(233),
  'f32x4.pmin': simd.plain(234),
  'f32x4.pmax': simd.plain(235),
  'f32x4.convert_i32x4_s': simd.plain(250),
  'f32x4.convert_i32x4_u': simd.plain(251),
};

/** Relaxed SIMD: engines may answer differently where the proposal lets them. */
const relaxed = {
  'i8x16.relaxed_swizzle': simd.plain(0x100),
  'i32x4.relaxed_trunc_f32x4_s': simd.plain(0x101),
  'i32x4.relaxed_trunc_f32x4_u': simd.plain(0x102),
  'f32x4.relaxed_madd': simd.plain(0x105),
  'f32x4.relaxed_nmadd': simd.plain(0x106),
  'i32x4.relaxed_laneselect': simd.plain(0x10b),
  'f32x4.relaxed_min': simd.plain(0x10d),
  'f32x4.relaxed_max': simd.plain(0x10e),
  'i16x8.relaxed_dot_i8x16_i7x16_s': simd.plain(0x112),
  'i32x4.relaxed_dot_i8x16_i7x16_add_s': simd.plain(0x113),
};

/** Waiting, and sequentially consistent accesses to shared memory. */
const threads = {
  'memory.atomic.notify': atomic.access(0x00, 2),
  'memory.atomic.wait32': atomic.access(0x01, 2),
  'atomic.fence': atomic.plain(0x03, 'zero'),
  'i32.atomic.load': atomic.access(0x10, 2),
  'i32.atomic.store': atomic.access(0x17, 2),
  'i32.atomic.rmw.add': atomic.access(0x1e, 2),
  'i32.atomic.rmw.sub': atomic.access(0x25, 2),
  'i32.atomic.rmw.and': atomic.access(0x2c, 2),
  'i32.atomic.rmw.or': atomic.access(0x33, 2),
  'i32.atomic.rmw.xor': atomic.access(0x3a, 2),
  'i32.atomic.rmw.xchg': atomic.access(0x41, 2),
  'i32.atomic.rmw.cmpxchg': atomic.access(0x48, 2),
};

export const INSTRUCTIONS = {
  ...control,
  ...memory,
  ...scalar,
  ...vectorMemory,
  ...vectorLanes,
  ...vectorInteger,
  ...vectorFloat,
  ...relaxed,
  ...threads,
} as const;

export type InstructionName = keyof typeof INSTRUCTIONS;

export type InstructionArguments<N extends InstructionName> = ArgumentsOf<(typeof INSTRUCTIONS)[N]['immediates']>;
