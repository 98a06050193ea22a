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
  HED2101: {
    title: 'integer too large',
    explanation:
      'Integers and sizes are exact up to 2^53, and sizes are sums of at most 1000 parts. A tensor may have 2^45 elements, which is more than any memory holds.',
  },
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
      'Repetition is unrolled when the spec is elaborated. This one unrolls into more than the compiler takes for intended: 100000 steps of one range, 30000 applications and rounds or 200000 operations of an entry.',
  },
  HED2107: {
    title: 'member of something without members',
    explanation:
      'Behind a dot stands a parameter of an instance, a value that it handed up (`moe.aux.balance`), or an output of an applied model that has several. Other values have no members.',
  },
  HED2108: {
    title: 'unknown parameter of an instance',
    explanation:
      'The instance has no parameter of that name, or none yet: a parameter whose shape depends on tensors is made at the first application. One whose shape follows from hyperparameters alone can be read before.',
  },
  HED2109: {
    title: 'too deep to follow',
    explanation:
      'Expressions, functions and blocks nest so deeply together that the compiler cannot follow them. Give parts of the expression names of their own.',
  },
  HED2110: {
    title: 'unknown output of a model',
    explanation: 'The applied model has several outputs, and none of that name.',
  },
  HED2111: {
    title: 'unknown auxiliary value',
    explanation:
      '`instance.aux.name` lists the values that the instance, and those inside it, handed up with `aux name = …` when they were applied. None of that name has been.',
  },
  HED2112: {
    title: 'dimension used before it is known',
    explanation:
      'A model that is applied as a block learns its `dims` from the shapes of its arguments. What stands before the inputs cannot use them.',
  },
  HED2201: {
    title: 'wrong dtype',
    explanation: 'The tensor has another element type than asked for. Nothing is converted silently: use `cast`.',
  },
  HED2202: {
    title: 'wrong number of axes',
    explanation:
      'The tensor has more or fewer axes than the pattern. `..name` in a pattern stands for any number of axes. No tensor has more than 64.',
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
  HED2206: {
    title: 'number does not fit the dtype',
    explanation: 'A number beside a tensor of integers has a fraction, or lies outside of what they can be.',
  },
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
    title: 'train entry applied',
    explanation:
      'A train entry is compiled and run, not applied. What it trains is a model or a block, which others can apply too.',
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
  HED2307: {
    title: 'unknown argument',
    explanation: 'The function or built-in has no argument of that name, or takes fewer.',
  },
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
  HED2320: {
    title: 'dimension beyond its limit',
    explanation:
      'The applied model declares `dims name <= n`, and an argument gives the dimension a greater size. A size that only a run can tell is checked there.',
  },
  HED2322: {
    title: '`frozen` on something else',
    explanation:
      '`frozen` stands before a new instance of a block or model: `teacher = frozen Bert(2)`. Whether an instance is trained is decided where it is made, as all its applications share its parameters.',
  },
  HED2323: {
    title: 'mixture does not fit together',
    explanation:
      '`mixture(x, gate, index, count, capacity_factor: …) as path { t => … }` takes tokens f32[n, c], weights f32[n, k] and numbers of experts i32[n, k]; the body makes one row of each token.',
  },
  HED2324: {
    title: 'expert that does not work on each token alone',
    explanation:
      'The body of a `mixture` is computed for the tokens that chose an expert only, so what it makes of one must not depend on the others: it may normalise along a token, and not take a mean over tokens. Nor can what it keeps or hands up have a value for each token, or an expert be a mixture itself.',
  },
  HED2401: {
    title: 'hyperparameter of the wrong type',
    explanation: 'The value does not have the declared type. A single value stands for a tuple of equal ones.',
  },
  HED2501: { title: '`return` in an entry', explanation: 'Models and train entries name their results with `output`.' },
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
    explanation:
      'Inputs, outputs, metrics and dimensions of an entry need different names; the loss of a train entry is an output called `loss`.',
  },
  HED2508: { title: 'bad limit of a dimension', explanation: '`dims seq <= n` takes an int known at compile time.' },
  HED2510: { title: 'output is not a tensor', explanation: '`output` and `aux` name tensors.' },
  HED2511: {
    title: 'model statement elsewhere',
    explanation:
      '`dims`, `input`, `output` and `generate` describe an entry, so they stand only in a model or a train entry.',
  },
  HED2512: { title: 'parameter in a function', explanation: 'Functions have no parameters and no states; blocks do.' },
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
  HED2519: {
    title: 'statement where it has no meaning',
    explanation:
      '`loss`, `metric` and `optimizer` stand only in a train entry. `aux` stands in blocks and entries, not in functions: values are found by the path of an instance.',
  },
  HED2520: {
    title: 'loss or metric is not a scalar',
    explanation:
      'A loss is an f32 tensor without axes, a metric any tensor without axes: reduce it with `mean` or `sum`.',
  },
  HED2521: {
    title: 'several losses',
    explanation: 'A train entry differentiates one scalar. Several losses are weighed by plain arithmetic.',
  },
  HED2522: { title: 'train entry without a loss', explanation: 'A train entry needs exactly one `loss`.' },
  HED2524: {
    title: '`next` of something that is no state',
    explanation: '`next s = e` updates a tensor that was declared by `state s: type = …` in the same body.',
  },
  HED2525: { title: 'update of another type', explanation: 'A state keeps its dtype and shape in every step.' },
  HED2526: {
    title: 'state update outside training',
    explanation:
      'States are updated by steps of training. A model compiled for running, or an instance made by `frozen`, has none, so the update would be lost: guard it with `if training { … }`.',
  },
  HED2527: {
    title: 'state updated twice',
    explanation:
      'A step gives each state one new value. An instance that is applied twice shares its states, so its body cannot update them.',
  },
  HED2528: {
    title: 'generate does not fit the entry',
    explanation:
      '`generate idx along time from logits` names an i32 input, a symbolic dimension and an output; both tensors have exactly one axis of that dimension.',
  },
  HED2529: {
    title: 'several optimizers',
    explanation: 'A train entry has one optimizer. Groups give parameters settings of their own.',
  },
  HED2530: {
    title: 'unknown optimizer',
    explanation: 'The optimizers are sgd, rmsprop, adagrad, adam, adamw and lion.',
  },
  HED2531: {
    title: 'unknown schedule',
    explanation:
      'The schedules of a learning rate are constant, linear, cosine, step, multistep, exponential, polynomial and one_cycle.',
  },
  HED2532: {
    title: 'bad argument of an optimizer or schedule',
    explanation:
      'The optimizer or schedule has no such argument, needs one that is missing, or the value has the wrong type or lies out of range.',
  },
  HED2533: {
    title: 'group without parameters',
    explanation:
      'A pattern of an optimizer group matches no trainable parameter. Paths in a train entry begin with the instance: `student.head.bias`; `*` is any text in one segment, `**` any number of segments.',
  },
  HED2534: {
    title: 'group of some experts',
    explanation:
      'A pattern of an optimizer group matches parameters of some experts of a `mixture` and not of the others. They are stored and learned together, so that a group takes those of all experts or of none.',
  },
  HED2601: { title: 'no elements', explanation: 'Only tensors, tuples, lists and runs of axes can be indexed.' },
  HED2602: { title: 'index is not an int', explanation: 'Indices and slice bounds are ints.' },
  HED2603: {
    title: 'index out of range',
    explanation: 'The index is beyond the last element. Negative indices count from the end.',
  },
  HED2604: { title: 'too many subscripts', explanation: 'There are more subscripts than axes, or `...` stands twice.' },
  HED2605: {
    title: 'bad step',
    explanation: 'The step of a slice is an int other than 0; a negative one reads the axis backwards.',
  },
  HED2701: {
    title: 'name that nothing uses',
    explanation:
      'A warning: the import, hyperparameter, constant, variable, input or dimension is never read, in no branch. A name with a leading underscore is taken to be unused on purpose.',
  },
  HED2702: {
    title: 'parameter that reaches no output',
    explanation:
      'A warning: no output, loss, update of a state or value handed up depends on the parameter, neither in training nor with any optional input. It would be stored and never matter.',
  },
  HED2703: {
    title: 'name that hides another',
    explanation:
      'A warning: inside, the name stands for something else than around it, so that a reader may take one for the other.',
  },
  HED2704: {
    title: 'comment that reads like a division',
    explanation:
      'A warning: `//` begins a comment, and what follows it here is a number or the name of a compile-time value, as if it were to divide by. A division that rounds down is written `floordiv(a, b)`.',
  },
  HED2705: {
    title: 'parameter that the loss does not depend on',
    explanation:
      'A warning: a trainable parameter has no influence on the loss of the train entry, or none through which a gradient flows. Its gradient is 0, so that at most weight decay changes it. A parameter that is to stay as it is belongs to an instance made by `frozen`.',
  },
  HED4001: {
    title: 'entry not chosen',
    explanation:
      'A file with several entries, none of which is the only model, needs `--entry`; a file without any cannot be compiled.',
  },
  HED4002: { title: 'unknown entry', explanation: 'The file declares no model and no train entry of that name.' },
  HED4003: { title: 'unknown setting', explanation: '`--set` names a hyperparameter the model does not have.' },
  HED4004: {
    title: 'setting missing',
    explanation: 'A hyperparameter of the model has no default, so it needs `--set name=value`.',
  },
  HED4005: {
    title: 'tap without a match',
    explanation: '`--tap` names instances by path: `layers.*.attn`. `*` stands for one segment, `**` for any number.',
  },
  HED4006: {
    title: 'unknown optional input',
    explanation:
      '`--given NAME` compiles an entry with one of its optional inputs, `input NAME?: …`; it has none of that name.',
  },
  HED4007: {
    title: 'gradient of nothing',
    explanation:
      '`--grad` names inputs as `in.NAME` and parameters as `param.PATH`, with `*` for any text: `in.*,param.*`. Integers, bools and states have no gradients.',
  },
  HED4008: {
    title: 'gradients without a loss',
    explanation:
      "A train entry has a loss. For a model, `--grad` needs the gradient by at least one of its outputs among the inputs, `cot.OUTPUT` of the output's shape: the loss is then the sum of all products of outputs with these.",
  },
  HED4009: {
    title: 'values that f16 cannot hold',
    explanation:
      'A warning of `--f16`: f16 holds magnitudes from 6e-8 to 65504, and the tensor has others, so that it stays f32. Weights and constants, such as the −1e9 of a mask, are known. Results are those of a run of the model with its weights, if it is compiled with any, on random inputs or on those of `--calibrate`; they stay f32 where 8 times as much is beyond the range, as other inputs may be larger. Infinities are the same in f16.',
  },
} as const;
