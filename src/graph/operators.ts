import type { Tensor } from './tensor.ts'

type Value = {
  int: number
  float: number
  string: string
  ints: readonly number[]
  floats: readonly number[]
  strings: readonly string[]
  tensor: Tensor
}

type AttributeSpec = { readonly type: keyof Value; readonly default?: unknown }

/** What the ONNX specification says about an operator, as of operator set 18 (or the first later one that has it). */
export type OperatorSpec = {
  /** The fewest and the most inputs. */
  readonly inputs: readonly [number, number]
  /** The fewest and the most outputs. */
  readonly outputs: readonly [number, number]
  readonly attributes: Readonly<Record<string, AttributeSpec>>
}

const int = <D extends number | undefined = undefined>(value?: D) =>
  ({ type: 'int', default: value as D }) as const
const float = <D extends number | undefined = undefined>(value?: D) =>
  ({ type: 'float', default: value as D }) as const
const string = <D extends string | undefined = undefined>(value?: D) =>
  ({ type: 'string', default: value as D }) as const
const ints = { type: 'ints', default: undefined } as const
const floats = { type: 'floats', default: undefined } as const
const tensor = { type: 'tensor', default: undefined } as const

const many = Number.POSITIVE_INFINITY

function operator<const A extends Readonly<Record<string, AttributeSpec>>>(
  inputs: number | readonly [number, number],
  attributes: A,
  outputs: number | readonly [number, number] = 1,
): { inputs: readonly [number, number]; outputs: readonly [number, number]; attributes: A } {
  return {
    inputs: typeof inputs === 'number' ? [inputs, inputs] : inputs,
    outputs: typeof outputs === 'number' ? [outputs, outputs] : outputs,
    attributes,
  }
}

const unary = operator(1, {})
const binary = operator(2, {})
const variadic = operator([1, many], {})
const reduction = operator([1, 2], { keepdims: int(1), noop_with_empty_axes: int(0) })
const window = {
  auto_pad: string('NOTSET'),
  ceil_mode: int(0),
  dilations: ints,
  kernel_shape: ints,
  pads: ints,
  strides: ints,
}
const convolution = {
  auto_pad: string('NOTSET'),
  dilations: ints,
  group: int(1),
  kernel_shape: ints,
  pads: ints,
  strides: ints,
}
const argument = operator(1, { axis: int(0), keepdims: int(1), select_last_index: int(0) })

/**
 * The operators that Graft knows by heart: the verifier holds graphs against this table, the builder takes its types from
 * it, and the gradient rules are a table over its keys. Other operators are carried along untouched.
 *
 * Source: the ONNX operator specifications, https://onnx.ai/onnx/operators/, and ONNX Runtime's contrib operators.
 */
