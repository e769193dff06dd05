import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import { elementTypes, int64, numbersOf, sizeOf } from '../../graph/tensor.ts'
import { addRows } from '../add-rows.ts'
import { padAxis, positiveAxis, type RuleContext, single, zerosLike } from '../rule.ts'
import type { Rules } from './differentiable.ts'

export const indexingRules = {
  Gather: single((context, dy) => {
    const { builder, attributes, inputs, outputs, dims, constant } = context
    const [data = '', indices = ''] = inputs
    const from = dims(data)
    const axis = positiveAxis(attributes.axis, from.length)
    const index = constant(indices)
    const size = from[axis] as number
    return [
      () => {
        if (index?.data.length === 1) {
          const start = positiveAxis(Number(index.data[0]), size)
          const row = builder.op('Reshape', [dy, builder.int64s(from.with(axis, 1))])
          return padAxis(builder, row, from.length, axis, start, size - start - 1)
        }
        // The gathered axis comes first, and goes back.
        const rank = dims(indices).length
        const out = dims(outputs[0] as string).map((_, i) => i)
        const gathered = out.slice(axis, axis + rank)
        const rest = out.filter((i) => !gathered.includes(i))
        const turned = builder.op('Transpose', [dy], { perm: [...gathered, ...rest] })
        const front = [axis, ...from.map((_, i) => i).filter((i) => i !== axis)]
        const count = sizeOf(dims(indices))
        const width = sizeOf(from.toSpliced(axis, 1))
        const rows = builder.op('Reshape', [turned, builder.int64s([count, width])])
        const sum = addRows(
          { builder, known: new Map() },
          { rows, count, width, zero: context.scalar(0) },
          index ? numbersOf(index) : indices,
          size,
        )
        const shape = builder.int64s(front.map((i) => from[i] as number))
        return builder.op('Transpose', [builder.op('Reshape', [sum, shape])], {
          perm: from.map((_, i) => front.indexOf(i)),
        })
      },
      null,
    ]
  }),
  GatherElements: single((context, dy) => {
    const { builder, attributes, inputs } = context
    const [data = '', indices = ''] = inputs
    return [
      () =>
        builder.op('ScatterElements', [zerosLike(context, data), indices, dy], {
          axis: attributes.axis,
          reduction: 'add',
        }),
      null,
    ]
  }),
  GatherND: single((context, dy) => {
    const { builder, attributes, inputs, dims } = context
    const [data = '', indices = ''] = inputs
    return [
      () => {
        const index = attributes.batch_dims === 0 ? indices : withBatchIndex(context, indices)
        const depth = attributes.batch_dims + (dims(indices).at(-1) as number)
        const [leading, rest] = [dims(data).slice(0, depth), dims(data).slice(depth)]
        const count = sizeOf(dims(indices).slice(0, -1))
        const width = sizeOf(rest)
        const rows = builder.op('Reshape', [dy, builder.int64s([count, width])])
        const place = flatIndex(context, index, leading)
        const zero = context.scalar(0)
        const sum = addRows(
          { builder, known: new Map() },
          { rows, count, width, zero },
          place,
          sizeOf(leading),
        )
        return builder.op('Reshape', [sum, builder.int64s(dims(data))])
      },
      null,
    ]
  }),
  ScatterElements: single((context, dy) => {
    const { builder, attributes, inputs } = context
    const { axis } = attributes
    const [, indices = '', updates = ''] = inputs
    const adds = isSum(context)
    return [
      () =>
        adds
          ? dy
          : builder.op('ScatterElements', [dy, indices, zerosLike(context, updates)], { axis }),
      null,
      () => builder.op('GatherElements', [dy, indices], { axis }),
    ]
  }),
  ScatterND: single((context, dy) => {
    const { builder, inputs } = context
    const [, indices = '', updates = ''] = inputs
    const adds = isSum(context)
    return [
      () => (adds ? dy : builder.op('ScatterND', [dy, indices, zerosLike(context, updates)])),
      null,
      () => builder.op('GatherND', [dy, indices]),
    ]
  }),
} satisfies Partial<Rules>

/** The indices of a GatherND with the position in the batch, which `batch_dims` leaves unsaid, written before them. */
function withBatchIndex({ builder, attributes, dims }: RuleContext<'GatherND'>, indices: string) {
  const rows = dims(indices).slice(0, -1)
  const batch = rows.slice(0, attributes.batch_dims)
  const inner = sizeOf(rows.slice(batch.length))
  const positions = Array.from({ length: sizeOf(rows) }, (_, row) => {
    let rest = Math.floor(row / inner)
    return batch
      .toReversed()
      .map((size) => {
        const position = rest % size
        rest = Math.floor(rest / size)
        return position
      })
      .reverse()
  })
  const grid = builder.constant(int64([...rows, batch.length], positions.flat()))
  return builder.op('Concat', [grid, indices], { axis: -1 })
}

/** Index vectors [..., n] into n axes as numbers into all their cells. */
function flatIndex(
  { builder }: RuleContext<'GatherND'>,
  indices: string,
  axes: readonly number[],
): string {
  const wide = builder.op('Cast', [indices], { to: elementTypes.int64.code })
  // What counts from the end, counts from the front after this.
  const counted = builder.op('Mod', [wide, builder.int64s(axes)])
  const strides = axes.map((_, axis) => sizeOf(axes.slice(axis + 1)))
  const steps = builder.op('Mul', [counted, builder.int64s(strides)])
  return builder.op('ReduceSum', [steps, builder.int64s([-1])], { keepdims: 0 })
}

/** Whether a scatter adds to its data; otherwise it replaces. */
function isSum({ attributes, node }: RuleContext<'ScatterElements'> | RuleContext<'ScatterND'>) {
  const { reduction } = attributes
  if (reduction === 'none' || reduction === 'add') return reduction === 'add'
  throw new GraftError(
    'unsupported',
    `${describeNode(node)}: no gradient of reduction "${reduction}"`,
  )
}
