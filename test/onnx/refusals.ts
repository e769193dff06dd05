/**
 * What Graft refuses to read, of that in ONNX's tests which ONNX Runtime runs or which is older than ONNX Runtime: why, the
 * message, and the tests that have it.
 */
export const refusals: readonly {
  readonly why: string
  readonly message: RegExp
  readonly tests: readonly string[]
}[] = [
  {
    why: 'text is no input of a network that is trained: there is no element type for it',
    message: /^"\w+" has ONNX element type 8$/,
    tests: [
      'node/test_cast_STRING_to_FLOAT',
      'node/test_castlike_STRING_to_FLOAT',
      'node/test_castlike_STRING_to_FLOAT_expanded',
      'node/test_strnormalizer_export_monday_casesensintive_nochangecase',
      'node/test_strnormalizer_nostopwords_nochangecase',
      'simple/test_strnorm_model_monday_casesensintive_nochangecase',
      'simple/test_strnorm_model_nostopwords_nochangecase',
    ],
  },
  {
    why: 'the Scan of operator set 8 loops over the batch as well',
    message: /^Scan node "y" is in a form that ONNX gave up long ago/,
    tests: ['node/test_scan_sum'],
  },
  {
    why: 'until operator set 6 the slopes of PRelu belonged to the second axis: where that is depends on the rank',
    message: /^PRelu node "2" is in a form that ONNX gave up long ago/,
    tests: [
      'pytorch-converted/test_PReLU_1d',
      'pytorch-converted/test_PReLU_1d_multiparam',
      'pytorch-converted/test_PReLU_2d',
      'pytorch-converted/test_PReLU_2d_multiparam',
      'pytorch-converted/test_PReLU_3d',
      'pytorch-converted/test_PReLU_3d_multiparam',
    ],
  },
  {
    why: 'until operator set 6 an attribute said from which axis on to broadcast: where that is depends on the rank',
    message: /^Add node "2" is in a form that ONNX gave up long ago/,
    tests: [
      'pytorch-operator/test_operator_add_broadcast',
      'pytorch-operator/test_operator_add_size1_broadcast',
      'pytorch-operator/test_operator_add_size1_right_broadcast',
      'pytorch-operator/test_operator_add_size1_singleton_broadcast',
    ],
  },
]
