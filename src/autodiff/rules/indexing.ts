import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import { elementTypes, int64, sizeOf } from '../../graph/tensor.ts'
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
        // Rows are added in place along the first axis: bring the gathered axis there, and back.
        const rank = dims(indices).length
        const out = dims(outputs[0] as string).map((_, i) => i)
        const gathered = out.slice(axis, axis + rank)
        const rest = out.filter((i) => !gathered.includes(i))
        const rows = builder.op('Transpose', [dy], { perm: [...gathered, ...rest] })
        const dataAxes = from.map((_, i) => i)
        const front = [axis, ...dataAxes.filter((i) => i !== axis)]
        const base = builder.op('Expand', [
          context.scalar(0),
          builder.int64s(front.map((i) => from[i] as number)),
        ])
        const wide = builder.op('Cast', [indices], { to: elementTypes.int64.code })
        const column = builder.op('Unsqueeze', [wide, builder.int64s([-1])])
        const sum = builder.op('ScatterND', [base, column, rows], { reduction: 'add' })
        return builder.op('Transpose', [sum], { perm: dataAxes.map((i) => front.indexOf(i)) })
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
    const { builder, attributes, inputs } = context
    const [data = '', indices = ''] = inputs
    return [
      () => {
        const index = attributes.batch_dims === 0 ? indices : withBatchIndex(context, indices)
        return builder.op('ScatterND', [zerosLike(context, data), index, dy], { reduction: 'add' })
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

/** Whether a scatter adds to its data; otherwise it replaces. */
function isSum({ attributes, node }: RuleContext<'ScatterElements'> | RuleContext<'ScatterND'>) {
  const { reduction } = attributes
  if (reduction === 'none' || reduction === 'add') return reduction === 'add'
  throw new GraftError(
    'unsupported',
    `${describeNode(node)}: no gradient of reduction "${reduction}"`,
  )
}
