import { putTap, tapOf } from '../autodiff/tap-products.ts'
import { GraftError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import {
  elementTypes,
  float32,
  sizeOf,
  type Tensor,
  type TypedArray,
  zeros,
} from '../graph/tensor.ts'
import type { Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { averageState } from './averaging.ts'
import { type CompiledStep, compiledStep } from './compiled-steps.ts'
import { drawMask } from './dropout.ts'
import { toChannelOrder, toPixelOrder } from './kernel-order.ts'
import { afterSteps, beforeSteps, countInput, ofEveryStep } from './several-steps.ts'
import { type Carried, learningRateInput, stepInput } from './update.ts'
import type { StepOptions } from './write-step.ts'

export type StepResult = { readonly loss: number; readonly gradientNorm: number }

/** What one step is made on. */
export type StepBatch = {
  /** The network's inputs, and `targetsInput` and `weightsInput` of its loss. */
  readonly feeds: Readonly<Record<string, Tensor>>
  readonly learningRate: number
}

/** A compiled training step with the parameters and optimizer state that it carries from run to run. */
export type TrainingStep = {
  /** The most steps that one call of `runAll` makes. */
  readonly capacity: number
  /**
   * One step after the other: forward, loss, backward, update.
   *
   * @param batches at most `capacity`; each is copied before the next is asked for
   * @param random draws the dropout masks
   */
  runAll(batches: Iterable<StepBatch>, random: Random): Promise<readonly StepResult[]>
  /** A single step; several in one call take less time each. */
  run(
    feeds: StepBatch['feeds'],
    settings: { readonly learningRate: number; readonly random: Random },
  ): Promise<StepResult>
  /** Copies of the trained parameters and running statistics, by name, in their own dimensions. */
  parameters(): Map<string, Tensor>
  /** Copies of the moving averages of what `parameters` returns; null where the step was compiled without `averaging`. */
  averages(): Map<string, Tensor> | null
  /** Copies of all that the step carries, for a checkpoint. */
  state(): Map<string, Tensor>
  /** Takes up a state that `state` returned. */
  restore(state: ReadonlyMap<string, Tensor>): void
  /** Starts anew: from these parameters, or from those of the network where one is not given, with fresh optimizer state. */
  reset(parameters?: ReadonlyMap<string, Tensor>): void
  /** To be called at the end; what was compiled may be kept for the next step that is equal to it. */
  release(): Promise<void>
}

/**
 * Compiles forward pass, loss, backward pass and parameter update into one session, or takes an equal one that was compiled before.
 *
 * @throws GraftError `bad-input` for an unknown parameter, `unsupported` where an operator on the way has no gradient
 */
export async function compileStep(options: StepOptions, runtime: Runtime): Promise<TrainingStep> {
  const { compiled, release } = await compiledStep(options, runtime)
  return createStep(compiled, options.graph, release)
}

function createStep(
  { session, capacity, inPlace, written }: CompiledStep,
  network: Graph,
  release: TrainingStep['release'],
): TrainingStep {
  const { graph, carried, masks, byPixel, taps } = written
  const dimsOf = (parameter: string) => (network.initializers.get(parameter) as Tensor).dims
  const first = (parameter: string) =>
    (network.initializers.get(parameter) as Tensor).data as Float32Array
  const tapsOf = (parameter: string) => taps.get(parameter)?.length as number
  /** Fills a carried vector with the values of its parts; zeros where there are none. */
  const fill = (
    { parts }: Carried,
    target: Tensor,
    valuesOf: (parameter: string) => Float32Array | null,
  ) => {
    const data = target.data as Float32Array
    for (const { parameter, offset, size, tap } of parts) {
      const values = valuesOf(parameter)
      if (!values) data.fill(0, offset, offset + size)
      else if (tap !== undefined) data.set(tapOf(values, tap, tapsOf(parameter)), offset)
      else {
        const ordered = byPixel.has(parameter) ? toPixelOrder(values, dimsOf(parameter)) : values
        data.set(ordered, offset)
      }
    }
  }
  /** Copies of the values of each parameter that is carried as this state, in the order of its own dimensions. */
  const carriedAs = (state: string | undefined) => {
    const all = new Map<string, Float32Array>()
    carried.forEach((value, index) => {
      if (value.state !== state) return
      for (const { parameter, offset, size, tap } of value.parts) {
        const data = current[index]?.data as Float32Array
        const values = data.slice(offset, offset + size)
        if (tap !== undefined) {
          const count = tapsOf(parameter)
          const whole = all.get(parameter) ?? new Float32Array(size * count)
          putTap(whole, values, tap, count)
          all.set(parameter, whole)
        } else {
          const isTurned = byPixel.has(parameter)
          all.set(parameter, isTurned ? toChannelOrder(values, dimsOf(parameter)) : values)
        }
      }
    })
    return all
  }
  /** The same in the dimensions of the parameters. */
  const tensorsOf = (state: string | undefined) =>
    new Map(
      [...carriedAs(state)].map(([parameter, values]) => [
        parameter,
        float32(dimsOf(parameter), values),
      ]),
    )
  const initial = (value: Carried): Tensor => {
    const tensor = zeros('float32', [value.size])
    if (value.first === 'parameter') fill(value, tensor, first)
    return tensor
  }
  // What is not written in place is handed over in new memory, which is fed to the next call.
  let current = carried.map(initial)
  const states = new Set(carried.map(({ input }) => input))
  const fed = graph.inputs.flatMap(({ name, type, dims }) => {
    if (states.has(name)) return []
    return [{ name, type, dims, all: zeros(type, [capacity, ...(dims as number[])]) }]
  })
  const count = zeros('int64', [])
  let steps = 0
  const key = (parameter: string, state: string | undefined) =>
    state === undefined ? parameter : `${parameter} ${state}`
  const copyIn = (index: number, values: Readonly<Record<string, TypedArray>>) => {
    for (const { name, type, dims, all } of fed) {
      const given = values[name]
      const isWide = type === 'int32' && given instanceof BigInt64Array
      const data = isWide ? Int32Array.from(given, Number) : given
      const size = sizeOf(dims as number[])
      if (data?.constructor !== elementTypes[type].array || data.length !== size) {
        throw new GraftError(
          'bad-input',
          `the step needs "${name}" as ${type} [${dims.join(', ')}]`,
        )
      }
      ;(all.data as Uint8Array).set(data as Uint8Array, index * size)
    }
  }

  const runAll: TrainingStep['runAll'] = async (batches, random) => {
    let made = 0
    for (const { feeds, learningRate } of batches) {
      if (made === capacity) {
        throw new GraftError('internal', `more than ${capacity} steps were asked of one call`)
      }
      const values: Record<string, TypedArray> = {
        [learningRateInput]: Float32Array.of(learningRate),
        [stepInput]: Float32Array.of(steps + made + 1),
      }
      for (const name in feeds) values[name] = (feeds[name] as Tensor).data
      for (const mask of masks) values[mask.input] = drawMask(mask, random).data
      copyIn(made++, values)
    }
    if (made === 0) return []
    steps += made
    count.data[0] = BigInt(made)
    const all: Record<string, Tensor> = { [countInput]: count }
    for (const { name, all: stacked } of fed) all[ofEveryStep(name)] = stacked
    carried.forEach(({ input }, index) => {
      all[beforeSteps(input)] = current[index] as Tensor
    })
    const into: Record<string, Tensor> = {}
    if (inPlace) {
      carried.forEach(({ output }, index) => {
        into[afterSteps(output)] = current[index] as Tensor
      })
    }
    const results = await session.run(all, undefined, into)
    current = carried.map(({ output }) => results[afterSteps(output)] as Tensor)
    const ofStep = (name: string, index: number) => Number(results[ofEveryStep(name)]?.data[index])
    return Array.from({ length: made }, (_, index) => ({
      loss: ofStep(written.loss, index),
      gradientNorm: Math.sqrt(
        written.gradientSquares.reduce((sum, square) => sum + ofStep(square, index), 0),
      ),
    }))
  }

  return {
    capacity,
    runAll,
    async run(feeds, { learningRate, random }) {
      const [result] = await runAll([{ feeds, learningRate }], random)
      return result as StepResult
    },
    parameters: () => tensorsOf(undefined),
    averages: () =>
      carried.some(({ state }) => state === averageState) ? tensorsOf(averageState) : null,
    state() {
      const saved = new Map<string, Tensor>()
      for (const state of new Set(carried.map((value) => value.state))) {
        for (const [parameter, values] of carriedAs(state)) {
          saved.set(key(parameter, state), float32([values.length], values))
        }
      }
      return saved.set('steps', float32([], [steps]))
    },
    restore(state) {
      steps = Number(state.get('steps')?.data[0] ?? 0)
      carried.forEach((value, index) => {
        fill(value, current[index] as Tensor, (parameter) => {
          const name = key(parameter, value.state)
          const saved = state.get(name)
          if (!saved) throw new GraftError('bad-input', `the checkpoint has no "${name}"`)
          const size = sizeOf(dimsOf(parameter))
          if (saved.data.length !== size) {
            throw new GraftError(
              'bad-input',
              `the checkpoint has ${saved.data.length} values of "${name}" where there are ${size}: it is of another network`,
            )
          }
          return saved.data as Float32Array
        })
      })
    },
    reset(parameters) {
      steps = 0
      carried.forEach((value, index) => {
        fill(value, current[index] as Tensor, (parameter) =>
          value.first === 'parameter'
            ? ((parameters?.get(parameter)?.data as Float32Array) ?? first(parameter))
            : null,
        )
      })
    },
    release,
  }
}
