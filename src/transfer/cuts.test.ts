import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import { float32, type TensorType } from '../graph/tensor.ts'
import { resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { findCuts, groupBlocks } from './cuts.ts'

async function cutsOf(graph: Graph, dims: readonly number[]) {
  const input = graph.inputs[0]?.name as string
  const typed = await inferTypes(graph, { [input]: { type: 'float32', dims } }, runtime)
  return findCuts(typed.graph, typed.types)
}

function graphOf(write: (b: GraphBuilder, x: string) => string): Graph {
  const builder = createBuilder()
  builder.output(write(builder, builder.input('x', 'float32', ['N', 4])))
  return builder.build()
}

const namesOf = async (graph: Graph) => (await cutsOf(graph, [1, 4])).map(({ name }) => name)

describe('cuts are the values that every path passes', () => {
  test('in a chain, all of them', async () => {
    const graph = graphOf((b, x) => b.op('Tanh', [b.op('Abs', [b.op('Relu', [x])])]))
    expect(await namesOf(graph)).toEqual(['Relu', 'Abs', 'Tanh'])
  })

  test('around a residual branch, not within it', async () => {
    const graph = graphOf((b, x) => {
      const start = b.op('Relu', [x])
      const branch = b.op('Abs', [b.op('Tanh', [start])])
      return b.op('Sigmoid', [b.op('Add', [branch, start])])
    })
    expect(await namesOf(graph)).toEqual(['Relu', 'Add', 'Sigmoid'])
  })

  test('not before the branches meet, where two start at the input', async () => {
    const graph = graphOf((b, x) => {
      const [left, right] = [b.op('Abs', [b.op('Relu', [x])]), b.op('Tanh', [x])]
      return b.op('Neg', [b.op('Concat', [left, right], { axis: 1 })])
    })
    expect(await namesOf(graph)).toEqual(['Concat', 'Neg'])
  })

  test('whatever a weight goes through, and whatever nobody reads', async () => {
    const graph = graphOf((b, x) => {
      const weight = b.op('Transpose', [b.parameter('weight', float32([3, 4], Array(12).fill(1)))])
      const first = b.op('Relu', [x])
      b.op('Abs', [first])
      return b.op('MatMul', [first, weight])
    })
    expect(await namesOf(graph)).toEqual(['Relu', 'MatMul'])
  })

  test('of the first output alone', async () => {
    const builder = createBuilder()
    const x = builder.input('x', 'float32', ['N', 4])
    const first = builder.op('Relu', [x])
    builder.output(builder.op('Tanh', [first]))
    builder.output(builder.op('Abs', [x]))
    expect(await namesOf(builder.build())).toEqual(['Relu', 'Tanh'])
  })

  test('in random graphs: exactly those without which nothing reaches the output', () => {
    const sizes = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(sizes, (links) => {
        const builder = createBuilder()
        const values = [builder.input('x', 'float32', [1])]
        for (const [a, b] of links) {
          const [left, right] = [values[a % values.length], values[b % values.length]]
          const name = builder.fresh('value')
          builder.alias(name, builder.op('Add', [left, right]))
          values.push(name)
        }
        const output = values.at(-1) as string
        builder.output(output)
        const graph = builder.build()
        const found = findCuts(graph, new Map()).map(({ name }) => name)
        const path = pruneTo(graph, [{ name: output }])
        const reaches = (without: string) => {
          const reached = new Set(['x'])
          for (const node of path.nodes) {
            const [result = ''] = node.outputs
            if (result === without) continue
            if (node.inputs.some((input) => reached.has(input))) reached.add(result)
          }
          return reached.has(output)
        }
        const expected = path.nodes
          .map(({ outputs: [name = ''] }) => name)
          .filter((n) => !reaches(n))
        expect(found).toEqual(expected)
      }),
      { numRuns: 200, seed: 1 },
    )
  })
})

describe('resnet-20 for CIFAR-10', () => {
  const graph = resnet([3, 32, 32], { classes: 10, blocks: 3 }, createRandom(1))

  test('has 40.8 million multiply-adds, 41.2 with its projections, and 272474 parameters beside its statistics', async () => {
    const cuts = await cutsOf(graph, [1, 3, 32, 32])
    const last = cuts.at(-1)
    const [stem, head] = [32 * 32 * 27 * 16, 64 * 10]
    // Every 3x3 convolution within a stage costs the same: half the pixels on a side, twice the channels on both.
    const within = 32 * 32 * 9 * 16 * 16
    const plain = stem + 6 * within + (within / 2 + 5 * within) * 2 + head
    expect(plain).toBe(40_551_040)
    const projections = 16 * 16 * 16 * 32 + 8 * 8 * 32 * 64
    expect(last?.macs).toBe(plain + projections)
    expect(last?.parameters).toBe(272_474 + 2 * (7 * 16 + 7 * 32 + 7 * 64))
    expect(last?.shape).toEqual([10])
    expect(cuts.find(({ name }) => name === graph.nodes[0]?.outputs[0])).toMatchObject({
      shape: [16, 32, 32],
      parameters: 432,
      macs: stem,
    })
  })

  test('costs as much an example in a batch', async () => {
    const small = resnet([1, 8, 8], { classes: 2, widths: [4] }, createRandom(1))
    expect(await cutsOf(small, [6, 1, 8, 8])).toEqual(await cutsOf(small, [1, 1, 8, 8]))
  })

  test('falls into blocks that cover all parameters and all multiply-adds, end to end', async () => {
    const cuts = await cutsOf(graph, [1, 3, 32, 32])
    const blocks = groupBlocks('input', cuts)
    // The first convolution, its normalization, nine residual blocks, and the head.
    expect(blocks).toHaveLength(12)
    blocks.forEach(({ name, from, parameters }, index) => {
      expect(name).toBe(`block ${index + 1}`)
      expect(from).toBe(index === 0 ? 'input' : blocks[index - 1]?.to)
      expect(parameters).toBeGreaterThan(0)
    })
    const sum = (key: 'parameters' | 'macs') => blocks.reduce((total, b) => total + b[key], 0)
    expect(blocks.at(-1)?.to).toBe(cuts.at(-1)?.name)
    expect(sum('parameters')).toBe(cuts.at(-1)?.parameters)
    expect(sum('macs')).toBe(cuts.at(-1)?.macs)
    // A block ends with what follows its parameters: here the activation after the sum.
    const ends = blocks
      .slice(1, 11)
      .map(({ to }) => graph.nodes.find(({ outputs }) => outputs[0] === to))
    expect(new Set(ends.slice(1, -1).map((node) => node?.operator))).toEqual(new Set(['Relu']))
  })
})

test('a network without parameters has no blocks', () => {
  const type: TensorType = { type: 'float32', dims: [1, 4] }
  const graph = graphOf((b, x) => b.op('Relu', [x]))
  const types = new Map([
    ['x', type],
    ['Relu', type],
  ])
  expect(groupBlocks('x', findCuts(graph, types))).toEqual([])
})
