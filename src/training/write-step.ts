import { exposeBatchStatistics, type RunningStatistic } from '../autodiff/batch-statistics.ts'
import { differentiate } from '../autodiff/differentiate.ts'
import { foldBatchStatistics } from '../autodiff/fold-batch-statistics.ts'
import { foldNormalization } from '../autodiff/fold-normalization.ts'
import { mergeNodes } from '../autodiff/merge-nodes.ts'
import { swapReluPooling } from '../autodiff/swap-relu-pooling.ts'
import { type KernelTaps, writeTapProducts } from '../autodiff/tap-products.ts'
import { exposeTrainedConvolutions } from '../autodiff/trained-convolutions.ts'
import { GraftError } from '../errors.ts'
import { createBuilder, type GraphBuilder, rebuild } from '../graph/builder.ts'
import { countMultiplyAdds } from '../graph/cost.ts'
import { type Attributes, type Graph, pruneTo } from '../graph/graph.ts'
import { byteSize, sizeOf, type Tensor } from '../graph/tensor.ts'
import { type LoweringName, lowerOn } from '../runtime/lowering.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import { type Adversary, differentiateBoth, outputsOf } from './adversary.ts'
import { attachLoss, type NetworkWithLoss } from './attach-loss.ts'
import { type Averaging, writeAverages } from './averaging.ts'
import { type DropoutMask, feedDropout } from './dropout.ts'
import { carriedByPixel } from './kernel-order.ts'
import { withNormalizationModes } from './normalization-layers.ts'
import { type Carried, packed, type Trainable, type UpdateOptions, writeUpdate } from './update.ts'

export type StepOptions = UpdateOptions &
  NetworkWithLoss & {
    /** The parameters to train; all others are frozen, that is, constants of the compiled step. */
    readonly trainable: readonly string[]
    /**
     * Which batch normalizations use the statistics of the batch and keep running ones: all, none, or those of these names (see
     * `normalizationLayers`). The statistics of all others are frozen. Default: as the file says, which is none unless it was exported
     * in training mode.
     */
    readonly batchStatistics?: boolean | ReadonlySet<string>
    /** Some of the trained parameters may be trained against the others; default none. */
    readonly adversary?: Adversary
    /** Keeps moving averages of the trained parameters and running statistics; default none. */
    readonly averaging?: Averaging
    /** Default: `auto`. */
    readonly lowering?: LoweringName
  }

export type WrittenStep = {
  readonly graph: Graph
  /** Of the forward pass. */
  readonly multiplyAdds: number
  readonly loss: string
  /** Scalars whose sum is the square of the gradient's norm. */
  readonly gradientSquares: readonly string[]
  readonly carried: readonly Carried[]
  /** The kernels that are carried as [F, height, width, C]. */
  readonly byPixel: ReadonlySet<string>
  /** The kernels whose taps are carried one by one. */
  readonly taps: KernelTaps
  readonly masks: readonly DropoutMask[]
  /** What all values of both passes take together; less is needed at any one time. */
  readonly bytes: number
}

