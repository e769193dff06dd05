import { expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import { step, stepsBetween } from './step-function.ts'

/** What a fragment makes of some values. */
async function applied(
  write: (builder: ReturnType<typeof createBuilder>, x: string) => string,
  values: readonly number[],
) {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [values.length])
  builder.output(builder.alias('y', write(builder, x)))
  const { y } = await run(builder.build(), { x: float32([values.length], values) })
  return Array.from(y?.data ?? [], Number)
}

const least = 2 ** -126
const large = 3e38

test('a step is exact down to the least normal number', async () => {
  const values = [-large, -1, -least, 0, least, 1, large, Number.POSITIVE_INFINITY]
  expect(await applied((builder, x) => step(builder, x), values)).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
  expect(await applied((builder, x) => step(builder, x, 1), values)).toEqual([
    0, 0, 0, 1, 1, 1, 1, 1,
  ])
})

test.each([6, 1, 0.1, 20, 5.999])(
  'the steps between zero and %d tell the bound from the number before it',
  async (bound) => {
    const at = Math.fround(bound)
    const bits = new Uint32Array(Float32Array.of(at).buffer)
    const before = new Float32Array(Uint32Array.of((bits[0] as number) - 1).buffer)[0] as number
    const values = [0, at * 1e-6, at / 2, before, at]
    const result = await applied((builder, x) => stepsBetween(builder, x, bound), values)
    expect(result).toEqual([0, 1, 1, 1, 0])
  },
)
