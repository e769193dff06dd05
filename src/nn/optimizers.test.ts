import { expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { adagrad } from './optimizers.ts'

test.each([
  { decay: 0, weightDecay: 0 },
  { decay: 0.5, weightDecay: 0.1 },
])('five steps of Adagrad are those of its definition: %o', async (options) => {
  const builder = createBuilder()
  const scalar = (name: string) => builder.input(name, 'float32', [])
  const vector = (name: string) => builder.input(name, 'float32', [2])
  const [parameter, gradient, sum] = [vector('parameter'), vector('gradient'), vector('sum')]
  const context = {
    builder,
    parameter,
    decays: true,
    reused: true,
    learningRate: scalar('rate'),
    step: scalar('step'),
  }
  let [update, state] = [gradient, [sum]]
  for (const transformation of adagrad({ epsilon: 0.01, ...options })) {
    const written = transformation.write(context, update, transformation.state.length ? state : [])
    update = written.update
    if (transformation.state.length > 0) state = [...written.state]
  }
  builder.output(builder.alias('next', builder.op('Add', [parameter, update])))
  builder.output(builder.alias('total', state[0] as string))
  const graph = builder.build()

  let [x, squares] = [
    [1, -2],
    [0, 0],
  ]
  let at: Tensor = float32([2], x)
  let total: Tensor = float32([2], squares)
  for (let step = 1; step <= 5; step++) {
    const slopes = x.map((value, i) => value * (i + 1) + Math.sin(step))
    const results = await run(graph, {
      parameter: at,
      sum: total,
      gradient: float32([2], slopes),
      rate: float32([], [0.3]),
      step: float32([], [step]),
    })
    ;[at, total] = [results.next as Tensor, results.total as Tensor]
    const regular = slopes.map((slope, i) => slope + options.weightDecay * (x[i] as number))
    squares = squares.map((square, i) => square + (regular[i] as number) ** 2)
    const rate = 0.3 / (1 + (step - 1) * options.decay)
    x = x.map(
      (value, i) =>
        value - (rate * (regular[i] as number)) / (Math.sqrt(squares[i] as number) + 0.01),
    )
    for (const [i, value] of x.entries()) expect(Number(at.data[i])).toBeCloseTo(value, 5)
    for (const [i, value] of squares.entries()) expect(Number(total.data[i])).toBeCloseTo(value, 4)
  }
})
