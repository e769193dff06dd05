import { GraftError } from '../errors.ts'
import { describeNode, type Node } from './graph.ts'
import { attributeToInput, type Upgrade, vector, without } from './upgrade-rule.ts'

/** A form that cannot be rewritten without knowing the dimensions of the inputs, or that no exporter is known to write. */
function refuse(node: Node): never {
  throw new GraftError(
    'unsupported',
    `${describeNode(node)} is in a form that ONNX gave up long ago: export the model again with a newer operator set`,
  )
}

function withDefaults(values: Node['attributes']): Upgrade['rewrite'] {
  return (node) => ({ ...node, attributes: { ...values, ...node.attributes } })
}

function dropAttributes(...names: readonly string[]): Upgrade['rewrite'] {
  return (node) => ({ ...node, attributes: without(node, ...names) })
}

/**
 * What changed until operator set 9 in more than the types that an operator takes. The first versions of the others are those of
 * today, but for the attribute `consumed_inputs`, which operator set 6 dropped.
 *
 * Source: ONNX, docs/Changelog.md.
 */
export const earlyUpgrades: readonly Upgrade[] = [
  {
    operators: ['Pad'],
    before: 2,
    rewrite: (node) => {
      const { paddings: pads } = node.attributes
      return pads ? { ...node, attributes: { ...without(node, 'paddings'), pads } } : node
    },
  },
  { operators: ['GlobalLpPool', 'LpPool'], before: 2, rewrite: refuse },
  { operators: ['Concat'], before: 4, rewrite: withDefaults({ axis: { type: 'int', value: 1 } }) },
  { operators: ['Reshape'], before: 5, rewrite: attributeToInput('shape', 1, vector) },
  { operators: ['Cast', 'Tile'], before: 6, rewrite: refuse },
  {
    operators: ['Selu'],
    before: 6,
    rewrite: withDefaults({
      alpha: { type: 'float', value: 1.6732 },
      gamma: { type: 'float', value: 1.0507 },
    }),
  },
  {
    // They broadcast only where told to: the second input to the last axes of the first, or to those from `axis` on.
    operators: ['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'],
    before: 7,
    rewrite: (node) =>
      node.attributes.broadcast?.value === 1 && node.attributes.axis
        ? refuse(node)
        : { ...node, attributes: without(node, 'axis', 'broadcast') },
  },
  { operators: ['BatchNormalization', 'Dropout'], before: 7, rewrite: dropAttributes('is_test') },
  { operators: ['Gemm'], before: 7, rewrite: dropAttributes('broadcast') },
  { operators: ['GRU', 'LSTM', 'RNN'], before: 7, rewrite: dropAttributes('output_sequence') },
  // The slopes of PRelu belonged to the second axis, as now to the last one.
  { operators: ['PRelu', 'Upsample'], before: 7, rewrite: refuse },
  // Scan worked on batches of sequences.
  { operators: ['Scan'], before: 9, rewrite: refuse },
]
