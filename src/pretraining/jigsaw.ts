import type { Size } from '../data/pixels.ts'
import type { Random } from '../random.ts'
import { classifyChanges } from './classification.ts'
import type { PretrainingMethod } from './method.ts'

/** Permutations to tell apart where there are more. */
const mostPermutations = 30

/**
 * In which of some orders the patches of an image were put (Noroozi and Favaro, 2016), here within one image: four patches, or nine in images of 48
 * pixels and more. Each patch is cut out a little beside its place, so that edges that fit do not give the answer away.
 */
export const jigsaw: PretrainingMethod = {
  name: 'jigsaw',
  variants: ['patches'],
  epochs: 20,
  passes: 1,
  needs: null,
  async *pretrain(options) {
    const { random } = options
    const { size } = options.architecture
    const grid = Math.min(size.height, size.width) >= 48 ? 3 : 2
    const orders = permutations(grid ** 2, mostPermutations, random.fork('permutations'))
    return yield* classifyChanges(
      'jigsaw',
      orders.length,
      (from, to, which, draws) =>
        permute(from, to, size, grid, orders[which] as readonly number[], draws),
      options,
    )
  },
}

/** Some orders of so many patches, all different; all orders where they are no more than `most`. */
export function permutations(count: number, most: number, random: Random): number[][] {
  const patches = Array.from({ length: count }, (_, i) => i)
  const all = patches.reduce((product, i) => product * (i + 1), 1)
  const found = new Map<string, number[]>()
  while (found.size < Math.min(all, most)) {
    const order = random.shuffle(patches)
    found.set(order.join(), order)
  }
  return [...found.values()]
}

/** Puts patch `order[p]` of an image to place p. What no whole patch covers is left black. */
export function permute(
  from: Uint8Array,
  to: Uint8Array,
  { height, width, channels }: Size,
  grid: number,
  order: readonly number[],
  random: Random,
): void {
  const [rows, columns] = [Math.floor(height / grid), Math.floor(width / grid)]
  const reach = Math.floor(Math.min(rows, columns) / 8)
  const clamp = (value: number, last: number) => Math.min(Math.max(value, 0), last)
  for (const [place, patch] of order.entries()) {
    const jitter = () => random.integer(2 * reach + 1) - reach
    const top = clamp(Math.floor(patch / grid) * rows + jitter(), height - rows)
    const left = clamp((patch % grid) * columns + jitter(), width - columns)
    const [y0, x0] = [Math.floor(place / grid) * rows, (place % grid) * columns]
    for (let y = 0; y < rows; y++) {
      const source = ((top + y) * width + left) * channels
      const target = ((y0 + y) * width + x0) * channels
      to.set(from.subarray(source, source + columns * channels), target)
    }
  }
}
