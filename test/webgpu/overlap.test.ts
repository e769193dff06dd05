import { expect, test } from 'vitest'
import { createBuilder } from '../../src/graph/builder.ts'
import { float32 } from '../../src/graph/tensor.ts'
import { runtime } from '../../testing/runtime.ts'

/** Adds a number to a vector. */
function adding(value: number) {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [3])
  builder.output(builder.alias('y', builder.op('Add', [x, builder.scalar(value)])))
  return runtime.createSession(builder.build())
}

test('sessions may be made, run and released at the same time', async () => {
  const results = await Promise.all(
    [1, 2, 3, 4].map(async (value) => {
      const session = await adding(value)
      const runs = [10, 20].map((x) => session.run({ x: float32([3], [x, x, x]) }))
      const values = (await Promise.all(runs)).map(({ y }) => y?.data[2])
      await session.release()
      return values
    }),
  )
  expect(results).toEqual([
    [11, 21],
    [12, 22],
    [13, 23],
    [14, 24],
  ])
})
