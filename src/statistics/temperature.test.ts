import { expect, test } from 'vitest'
import { lossesAtBest, lossesByTemperature, temperatures } from './temperature.ts'

const one = temperatures.indexOf(1)

test('at temperature 1 it is the plain log loss, and infinite logits of others do no harm', () => {
  const losses = lossesByTemperature(
    [
      [Math.log(3), 0],
      [1000, -1000],
    ],
    [0, 0],
  )
  expect(losses[one]).toBeCloseTo(-Math.log(3 / 4) / 2, 12)
})

test('logits that are three powers too large are as good as they were at their own temperature', () => {
  const logits = [
    [1.5, 0, -1],
    [0.2, 0.9, 0.4],
    [0.5, 0.1, 0.3],
  ]
  const truth = [0, 1, 2]
  const plain = lossesByTemperature(logits, truth)
  const large = lossesByTemperature(
    logits.map((row) => row.map((value) => 2 * value)),
    truth,
  )
  for (let k = 2; k < temperatures.length; k++)
    expect(large[k]).toBeCloseTo(plain[k - 2] as number, 12)
})

test('one temperature serves all folds', () => {
  const sure = lossesByTemperature(
    [
      [9, 0],
      [0, 9],
    ],
    [0, 1],
  )
  const wrong = lossesByTemperature(
    [
      [9, 0],
      [0, 9],
    ],
    [1, 0],
  )
  const { temperature, losses } = lossesAtBest([sure, wrong])
  expect(temperature).toBe(temperatures.at(-1))
  expect(losses).toEqual([sure.at(-1), wrong.at(-1)])
  expect(lossesAtBest([sure]).temperature).toBe(temperatures[0])
})
