import type { GraphBuilder } from '../../graph/builder.ts'
import { zeros } from '../../graph/tensor.ts'
import { takersOf } from '../add-rows.ts'
import { positionsUnder } from '../geometry.ts'
import { step } from '../step-function.ts'
import { product, reshape } from './axes.ts'
import { type BlockedRule, isImage } from './blocks.ts'
import type { Given } from './rule.ts'

type Window = Given<'graft.MaxPoolGradient'>

/** Larger windows have more copies of every pixel than indices and a scatter take time. */
const mostTaps = 9

/** How many values are worked on at a time, so that they stay in the cache. */
const chunkValues = 2 ** 20

/**
 * Where windows overlap: every window picks its pixels, those that equal its maximum share what it gets, and every pixel picks and adds its shares.
 * On blocks, where a pixel is a whole register, that is quicker than indices, which cost a branch for each comparison.
 */
export const overlappingMaxPoolGradient: BlockedRule<'graft.MaxPoolGradient'> = (
  blocks,
  [x = '', y = '', dy = ''],
  window,
) => {
  const { builder, size: block } = blocks
  const { dims, output_dims, kernel_shape } = window
  const taps = product(kernel_shape)
  if (!blocks.has(x) || !isImage(blocks, dy) || kernel_shape.length !== 2 || taps > mostTaps) {
    return null
  }
  const [batch, channels] = dims as [number, number]
  const parts = blocks.padded(channels) / block
  const [pixels, outputs] = [product(dims.slice(2)), product(output_dims.slice(2))]
  const seen = pixelsOfTaps(window)
  if (seen === null) return null
  const together = Math.max(1, Math.floor(chunkValues / (parts * taps * outputs * block)))
  const counts = Array.from({ length: Math.ceil(batch / together) }, (_, chunk) =>
    Math.min(together, batch - chunk * together),
  )
  const lists = counts.map((count) => count * parts)
  const apart = (value: string, each: number) => {
    const list = reshape(builder, blocks.of(value), [batch * parts, each, block])
    return lists.length === 1
      ? [list]
      : builder.ops('Split', [list, builder.int64s(lists)], { axis: 0 }, lists.length)
  }
  const [xs, ys, dys] = [apart(x, pixels), apart(y, outputs), apart(dy, outputs)]
  const [from, back] = [builder.int64s(seen), picker(builder, seen, pixels)]
  const gradients = lists.map((list, chunk) => {
    const [own = '', largest = '', given = ''] = [xs[chunk], ys[chunk], dys[chunk]]
    const flat = (value: string, rows: number) =>
      reshape(builder, value, [list, rows, outputs * block])
    const picked = flat(builder.op('Gather', [own, from], { axis: 1 }), taps)
    const attains = step(builder, builder.op('Sub', [picked, flat(largest, 1)]), 1)
    const ties = builder.op('ReduceSum', [attains, builder.int64s([1])], { keepdims: 1 })
    const shares = builder.op('Mul', [attains, builder.op('Div', [flat(given, 1), ties])])
    return back(reshape(builder, shares, [list, taps * outputs, block]), list, block)
  })
  const all =
    gradients.length === 1 ? (gradients[0] as string) : builder.op('Concat', gradients, { axis: 0 })
  const whole = [batch, parts * block, ...dims.slice(2)]
  return [blocks.plain(reshape(builder, all, whole), dims)]
}

/**
 * The pixels that each tap sees, one output after the other. Where a tap lies on padding it is the nearest one that does not: no value comes into the window
 * that is not there already. Null where a window lies on padding alone.
 */
function pixelsOfTaps(window: Window): readonly number[] | null {
  const { dims, output_dims, kernel_shape } = window
  const sides = [0, 1].map((axis) => {
    const isPixel = (at: number) => at >= 0 && at < (dims[axis + 2] as number)
    return positionsUnder(window, axis, output_dims[axis + 2] as number).map((seen) => {
      const pixels = seen.filter(isPixel)
      return seen.flatMap((to) =>
        pixels.toSorted((a, b) => Math.abs(a - to) - Math.abs(b - to)).slice(0, 1),
      )
    })
  })
  // ceil_mode can put whole windows behind the input.
  if (sides.some((seen) => seen.some(({ length }) => length === 0))) return null
  const [down, across] = sides as [number[][], number[][]]
  const [width, breadth] = [dims[3] as number, kernel_shape[1] as number]
  return Array.from({ length: product(kernel_shape) }, (_, tap) =>
    down.flatMap((ys) =>
      across.map(
        (xs) => (ys[Math.floor(tap / breadth)] as number) * width + (xs[tap % breadth] as number),
      ),
    ),
  ).flat()
}

/** Writes, for shares [list, shares, block], the sum of those of each pixel: [list, pixels, block]. Pixels with equally many shares are summed together. */
function picker(builder: GraphBuilder, pixelOf: readonly number[], pixels: number) {
  const takers = takersOf(pixelOf, pixels)
  const sizes = [...new Set(takers.map(({ length }) => length))]
  const groups = sizes.map((size) => ({
    size,
    members: takers.flatMap((own, pixel) => (own.length === size ? [pixel] : [])),
  }))
  const order = groups.flatMap(({ members }) => members)
  const places = Array<number>(pixels)
  order.forEach((pixel, place) => {
    places[pixel] = place
  })
  return (shares: string, list: number, block: number): string => {
    const sums = groups.map(({ size, members }) => {
      if (size === 0) return builder.constant(zeros('float32', [list, members.length, block]))
      const turns = Array.from({ length: size }, (_, turn) =>
        members.map((pixel) => takers[pixel]?.[turn] as number),
      )
      const pick = (picks: readonly number[]) =>
        builder.op('Gather', [shares, builder.int64s(picks)], { axis: 1 })
      // A ReduceSum of two takes longer.
      if (size === 2) return builder.op('Add', turns.map(pick))
      const picked = pick(turns.flat())
      if (size === 1) return picked
      const rows = reshape(builder, picked, [list, size, members.length * block])
      const sum = builder.op('ReduceSum', [rows, builder.int64s([1])], { keepdims: 0 })
      return reshape(builder, sum, [list, members.length, block])
    })
    if (sums.length === 1) return sums[0] as string
    const sorted = builder.op('Concat', sums, { axis: 1 })
    return builder.op('Gather', [sorted, builder.int64s(places)], { axis: 1 })
  }
}
