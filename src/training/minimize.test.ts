import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { type Differentiable, minimize } from './minimize.ts'

/** How often a function is called. */
function counted(objective: Differentiable): { objective: Differentiable; calls(): number } {
  let calls = 0
  return {
    calls: () => calls,
    objective: (point) => {
      calls++
      return objective(point)
    },
  }
}

/** Half the sum of `curvature * (x - centre)^2`. */
const bowl =
  (curvatures: readonly number[], centre: readonly number[]): Differentiable =>
  async (point) => {
    const away = point.map((x, i) => x - (centre[i] as number))
    const gradient = away.map((x, i) => x * (curvatures[i] as number))
    return {
      value: gradient.reduce((sum, g, i) => sum + (g * (away[i] as number)) / 2, 0),
      gradient,
    }
  }

const rosenbrock: Differentiable = async ([x = 0, y = 0]) => ({
  value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
})

test('finds the centre of every bowl, however long it is', async () => {
  const curvature = fc.double({ min: 0.01, max: 100, noNaN: true })
  const place = fc.double({ min: -10, max: 10, noNaN: true })
  const axes = fc.array(fc.tuple(curvature, place), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(axes, async (given) => {
      const [curvatures, centre] = [given.map(([c]) => c), given.map(([, x]) => x)]
      const found = await minimize(bowl(curvatures, centre), new Float64Array(given.length), {
        tolerance: 1e-6,
        iterations: 500,
      })
      expect(found.slope).toBeLessThanOrEqual(1e-6)
      for (const [i, x] of found.point.entries()) expect(x).toBeCloseTo(centre[i] as number, 3)
    }),
    { numRuns: 50 },
  )
})

test('follows the bent valley of Rosenbrock in far fewer steps than gradient descent', async () => {
  const found = await minimize(rosenbrock, Float64Array.of(-1.2, 1), { tolerance: 1e-8 })
  expect(found.point[0]).toBeCloseTo(1, 6)
  expect(found.point[1]).toBeCloseTo(1, 6)
  expect(found.iterations).toBeLessThan(60)
})

describe('it ends', () => {
  test('at once where it starts at the minimum', async () => {
    const { objective, calls } = counted(bowl([1, 2], [3, 4]))
    const found = await minimize(objective, Float64Array.of(3, 4))
    expect(found).toMatchObject({ iterations: 0, value: 0, slope: 0 })
    expect(calls()).toBe(1)
  })

  test('after the iterations that it may make', async () => {
    const found = await minimize(rosenbrock, Float64Array.of(-1.2, 1), { iterations: 3 })
    expect(found.iterations).toBe(3)
    expect(found.value).toBeLessThan(24.2)
  })

  test('where the slope is nothing but rounding noise, at a point no worse than any before', async () => {
    const random = createRandom(1)
    const noisy: Differentiable = async (point) => {
      const { value, gradient } = await bowl([1, 1], [1, 1])(point)
      return { value, gradient: gradient.map((g) => g + 1e-3 * random.normal()) }
    }
    const found = await minimize(noisy, new Float64Array(2), { tolerance: 1e-9, iterations: 1000 })
    expect(found.value).toBeLessThan(1e-4)
  })

  test('with a function that is not finite beside the start', async () => {
    const wall: Differentiable = async ([x = 0]) => ({
      value: x < 1 ? -x - Math.log(1 - x) / 10 : Number.NaN,
      gradient: Float64Array.of(-1 + 0.1 / (1 - x)),
    })
    const found = await minimize(wall, Float64Array.of(0), { tolerance: 1e-6 })
    expect(found.point[0]).toBeCloseTo(0.9, 4)
  })
})

test('the start is left as it was', async () => {
  const start = Float64Array.of(-1.2, 1)
  await minimize(rosenbrock, start)
  expect(start).toEqual(Float64Array.of(-1.2, 1))
})
