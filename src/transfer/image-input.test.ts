import { describe, expect, it } from 'vitest'
import { createBuilder } from '../graph/builder.ts'
import { imageInput, withImageSize } from './image-input.ts'

function network(dims: readonly (number | string)[]) {
  const builder = createBuilder()
  builder.output(builder.op('Relu', [builder.input('x', 'float32', dims)]))
  return builder.build()
}
const sized = (dims: readonly (number | string)[]) =>
  withImageSize(network(dims), { height: 100, width: 120 }).inputs[0]?.dims

describe('the size of images', () => {
  it('is set where the network leaves it open, in either layout', () => {
    expect(sized(['N', 3, 'height', 'width'])).toEqual(['N', 3, 100, 120])
    expect(sized(['N', 'h', 'w', 3])).toEqual(['N', 100, 120, 3])
    expect(sized(['batch', 'channels', 'h', 'w'])).toEqual(['batch', 'channels', 100, 120])
    const open = network(['N', 3, 'h', 'w'])
    expect(imageInput(open)).toMatchObject({ height: 224, width: 224 })
    const set = withImageSize(open, { height: 100, width: 120 })
    expect(imageInput(set)).toMatchObject({ height: 100, width: 120 })
  })

  it('stays where the network has one', () => {
    expect(sized([1, 3, 32, 32])).toEqual([1, 3, 32, 32])
    expect(sized(['N', 12])).toEqual(['N', 12])
  })
})
