import { expect, test } from 'vitest'
import { checkGradient } from '../../../testing/check-gradient.ts'
import type { Draw } from '../../../testing/generate.ts'
import { operatorGraph } from '../../../testing/operator-graph.ts'
import { vjp } from '../../../testing/runtime.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { createBuilder } from '../../graph/builder.ts'
import { float32, int64, type Tensor } from '../../graph/tensor.ts'
import { createRandom } from '../../random.ts'
import { lossRules } from './losses.ts'

/** Scores of up to three spatial axes, with a target for each position. */
function scores(d: Draw) {
  const [batch, classes] = [d.integer(1, 4), d.integer(2, 5)]
  const positions = d.dims(0, 3, 3)
  return {
    classes,
    scores: d.normal([batch, classes, ...positions]),
    labels: d.indices([batch, ...positions], classes),
  }
}

/** The same targets, of which the first is ignored although it is no class; the second is not. */
function withIgnored(labels: Tensor, ignored: number): Tensor {
  const data = (labels.data as BigInt64Array).slice()
  if (data.length > 1) data[0] = BigInt(ignored)
  return { ...labels, data }
}

const weightsOf = (d: Draw, classes: number) => d.between([classes], 0.5, 2)

/** Each kind of case with each reduction. */
const cases = Object.fromEntries(
  (['none', 'sum', 'mean'] as const).flatMap((reduction) => [
    [
      `${reduction}, with equal weights`,
      (d: Draw) => {
        const drawn = scores(d)
        return { inputs: [drawn.scores, drawn.labels], attributes: { reduction } }
      },
    ],
    [
      `${reduction}, with class weights`,
      (d: Draw) => {
        const drawn = scores(d)
        const inputs = [drawn.scores, drawn.labels, weightsOf(d, drawn.classes)]
        return { inputs, attributes: { reduction }, fixed: [2] }
      },
    ],
    [
      `${reduction}, with a target that is ignored`,
      (d: Draw) => {
        const drawn = scores(d)
        const ignored = d.one(-1, -100, drawn.classes + 5)
        const weights = d.boolean() ? [weightsOf(d, drawn.classes)] : []
        return {
          inputs: [drawn.scores, withIgnored(drawn.labels, ignored), ...weights],
          attributes: { ignore_index: ignored, reduction },
          fixed: [2],
        }
      },
    ],
    [
      `${reduction}, with targets of int32`,
      (d: Draw) => {
        const drawn = scores(d)
        const data = Int32Array.from(drawn.labels.data as BigInt64Array, Number)
        const labels: Tensor = { type: 'int32', dims: drawn.labels.dims, data }
        const attributes = { ignore_index: drawn.classes, reduction }
        return { inputs: [drawn.scores, labels], attributes }
      },
    ],
  ]),
)

testRules(lossRules, { NegativeLogLikelihoodLoss: cases, SoftmaxCrossEntropyLoss: cases })

test.each([
  [true, false],
  [false, true],
  [true, true],
])(
  'the loss and the logarithms of the probabilities have gradients: %s, %s',
  async (first, second) => {
    const builder = createBuilder()
    const x = builder.input('x', 'float32', [3, 4, 2])
    const labels = builder.constant(int64([3, 2], [0, 3, 1, 1, 2, 0]))
    const [loss, logProbabilities] = builder.ops('SoftmaxCrossEntropyLoss', [x, labels], {}, 2)
    if (first) builder.output(loss as string)
    if (second) builder.output(logProbabilities as string)
    const random = createRandom(1)
    const values = Array.from({ length: 24 }, () => random.normal())
    await checkGradient(builder.build(), { x: float32([3, 4, 2], values) }, random)
  },
)

test('class weights have no gradient, as ONNX says', async () => {
  const { graph, inputs } = operatorGraph('NegativeLogLikelihoodLoss', {
    inputs: [float32([1, 2], [1, 2]), int64([1], [0]), float32([2], [1, 2])],
  })
  const [loss] = graph.outputs
  const thrown = vjp(graph, inputs, { [loss?.name as string]: float32([], [1]) }, ['x2'])
  await expect(thrown).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/^NegativeLogLikelihoodLoss node .*weights of the classes$/),
  })
})
