/** The catalogue's entries for names, values and shapes (2xxx) and for the command line (4xxx). */

export const semanticEntries = {
  HED2001: {
    title: 'file not found',
    explanation:
      'A spec or an imported file does not exist or cannot be read. Specifiers that begin with `./` or `../` are relative to the importing file; `std/…` names the standard library.',
  },
  HED2002: {
    title: 'name declared twice',
    explanation: 'Two declarations or imports of one file share a name. Rename one, or import it `as` another name.',
  },
  HED2003: {
    title: 'cyclic import',
    explanation:
      'Files import each other in a circle, so none of them can be read first. Move what they share into a file of its own.',
  },
  HED2004: { title: 'imported name missing', explanation: 'The imported file declares nothing of that name.' },
  HED2005: {
    title: 'unknown name',
    explanation:
      'The name is not bound here: it is no variable, hyperparameter, declaration, import or built-in. A name first assigned inside an `if` or `for` is local to it.',
  },
  HED2101: { title: 'integer too large', explanation: 'Integers, sizes and numbers of elements are exact up to 2^53.' },
  HED2102: { title: 'range out of place', explanation: 'A range `a..b` stands only after `in` of a `for`.' },
  HED2103: {
    title: 'condition is not a compile-time bool',
    explanation:
      '`if` and `require` run while the spec is elaborated, on compile-time values only. To choose between tensors element by element, use `where`.',
  },
  HED2104: {
    title: 'operator or function on unfitting values',
    explanation:
      'The operator or function is not defined for these compile-time values, or its result cannot be decided before the dimensions are known.',
  },
  HED2105: {
    title: 'not a sequence',
    explanation: '`for` runs over a range with ends known at compile time, a list or a tuple.',
  },
  HED2106: {
    title: 'too much repetition',
    explanation:
      'Repetition is unrolled when the spec is elaborated; this one unrolls into more than the compiler takes for intended.',
  },
  HED2107: {
    title: 'member of something else',
    explanation: '`instance.name` reads a parameter of a block instance; other values have no members.',
  },
  HED2108: {
    title: 'unknown parameter of an instance',
    explanation:
      'The instance has no parameter of that name, or has not been applied yet: parameters are made at the first application.',
  },
  HED2109: {
    title: 'too deep to follow',
    explanation:
      'Expressions, functions and blocks nest so deeply together that the compiler cannot follow them. Give parts of the expression names of their own.',
  },
  HED2201: {
    title: 'wrong dtype',
    explanation: 'The tensor has another element type than asked for. Nothing is converted silently: use `cast`.',
  },
  HED2202: {
    title: 'wrong number of axes',
    explanation:
      'The tensor has more or fewer axes than the pattern. `..name` in a pattern stands for any number of axes.',
  },
  HED2203: { title: 'unknown dtype', explanation: 'Tensor types begin with a dtype: f32, i32, u32 or bool.' },
  HED2204: {
    title: 'not a size',
    explanation:
      'An axis of a type is an int of at least 0: a number, a name or arithmetic on them; or a run of axes `..name` that a signature has bound.',
  },
  HED2205: {
    title: 'wrong shape',
    explanation:
      'An axis differs from what the pattern asks for. A name in a pattern binds the first axis it meets; every further use must be equal, for all values of the dimensions.',
  },
  HED2206: { title: 'number does not fit the dtype', explanation: 'A fractional literal meets a tensor of integers.' },
  HED2207: {
    title: 'operand is not a tensor',
    explanation: 'The operation works on tensors (numbers become constants); this value is neither.',
  },
  HED2210: {
    title: 'operands do not fit',
    explanation:
      'The shape rule of the operation rejects these operands. The notes name the axes; the hint, if there is one, a way out.',
  },
  HED2301: {
    title: '`as` on something without parameters',
    explanation: '`x |> f as name` names the path of a block instance. Functions and built-ins have no parameters.',
  },
  HED2302: {
    title: 'model applied',
    explanation: 'A model is an entry with inputs and outputs of its own. Put what is to be shared into a block.',
  },
  HED2303: { title: 'not callable', explanation: 'Only blocks, instances, functions and built-ins can be called.' },
  HED2304: {
    title: 'unknown hyperparameter',
    explanation: 'The block or function declares no such hyperparameter, or fewer than are given.',
  },
  HED2305: {
    title: 'argument given twice',
    explanation: 'The same argument is given by position and by name, or twice by name.',
  },
  HED2306: {
    title: 'hyperparameter missing',
    explanation: 'A hyperparameter without a default needs a value where the block is instantiated.',
  },
  HED2307: { title: 'unknown argument', explanation: 'The built-in has no argument of that name, or takes fewer.' },
  HED2308: { title: 'tensor expected', explanation: 'The built-in takes a tensor at this place.' },
  HED2309: {
    title: 'wrong kind of argument',
    explanation: 'An argument of a built-in has the wrong kind: see what it must be in the message.',
  },
  HED2310: { title: 'argument missing', explanation: 'The built-in needs this argument and it has no default.' },
  HED2311: {
    title: 'endless application',
    explanation: 'Blocks are expanded in place, so a block that applies itself without an end never finishes.',
  },
  HED2312: {
    title: 'instance already has a path',
    explanation:
      'An instance keeps its parameters under the name it was first bound to. Applied again, it shares them.',
  },
  HED2313: {
    title: 'path taken',
    explanation:
      'Two instances or parameters would have the same dotted path. In a loop, `for … as name` gives each round a path of its own.',
  },
  HED2314: {
    title: 'too many tensors',
    explanation: 'More tensors are given than the signature takes, or one by a name it does not have.',
  },
  HED2315: {
    title: 'tensor missing',
    explanation: 'The signature asks for a tensor that is not given. Only those marked `?` may be left out.',
  },
  HED2316: { title: 'not a tensor', explanation: 'Blocks and functions take and return tensors here.' },
  HED2317: {
    title: 'wrong number of results',
    explanation: 'The signature declares another number of results than `return` gives.',
  },
  HED2318: { title: 'no return', explanation: 'Every way through a block or function ends in `return`.' },
  HED2401: {
    title: 'hyperparameter of the wrong type',
    explanation: 'The value does not have the declared type. A single value stands for a tuple of equal ones.',
  },
  HED2501: { title: '`return` in a model', explanation: 'A model names its results with `output`.' },
  HED2502: { title: 'tensor as a constant', explanation: '`const` names values known at compile time.' },
  HED2503: { title: 'type on something else', explanation: '`name: type = e` asserts the type of a tensor.' },
  HED2504: {
    title: 'wrong number of values',
    explanation: 'As many names must stand left of `=` as there are values on its right.',
  },
  HED2505: {
    title: 'assignment to a fixed name',
    explanation: 'Hyperparameters, constants, dimensions and parameters keep their value.',
  },
  HED2506: {
    title: 'requirement not met',
    explanation: 'A `require` of the spec is false for these settings; its message says what is wanted.',
  },
  HED2507: {
    title: 'name defined twice',
    explanation: 'Inputs, outputs and dimensions of a model need different names.',
  },
  HED2508: { title: 'bad limit of a dimension', explanation: '`dims seq <= n` takes an int known at compile time.' },
  HED2509: {
    title: 'optional input',
    explanation: 'Blocks and functions may have optional tensors; models cannot yet.',
  },
  HED2510: { title: 'output is not a tensor', explanation: '`output` names a tensor.' },
  HED2511: {
    title: 'model statement elsewhere',
    explanation: '`dims`, `input` and `output` describe an entry, so they stand only in a model.',
  },
  HED2512: { title: 'parameter in a function', explanation: 'Functions have no parameters; blocks do.' },
  HED2513: {
    title: 'parameter of unknown shape',
    explanation: 'A parameter is stored in a file, so its shape cannot depend on a dimension of the run.',
  },
  HED2514: {
    title: 'shared parameter changes shape',
    explanation:
      'An instance applied again uses the same parameters, so the shapes it sees must lead to the same parameter shapes.',
  },
  HED2515: {
    title: 'unknown initialiser',
    explanation:
      'A parameter is declared with an initialiser: zeros, ones, constant, normal, trunc_normal, uniform, xavier_*, kaiming_*.',
  },
  HED2516: { title: 'bad argument of an initialiser', explanation: 'Initialisers take numbers known at compile time.' },
  HED2517: { title: 'model without output', explanation: 'A model needs at least one `output`.' },
  HED2518: {
    title: 'model not checked',
    explanation:
      'Shapes are checked for concrete hyperparameters. A model with hyperparameters that have no default is checked for names and defaults only, unless settings are given.',
  },
  HED2601: { title: 'no elements', explanation: 'Only tensors, tuples, lists and runs of axes can be indexed.' },
  HED2602: { title: 'index is not an int', explanation: 'Indices and slice bounds are ints.' },
  HED2603: {
    title: 'index out of range',
    explanation: 'The index is beyond the last element. Negative indices count from the end.',
  },
  HED2604: { title: 'too many subscripts', explanation: 'There are more subscripts than axes, or `...` stands twice.' },
  HED2605: { title: 'bad step', explanation: 'The step of a slice is an int of at least 1.' },
  HED4001: {
    title: 'entry not chosen',
    explanation: 'A file with several models needs `--entry`; a file without one cannot be compiled.',
  },
  HED4002: { title: 'unknown entry', explanation: 'The file declares no model of that name.' },
  HED4003: { title: 'unknown setting', explanation: '`--set` names a hyperparameter the model does not have.' },
  HED4004: {
    title: 'setting missing',
    explanation: 'A hyperparameter of the model has no default, so it needs `--set name=value`.',
  },
  HED4005: {
    title: 'tap without a match',
    explanation: '`--tap` names instances by path: `layers.*.attn`. `*` stands for one segment, `**` for any number.',
  },
} as const;
