import { type AugmentationRecipe, augment, isPhotographic } from '../data/augment.ts'
import type { Size } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { activations, batchNormalization, dense, sequential, type Value } from '../nn/layers.ts'
import { crossEntropy, type Loss, ownLoss, targetsInput, weightsInput } from '../nn/losses.ts'
import { toVector } from './classification.ts'
import type { PretrainingMethod, PretrainingOptions } from './method.ts'
import {
  batchSizeFor,
  ownLossFeeds,
  pixelFeed,
  pixelInput,
  pixelNetwork,
  pretrainedFrom,
} from './networks.ts'
import { type Plan, runPlan, wholeRate, wholeStep } from './plan.ts'
import { createFeatureCheck } from './probe.ts'

/** Below this spread of the features all images look alike. */
const collapsed = 0.01
const temperature = 0.2
const projection = 128

/** A loss on embeddings [2N, D], the two views of an image N rows apart. */
type Objective = {
  readonly loss: Loss
  write(builder: GraphBuilder, embeddings: Value, pairs: number): string
  feeds(pairs: number): Readonly<Record<string, Tensor>>
}

const objectives: Readonly<Record<string, Objective>> = {
  // Chen et al. (2020): which of all other views is of the same image? The classes are the rows.
  simclr: {
    loss: crossEntropy(),
    write(builder, { name }, pairs) {
      const rows = 2 * pairs
      const squares = builder.op('ReduceSumSquare', [name, builder.int64s([1])], { keepdims: 1 })
      const norm = builder.op('Sqrt', [builder.op('Add', [squares, builder.scalar(1e-8)])])
      const unit = builder.op('Div', [name, norm])
      const across = builder.op('Transpose', [unit], { perm: [1, 0] })
      const cosines = builder.op('MatMul', [unit, across])
      const scaled = builder.op('Mul', [cosines, builder.scalar(1 / temperature)])
      const self = new Float32Array(rows * rows)
      for (let i = 0; i < rows; i++) self[i * rows + i] = -1e9
      return builder.op('Add', [scaled, builder.constant(float32([rows, rows], self))])
    },
    feeds(pairs) {
      const rows = 2 * pairs
      const targets = BigInt64Array.from({ length: rows }, (_, i) => BigInt((i + pairs) % rows))
      return {
        [targetsInput]: { type: 'int64', dims: [rows], data: targets },
        [weightsInput]: float32([rows], new Float32Array(rows).fill(1)),
      }
    },
  },
  // Bardes, Ponce and LeCun (2022): views agree, each dimension keeps its variance, and no two say the same.
  vicreg: {
    loss: ownLoss,
    write(builder, { name, dims }, pairs) {
      const columns = dims[0] as number
      const [a, b] = builder.ops('Split', [name, builder.int64s([pairs, pairs])], { axis: 0 }, 2)
      const mean = (value: string) => builder.op('ReduceMean', [value], { keepdims: 0 })
      const squared = (value: string) => builder.op('Mul', [value, value])
      const apart = mean(squared(builder.op('Sub', [a, b])))
      const ofView = (view: string | undefined) => {
        const zero = builder.int64s([0])
        const centred = builder.op('Sub', [
          view,
          builder.op('ReduceMean', [view, zero], { keepdims: 1 }),
        ])
        const across = builder.op('Transpose', [centred], { perm: [1, 0] })
        const covariance = builder.op('Mul', [
          builder.op('MatMul', [across, centred]),
          builder.scalar(1 / (pairs - 1)),
        ])
        const variances = builder.op('Mul', [
          builder.op('ReduceSum', [squared(centred), zero], { keepdims: 0 }),
          builder.scalar(1 / (pairs - 1)),
        ])
        const deviations = builder.op('Sqrt', [
          builder.op('Add', [variances, builder.scalar(1e-4)]),
        ])
        const short = builder.op('Relu', [builder.op('Sub', [builder.scalar(1), deviations])])
        const others = new Float32Array(columns * columns).fill(1)
        for (let k = 0; k < columns; k++) others[k * columns + k] = 0
        const off = builder.op('Mul', [
          covariance,
          builder.constant(float32([columns, columns], others)),
        ])
        const total = builder.op('ReduceSum', [squared(off)], { keepdims: 0 })
        const redundancy = builder.op('Mul', [total, builder.scalar(1 / columns)])
        return builder.op('Add', [
          builder.op('Mul', [mean(short), builder.scalar(12.5)]),
          redundancy,
        ])
      }
      const agreement = builder.op('Mul', [apart, builder.scalar(25)])
      const loss = builder.op('Add', [builder.op('Add', [agreement, ofView(a)]), ofView(b)])
      return builder.op('Reshape', [loss, builder.int64s([1])])
    },
    feeds: () => ownLossFeeds(1),
  },
}