export const operators = {
  // elementwise, one input
  Abs: unary,
  Acos: unary,
  Acosh: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Ceil: unary,
  Celu: operator(1, { alpha: float(1) }),
  Cos: unary,
  Cosh: unary,
  Elu: operator(1, { alpha: float(1) }),
  Erf: unary,
  Exp: unary,
  Floor: unary,
  Gelu: operator(1, { approximate: string('none') }),
  HardSigmoid: operator(1, { alpha: float(0.2), beta: float(0.5) }),
  HardSwish: unary,
  Identity: unary,
  IsNaN: unary,
  LeakyRelu: operator(1, { alpha: float(0.01) }),
  Log: unary,
  Mish: unary,
  Neg: unary,
  Not: unary,
  Reciprocal: unary,
  Relu: unary,
  Round: unary,
  Selu: operator(1, { alpha: float(1.6732632423543772), gamma: float(1.0507009873554805) }),
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Sinh: unary,
  Softplus: unary,
  Softsign: unary,
  Sqrt: unary,
  Swish: operator(1, { alpha: float(1) }),
  Tan: unary,
  Tanh: unary,
  ThresholdedRelu: operator(1, { alpha: float(1) }),
  'com.microsoft.Gelu': unary,
  'com.microsoft.QuickGelu': operator(1, { alpha: float(1.702) }),

  // elementwise, several inputs
  Add: binary,
  And: binary,
  Clip: operator([1, 3], {}),
  Div: binary,
  Dropout: operator([1, 3], { seed: int() }, [1, 2]),
  Equal: binary,
  Greater: binary,
  GreaterOrEqual: binary,
  Less: binary,
  LessOrEqual: binary,
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Mod: operator(2, { fmod: int(0) }),
  Mul: binary,
  Or: binary,
  Pow: binary,
  PRelu: binary,
  Sub: binary,
  Sum: variadic,
  Where: operator(3, {}),
  Xor: binary,
  'com.microsoft.BiasGelu': binary,
  'com.microsoft.FastGelu': operator([1, 2], {}),

  // linear
  Einsum: operator([1, many], { equation: string() }),
  Gemm: operator([2, 3], { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) }),
  MatMul: binary,
  'com.microsoft.FusedMatMul': operator(2, {
    alpha: float(1),
    transA: int(0),
    transB: int(0),
    transBatchA: int(0),
    transBatchB: int(0),
  }),

  // convolution and pooling
  AveragePool: operator(1, { ...window, count_include_pad: int(0) }),
  Conv: operator([2, 3], convolution),
  ConvTranspose: operator([2, 3], { ...convolution, output_padding: ints, output_shape: ints }),
  GlobalAveragePool: unary,
  GlobalLpPool: operator(1, { p: int(2) }),
  GlobalMaxPool: unary,
  LpPool: operator(1, { ...window, p: int(2) }),
  MaxPool: operator(1, { ...window, storage_order: int(0) }, [1, 2]),

  // normalization
  BatchNormalization: operator(
    5,
    { epsilon: float(1e-5), momentum: float(0.9), training_mode: int(0) },
    [1, 3],
  ),
  GroupNormalization: operator(3, { epsilon: float(1e-5), num_groups: int(), stash_type: int(1) }),
  InstanceNormalization: operator(3, { epsilon: float(1e-5) }),
  LayerNormalization: operator(
    [2, 3],
    { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
    [1, 3],
  ),
  LogSoftmax: operator(1, { axis: int(-1) }),
  LRN: operator(1, { alpha: float(1e-4), beta: float(0.75), bias: float(1), size: int() }),
  RMSNormalization: operator(2, { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) }),
  // ONNX Runtime's name for RMSNormalization from before operator set 23.
  SimplifiedLayerNormalization: operator(
    2,
    { axis: int(-1), epsilon: float(1e-5), stash_type: int(1) },
    [1, 2],
  ),
  Softmax: operator(1, { axis: int(-1) }),

  // loss
  NegativeLogLikelihoodLoss: operator([2, 3], { ignore_index: int(), reduction: string('mean') }),
  SoftmaxCrossEntropyLoss: operator(
    [2, 3],
    { ignore_index: int(), reduction: string('mean') },
    [1, 2],
  ),

  // reduction
  ArgMax: argument,
  ArgMin: argument,
  CumSum: operator(2, { exclusive: int(0), reverse: int(0) }),
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceLogSum: reduction,
  ReduceLogSumExp: reduction,
  ReduceMax: reduction,
  ReduceMean: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceSum: reduction,
  ReduceSumSquare: reduction,
  TopK: operator(2, { axis: int(-1), largest: int(1), sorted: int(1) }, 2),

  // shape
  Cast: operator(1, { to: int(), saturate: int(1), round_mode: string('up') }),
  CastLike: operator(2, { saturate: int(1), round_mode: string('up') }),
  Concat: operator([1, many], { axis: int() }),
  Constant: operator(0, { value: tensor }),
  ConstantOfShape: operator(1, { value: tensor }),
  DepthToSpace: operator(1, { blocksize: int(), mode: string('DCR') }),
  Expand: binary,
  Flatten: operator(1, { axis: int(1) }),
  Gather: operator(2, { axis: int(0) }),
  GatherElements: operator(2, { axis: int(0) }),
  GatherND: operator(2, { batch_dims: int(0) }),
  GridSample: operator(2, {
    align_corners: int(0),
    mode: string('linear'),
    padding_mode: string('zeros'),
  }),
  NonZero: unary,
  OneHot: operator(3, { axis: int(-1) }),
  Pad: operator([2, 4], { mode: string('constant') }),
  Range: operator(3, {}),
  Reshape: operator(2, { allowzero: int(0) }),
  Resize: operator([1, 4], {
    antialias: int(0),
    axes: ints,
    coordinate_transformation_mode: string('half_pixel'),
    cubic_coeff_a: float(-0.75),
    exclude_outside: int(0),
    extrapolation_value: float(0),
    keep_aspect_ratio_policy: string('stretch'),
    mode: string('nearest'),
    nearest_mode: string('round_prefer_floor'),
  }),
  ScatterElements: operator(3, { axis: int(0), reduction: string('none') }),
  ScatterND: operator(3, { reduction: string('none') }),
  Shape: operator(1, { start: int(0), end: int() }),
  Size: unary,
  Slice: operator([3, 5], {}),
  SpaceToDepth: operator(1, { blocksize: int() }),
  Split: operator([1, 2], { axis: int(0), num_outputs: int() }, [1, many]),
  Squeeze: operator([1, 2], {}),
  Tile: binary,
  Transpose: operator(1, { perm: ints }),
  Trilu: operator([1, 2], { upper: int(1) }),
  Unsqueeze: binary,

  // ONNX Runtime's own operators on its blocked layout, [N, C / block, H, W, block]; absent from some builds.
  'com.microsoft.nchwc.AveragePool': operator(1, { ...window, count_include_pad: int(0) }),
  'com.microsoft.nchwc.Conv': operator([2, 4], {
    ...convolution,
    activation: string(),
    activation_params: floats,
  }),
  'com.microsoft.nchwc.GlobalAveragePool': unary,
  'com.microsoft.nchwc.MaxPool': operator(1, window),
  'com.microsoft.nchwc.ReorderInput': operator(1, { channels_last: int(0) }),
  'com.microsoft.nchwc.ReorderOutput': operator(1, { channels: int(), channels_last: int(0) }),
  'com.microsoft.nchwc.Upsample': operator(1, { scales: ints }),

  // Gradients that have no operator in ONNX. The rules emit them; a lowering replaces them before anything runs.
  'graft.AveragePoolGradient': operator(1, {
    count_include_pad: int(0),
    dims: ints,
    dilations: ints,
    kernel_shape: ints,
    output_dims: ints,
    pads: ints,
    strides: ints,
  }),
  'graft.BatchNormalization': operator(3, { epsilon: float(1e-5), dims: ints }, 3),
  'graft.BatchNormalizationGradient': operator(5, { dims: ints, epsilon: float(1e-5) }, 3),
  'graft.ChannelAffine': operator([2, 3], { dims: ints }),
  'graft.ChannelMoments': operator(1, { dims: ints }, 3),
  'graft.ChannelSum': operator(1, { dims: ints }),
  'graft.Conv': operator([2, 3], {
    dims: ints,
    dilations: ints,
    group: int(1),
    kernel_shape: ints,
    output_dims: ints,
    pads: ints,
    strides: ints,
  }),
  'graft.ConvInputGradient': operator(2, {
    dims: ints,
    dilations: ints,
    group: int(1),
    kernel_shape: ints,
    output_dims: ints,
    pads: ints,
    strides: ints,
  }),
  'graft.ConvWeightGradient': operator(2, {
    dims: ints,
    dilations: ints,
    group: int(1),
    kernel_shape: ints,
    output_dims: ints,
    pads: ints,
    strides: ints,
  }),
  'graft.MaxPoolGradient': operator(3, {
    dims: ints,
    dilations: ints,
    kernel_shape: ints,
    output_dims: ints,
    pads: ints,
    strides: ints,
  }),
} as const satisfies Readonly<Record<string, OperatorSpec>>

export type OperatorName = keyof typeof operators

type Specs<O extends OperatorName> = (typeof operators)[O]['attributes']

/** The attributes that a node of operator `O` may be given. */
export type AttributesOf<O extends OperatorName> = {
  readonly [A in keyof Specs<O>]?: Specs<O>[A] extends { type: infer T extends keyof Value }
    ? Value[T]
    : never
}

/** The attributes of a node of operator `O` after defaults: undefined where the specification has no default. */
export type AttributeValues<O extends OperatorName> = {
  readonly [A in keyof Specs<O>]: Specs<O>[A] extends {
    type: infer T extends keyof Value
    default: infer D
  }
    ? D extends undefined
      ? Value[T] | undefined
      : Value[T]
    : never
}

/** Whether the table has this operator, given as its key. */
export function isKnownOperator(key: string): key is OperatorName {
  return Object.hasOwn(operators, key)
}