/** The training step as a graph. */
export async function writeStep(options: StepOptions, runtime: Runtime): Promise<WrittenStep> {
  const { graph, trainable } = options
  for (const name of trainable) {
    if (!graph.initializers.has(name)) {
      throw new GraftError('bad-input', `the network has no parameter "${name}"`)
    }
  }
  const { adversary } = options
  const withLoss = await attachLoss(options, runtime, adversary ? outputsOf(adversary) : [])
  const typed = await inferTypes(withLoss.graph, withLoss.inputs, runtime)
  const swapped = swapReluPooling(mergeNodes(typed.graph), typed.types)
  const { graph: masked, masks } = feedDropout(swapped.graph, swapped.types)
  const { batchStatistics } = options
  const mode =
    batchStatistics === undefined ? masked : withNormalizationModes(masked, batchStatistics)
  const exposed = exposeBatchStatistics(mode, swapped.types)
  const { statistics } = exposed
  const apart = writeTapProducts(exposed.graph, exposed.types, new Set(adversary ? [] : trainable))
  const { taps } = apart
  const trained = trainable.flatMap((name) => taps.get(name) ?? [name])
  const byPixel = carriedByPixel(apart.graph, apart.types, trained)
  const frozen = foldNormalization(apart.graph, apart.types, new Set(trained), byPixel)
  const { graph: forward, types } = foldBatchStatistics(frozen.graph, frozen.types)

  const seeded = createBuilder(forward.name, forward)
  const seeds = new Map([[withLoss.loss, seeded.scalar(1)]])
  const ready = { graph: seeded.build(), types }
  const derivatives = adversary
    ? differentiateBoth(ready, seeds, trained, adversary)
    : differentiate(ready.graph, types, seeds, trained)
  const { graph: backward, gradients } = derivatives

  const builder = createBuilder(backward.name, backward)
  const parameters = trainable.flatMap((name): Trainable[] => {
    const { dims } = graph.initializers.get(name) as Tensor
    const pieces = taps.get(name) ?? [name]
    if (!pieces.some((piece) => gradients.get(piece))) {
      throw new GraftError('bad-input', `the loss does not depend on the parameter "${name}"`)
    }
    const size = sizeOf(dims) / pieces.length
    const flat = builder.int64s([size])
    return pieces.map((piece, tap) => {
      const gradient = gradients.get(piece)
      const ordered =
        gradient && byPixel.has(name)
          ? builder.op('Transpose', [gradient], { perm: [0, 2, 3, 1] })
          : gradient
      return {
        name,
        dims,
        size,
        ...(taps.has(name) && { tap }),
        // A tap that lies on padding everywhere moves by weight decay and momentum alone.
        gradient: ordered
          ? builder.op('Reshape', [ordered, flat])
          : builder.op('Expand', [builder.scalar(0), flat]),
      }
    })
  })
  const update = writeUpdate(builder, parameters, options)
  const { carried } = update
  // Elsewhere it takes longer to fetch a result than to add up.
  const gradientSquares =
    runtime.device === 'cpu' ? update.gradientSquares : [builder.op('Sum', update.gradientSquares)]
  const running = statistics.length === 0 ? [] : [carriedStatistics(builder, statistics, graph)]
  const averages = options.averaging
    ? writeAverages(
        builder,
        [...carried.filter(({ state }) => state === undefined), ...running],
        options.averaging,
      )
    : []
  const all = [...carried, ...running, ...averages]
  const outputs = [withLoss.loss, ...gradientSquares, ...all.map(({ output }) => output)]
  const complete = exposeTrainedConvolutions(thawed(builder, all, graph, { byPixel, taps }), types)
  const lowered = await lowerOn(
    runtime,
    pruneTo(
      complete,
      outputs.map((name) => ({ name })),
    ),
    derivatives.types,
    options.lowering,
  )
  const names = lowered.outputs.map(({ name }) => name)
  return {
    graph: lowered,
    multiplyAdds: countMultiplyAdds(typed.graph, typed.types),
    loss: names[0] as string,
    gradientSquares: names.slice(1, 1 + gradientSquares.length),
    carried: all.map((value, index) => ({
      ...value,
      output: names[index + 1 + gradientSquares.length] as string,
    })),
    byPixel,
    taps,
    masks,
    bytes: [...derivatives.types.values()].reduce((sum, type) => sum + byteSize(type), 0),
  }
}

/** The running statistics of all layers in one vector. */
function carriedStatistics(
  builder: GraphBuilder,
  statistics: readonly RunningStatistic[],
  network: Graph,
): Carried {
  const { parts, size } = packed(
    statistics.map(({ parameter }) => ({
      name: parameter,
      size: sizeOf((network.initializers.get(parameter) as Tensor).dims),
    })),
  )
  const input = builder.input(builder.fresh('running statistics flat'), 'float32', [size])
  const output = builder.op(
    'Concat',
    statistics.map(({ updated }) => updated),
    { axis: 0 },
  )
  return { parts, first: 'parameter', input, output, size }
}

/** Turns carried parameters from initializers into views of their flat inputs. */
function thawed(
  builder: GraphBuilder,
  carried: readonly Carried[],
  network: Graph,
  { byPixel, taps }: Pick<WrittenStep, 'byPixel' | 'taps'>,
): Graph {
  const grown = builder.build()
  const initializers = new Map(grown.initializers)
  const views = rebuild(grown)
  const view = (
    parameter: string,
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
  ) =>
    views.append({
      name: `${parameter} view`,
      operator,
      domain: '',
      inputs,
      outputs: [parameter],
      attributes,
    })
  for (const { parts, state, input } of carried) {
    if (state !== undefined) continue
    const sizes = () => views.int64s(parts.map(({ size }) => size))
    const flat =
      parts.length === 1 ? [input] : views.ops('Split', [input, sizes()], { axis: 0 }, parts.length)
    parts.forEach(({ parameter, tap }, index) => {
      const name = tap === undefined ? parameter : (taps.get(parameter)?.[tap] as string)
      initializers.delete(name)
      const { dims } = network.initializers.get(parameter) as Tensor
      const own = flat[index] as string
      if (tap !== undefined) {
        view(name, 'Reshape', [own, views.int64s(dims.slice(0, 2))])
      } else if (byPixel.has(parameter)) {
        const [filters, channels, ...spatial] = dims as [number, number, ...number[]]
        const order = views.int64s([filters, ...spatial, channels])
        const perm = { type: 'ints', value: [0, 3, 1, 2] } as const
        view(parameter, 'Transpose', [views.op('Reshape', [own, order])], { perm })
      } else {
        view(parameter, 'Reshape', [own, views.int64s(dims)])
      }
    })
  }
  return { ...grown, initializers, nodes: [...views.build().nodes, ...grown.nodes] }
}