/** What an image keeps in every view is all that is learned: so views differ much. Those of photographs differ in colour and side too, those of digits and clothes do not. */
function viewAugmentation(size: Size): AugmentationRecipe {
  const photograph = isPhotographic(size)
  return {
    crop: 0.2,
    flip: photograph,
    shift: 0.1,
    turn: 15,
    brightness: 0.5,
    contrast: 0.5,
    saturation: photograph ? 0.4 : 0,
    gamma: 0.7,
    erase: 0.7,
  }
}

/**
 * Two augmented views of an image should look alike, and no others: SimCLR, or VICReg. The loss says nothing about transfer, so after each
 * epoch the features of the trunk are looked at: how far they spread over the images, and where there are labels to look at, how often
 * the nearest neighbour is of the same class. Features that are the same for all images end it.
 */
export const contrastive: PretrainingMethod = {
  name: 'contrastive',
  variants: ['simclr', 'vicreg'],
  epochs: 20,
  passes: 2,
  needs: null,
  async *pretrain(options) {
    const plan = contrastivePlan(options)
    const features = await createFeatureCheck(options)
    const watch: Plan['watch'] = async ({ parameters }) => {
      const { spread, neighbours } = await features.check(parameters())
      if (!(spread > collapsed)) {
        return {
          failure:
            'the features have collapsed, all images look alike: more varied images or another variant may help',
        }
      }
      const nearest =
        neighbours === null ? '' : `, nearest neighbour of the same class ${neighbours.toFixed(3)}`
      return { notice: `spread of the features ${spread.toFixed(3)}${nearest}` }
    }
    try {
      const learned = yield* runPlan({ ...plan, watch }, options, 'contrastive', 'contrastive')
      return pretrainedFrom(options, learned)
    } finally {
      await features.release()
    }
  },
}

/** How the trunk learns with a projector on top, which is left off in the end. */
export function contrastivePlan(options: PretrainingOptions): Plan {
  const { architecture, random, variant = 'simclr' } = options
  const { size, trunk } = architecture
  const objective = objectives[variant] as Objective
  const batchSize = batchSizeFor(options)
  if (batchSize < 2) throw new GraftError('bad-input', 'contrastive: needs two images at least')
  const { layer: relu, initializer } = activations.relu
  const graph = pixelNetwork(size, random, (network, x) => {
    const features = toVector(network, sequential(trunk)(network, x, ''), 'pool')
    const projector = sequential({
      first: dense(2 * projection, { initializer, bias: false }),
      norm: batchNormalization(),
      act: relu(),
      second: dense(projection),
    })
    const embeddings = projector(network, features, 'projector')
    return [objective.write(network.builder, embeddings, batchSize)]
  })
  const recipe = viewAugmentation(size)
  const fed = objective.feeds(batchSize)
  return {
    step: {
      ...wholeStep(graph),
      loss: objective.loss,
      inputs: pixelInput(2 * batchSize, size),
    },
    batchSize,
    learningRate: wholeRate,
    feeds({ pixels }, draws) {
      const views = new Uint8Array(2 * pixels.length)
      for (const view of [0, 1]) {
        const part = views.subarray(view * pixels.length, (view + 1) * pixels.length)
        augment(pixels, size, recipe, draws, part)
      }
      return { ...pixelFeed(views, 2 * batchSize, size), ...fed }
    },
  }
}
