import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from './builder.ts'
import { continueFrom, cutAt } from './compose.ts'
import { float32 } from './tensor.ts'
import { verify } from './verify.ts'

describe('a graph in two parts', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 2])
  const w = builder.parameter('w', float32([2, 3], [1, -2, 3, 4, 5, -6]))
  const v = builder.parameter('v', float32([3, 2], [1, 0, 2, 1, 0, 3]))
  const middle = builder.op('Relu', [builder.op('MatMul', [x, w])])
  builder.output(builder.op('MatMul', [middle, v]))
  const graph = builder.build()
  const type = { type: 'float32', dims: [2, 3] } as const

  test('computes what the whole does, each with its own parameters', async () => {
    const [below, above] = [cutAt(graph, middle), continueFrom(graph, middle, type)]
    if (!above) throw new Error('no upper part')
    verify(below)
    verify(above)
    expect([...below.initializers.keys()]).toEqual(['w'])
    expect([...above.initializers.keys()]).toEqual(['v'])
    expect(above.inputs).toEqual([{ name: middle, type: 'float32', dims: ['N', 3] }])
    const given = float32([4, 2], [1, 2, -3, 4, 5, -6, 7, 8])
    const between = (await run(below, { x: given }))[middle]
    if (!between) throw new Error('no value')
    expect(await run(above, { [middle]: between })).toEqual(await run(graph, { x: given }))
  })

  test('has no upper one where that still reads the old input', () => {
    const reading = createBuilder('reading', { ...graph, outputs: [] })
    const rows = reading.op('Shape', ['x'], { end: 1 })
    const shape = reading.op('Concat', [rows, reading.int64s([3, 1])], { axis: 0 })
    reading.output(reading.op('Reshape', [middle, shape]))
    expect(continueFrom(reading.build(), middle, type)).toBeNull()
  })
})
