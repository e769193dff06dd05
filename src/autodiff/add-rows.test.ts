import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, int64 } from '../graph/tensor.ts'
import { addRows } from './add-rows.ts'

const [count, width, size] = [4096, 64, 100] as const
const index = Array.from({ length: count }, (_, i) => (i * 7919) % size)
const skewed = index.map((row, i) => (i % 3 === 0 ? 7 - size : row))

test.each([
  ['known', index, true],
  ['known, and one row takes a third', skewed, true],
  ['computed', skewed, false],
])('rows that many share are added up without losing any: %s', async (_, rows, isKnown) => {
  const builder = createBuilder()
  const values = builder.input('values', 'float32', [count, width])
  const given = isKnown ? rows : builder.input('index', 'int64', [count])
  const zero = builder.scalar(0)
  builder.output(
    addRows({ builder, known: new Map() }, { rows: values, count, width, zero }, given, size),
  )
  const session = await runtime.createSession(builder.build())
  const expected = new Float32Array(size * width)
  for (const row of rows) {
    const start = ((row + size) % size) * width
    for (let i = start; i < start + width; i++) expected[i] = (expected[i] as number) + 1
  }
  const feeds = {
    values: float32([count, width], new Float32Array(count * width).fill(1)),
    ...(!isKnown && { index: int64([count], rows) }),
  }
  // Two threads of ONNX Runtime's ScatterND lose some of them in most runs.
  for (let run = 0; run < 10; run++) {
    const [sum] = Object.values(await session.run(feeds))
    expect(sum).toEqual(float32([size, width], expected))
  }
  await session.release()
})
