import { GraftError } from '../errors.ts'
import { earlyUpgrades } from './early-operators.ts'
import { type Attribute, describeNode, type Graph, type Node } from './graph.ts'
import { createNames, mapSubgraphs, namesIn } from './subgraphs.ts'
import { float32, int64 } from './tensor.ts'
import { attributeToInput, type Context, type Upgrade, vector, without } from './upgrade-rule.ts'

export const oldestOpset = 1
export const newestOpset = 24

/** The operator set that older graphs are rewritten to; newer ones keep theirs. */
export const targetOpset = 18

const int64Scalar = ({ value }: Attribute) => int64([1], [value as number])
const float32Scalar = ({ value }: Attribute) => float32([], [value as number])
const floats = ({ value }: Attribute) => float32([(value as number[]).length], value as number[])

const axesToInput = attributeToInput('axes', 1, vector)

/** In this order: a node may be rewritten several times. */
const upgrades: readonly Upgrade[] = [
  ...earlyUpgrades,
  {
    operators: ['BatchNormalization'],
    before: 9,
    rewrite: (node) => {
      if (node.attributes.spatial?.value !== 0) {
        return { ...node, attributes: without(node, 'spatial') }
      }
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} normalizes each position by itself: export the model again`,
      )
    },
  },
  {
    operators: ['Upsample'],
    before: 9,
    rewrite: attributeToInput('scales', 1, floats),
  },
  {
    operators: ['Upsample'],
    before: 10,
    rewrite: (node) => ({
      ...node,
      operator: 'Resize',
      inputs: [node.inputs[0] ?? '', '', node.inputs[1] ?? ''],
      attributes: {
        ...node.attributes,
        coordinate_transformation_mode: { type: 'string', value: 'asymmetric' },
        nearest_mode: { type: 'string', value: 'floor' },
      },
    }),
  },
  {
    operators: ['Resize'],
    before: 11,
    rewrite: (node) =>
      node.inputs.length !== 2
        ? node
        : {
            ...node,
            inputs: [node.inputs[0] ?? '', '', node.inputs[1] ?? ''],
            attributes: {
              ...node.attributes,
              coordinate_transformation_mode: { type: 'string', value: 'asymmetric' },
              nearest_mode: { type: 'string', value: 'floor' },
            },
          },
  },
  {
    operators: ['Slice'],
    before: 10,
    rewrite: (node, context) => {
      const inputs = [node.inputs[0] ?? '']
      for (const name of ['starts', 'ends', 'axes']) {
        const given = node.attributes[name]
        if (given) inputs.push(context.constant(vector(given)))
      }
      return { ...node, inputs, attributes: {} }
    },
  },
  { operators: ['TopK'], before: 10, rewrite: attributeToInput('k', 1, int64Scalar) },
  {
    operators: ['Scatter'],
    before: 11,
    rewrite: (node) => ({ ...node, operator: 'ScatterElements' }),
  },
  {
    operators: ['Clip'],
    before: 11,
    rewrite: (node, context) =>
      attributeToInput(
        'max',
        2,
        float32Scalar,
      )(attributeToInput('min', 1, float32Scalar)(node, context), context),
  },
  {
    operators: ['Pad'],
    before: 11,
    rewrite: (node, context) =>
      attributeToInput(
        'value',
        2,
        float32Scalar,
      )(attributeToInput('pads', 1, vector)(node, context), context),
  },
  {
    operators: ['Dropout'],
    before: 12,
    rewrite: attributeToInput('ratio', 1, float32Scalar),
  },
  {
    // Until operator set 12 these worked on the matrix that Flatten makes.
    operators: ['Softmax', 'LogSoftmax', 'Hardmax'],
    before: 13,
    rewrite: (node, { before }) => {
      const axis = (node.attributes.axis?.value as number | undefined) ?? 1
      if (axis === -1) return { ...node, attributes: { axis: { type: 'int', value: -1 } } }
      const [input = ''] = node.inputs
      const flat = before('Flatten', [input], { axis: { type: 'int', value: axis } })
      const normalized = before(node.operator, [flat], { axis: { type: 'int', value: -1 } })
      return {
        ...node,
        operator: 'Reshape',
        inputs: [normalized, before('Shape', [input])],
        attributes: {},
      }
    },
  },
  { operators: ['Squeeze', 'Unsqueeze', 'ReduceSum'], before: 13, rewrite: axesToInput },
  { operators: ['Split'], before: 13, rewrite: attributeToInput('split', 1, vector) },
  {
    // Until operator set 13 the outputs said which mode it was, and there were up to five.
    operators: ['BatchNormalization'],
    before: 14,
    rewrite: (node) => {
      const training = node.outputs.slice(1).some((output) => output !== '')
      return {
        ...node,
        outputs: node.outputs.slice(0, training ? 3 : 1),
        attributes: {
          ...node.attributes,
          training_mode: { type: 'int', value: training ? 1 : 0 },
        },
      }
    },
  },
  {
    // Operator set 16 made another way to place the samples the default.
    operators: ['RoiAlign'],
    before: 16,
    rewrite: (node) => ({
      ...node,
      attributes: {
        ...node.attributes,
        coordinate_transformation_mode: { type: 'string', value: 'output_half_pixel' },
      },
    }),
  },
  {
    operators: [
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceMax',
      'ReduceMean',
      'ReduceMin',
      'ReduceProd',
      'ReduceSumSquare',
    ],
    before: 18,
    rewrite: axesToInput,
  },
  {
    operators: ['Split'],
    before: 18,
    rewrite: (node) =>
      node.inputs[1]
        ? node
        : {
            ...node,
            attributes: {
              ...node.attributes,
              num_outputs: { type: 'int', value: node.outputs.length },
            },
          },
  },
]

/**
 * Rewrites the operators of a graph that changed before operator set 18 to their form in it, also inside subgraphs, so that
 * everything after the reader knows one form. Later operator sets only widened types, and stay.
 *
 * @throws GraftError `unsupported` for a form that has no equivalent.
 */
export function upgrade(graph: Graph): Graph {
  const opset = graph.opsets[''] ?? targetOpset
  if (opset >= targetOpset) return graph
  const names = createNames(namesIn(graph))
  let count = 0
  const nodes = upgradeNodes(graph.nodes, opset, () => names.fresh(`upgraded_${count++}`))
  return { ...graph, nodes, opsets: { ...graph.opsets, '': targetOpset } }
}

/** The same for the nodes alone; `fresh` gives names to new values. */
export function upgradeNodes(
  originals: readonly Node[],
  opset: number,
  fresh: () => string,
): readonly Node[] {
  if (opset >= targetOpset) return originals
  const nodes: Node[] = []
  const emit = (operator: string, inputs: readonly string[], attributes: Node['attributes']) => {
    const name = fresh()
    nodes.push({ name, operator, domain: '', inputs, outputs: [name], attributes })
    return name
  }
  const context: Context = {
    constant: (value) => emit('Constant', [], { value: { type: 'tensor', value } }),
    before: (operator, inputs, attributes = {}) => emit(operator, inputs, attributes),
  }
  for (const original of originals) {
    let node = mapSubgraphs(original, (subgraph) => ({
      ...subgraph,
      nodes: upgradeNodes(subgraph.nodes, opset, fresh),
    }))
    if (node.domain === '') {
      if (opset < 6) node = { ...node, attributes: without(node, 'consumed_inputs') }
      for (const { operators, before, rewrite } of upgrades) {
        if (opset < before && operators.includes(node.operator)) node = rewrite(node, context)
      }
      if (node.operator === 'Upsample') {
        throw new GraftError(
          'unsupported',
          `${describeNode(node)} is deprecated: export the model again`,
        )
      }
    }
    nodes.push(node)
  }
  return nodes
}
