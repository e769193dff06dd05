import { augment } from '../data/augment.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { dense, sequential } from '../nn/layers.ts'
import { binaryCrossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import type { Random } from '../random.ts'
import { gentleAugmentation, toVector } from './classification.ts'
import { labelledOf } from './labelled.ts'
import { labelledIndices, type PretrainingMethod } from './method.ts'
import { batchSizeFor, pixelFeed, pixelInput, pixelNetwork, pretrainedFrom } from './networks.ts'
import { runPlan, wholeRate, wholeStep } from './plan.ts'

const partnersInput = 'graft.partners'

/**
 * Do two images show the same thing? (Bromley et al., 1993; Koch, Zemel and Salakhutdinov, 2015.) People can answer that who could not name it, so such labels are
 * easy to get. Two images go through one trunk, and an output layer reads how far apart their features are.
 */
export const pairs: PretrainingMethod = {
  name: 'pairs',
  variants: ['same'],
  epochs: 20,
  passes: 1,
  needs: 'labels',
  learnsFrom: async ({ labels }) => labelledIndices(labels).length,
  async *pretrain(options) {
    const { architecture, random } = options
    const { size, trunk } = architecture
    const known = labelledOf(options, 'pairs')
    const own = { ...options, images: known.images }
    const batchSize = batchSizeFor(own)
    const recipe = gentleAugmentation(size)
    const graph = pixelNetwork(size, random, (network, x) => {
      const { builder } = network
      const partners = builder.input(partnersInput, 'int64', [batchSize])
      const features = toVector(network, sequential(trunk)(network, x, ''), 'pool')
      const others = builder.op('Gather', [features.name, partners], { axis: 0 })
      const apart = builder.op('Abs', [builder.op('Sub', [features.name, others])])
      return [dense(1)(network, { ...features, name: apart }, 'answer').name]
    })
    const weights = float32([batchSize], new Float32Array(batchSize).fill(1))
    const learned = yield* runPlan(
      {
        step: {
          ...wholeStep(graph),
          loss: binaryCrossEntropy,
          inputs: {
            ...pixelInput(batchSize, architecture.size),
            [partnersInput]: { type: 'int64', dims: [batchSize] },
          },
        },
        batchSize,
        learningRate: wholeRate,
        feeds({ pixels, indices }, draws) {
          const labels = Array.from(indices, (index) => known.labels[index] as number)
          const partners = drawPartners(labels, draws)
          const same = partners.map((other, i) => (labels[other] === labels[i] ? 1 : 0))
          const chosen: Tensor = {
            type: 'int64',
            dims: [batchSize],
            data: BigInt64Array.from(partners, BigInt),
          }
          return {
            ...pixelFeed(augment(pixels, size, recipe, draws), batchSize, size),
            [partnersInput]: chosen,
            [targetsInput]: float32([batchSize, 1], same),
            [weightsInput]: weights,
          }
        },
      },
      own,
      'pairs',
      'pairs',
    )
    return pretrainedFrom(options, learned)
  },
}

/** Another image for each, of the same class in about half of the cases, as far as there is one. */
export function drawPartners(labels: readonly number[], random: Random): number[] {
  return labels.map((label, i) => {
    const wantsSame = random.uniform() < 0.5
    const others = labels.flatMap((other, j) =>
      j !== i && (other === label) === wantsSame ? [j] : [],
    )
    if (others.length > 0) return others[random.integer(others.length)] as number
    return (i + 1) % labels.length
  })
}
