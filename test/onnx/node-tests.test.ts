import { join } from 'node:path'
import { expect, test } from 'vitest'
import { widen } from '../../src/graph/half-precision.ts'
import { readModel } from '../../src/graph/read.ts'
import type { Tensor } from '../../src/graph/tensor.ts'
import { writeModel } from '../../src/graph/write.ts'
import { inferTypes } from '../../src/runtime/types.ts'
import {
  difference,
  findOnnxTests,
  readTestCases,
  type TestCase,
  type TestTensor,
} from '../../testing/onnx-data.ts'
import { runtime } from '../../testing/runtime.ts'
import { refusals } from './refusals.ts'

const { env, InferenceSession, Tensor: OnnxTensor } = await import('onnxruntime-node')
env.logLevel = 'error'

const root = findOnnxTests()
if (!root) {
  console.info(
    "skipped: ONNX's tests. They come with the Debian package libonnx-testdata, or set GRAFT_ONNX_TESTDATA to its folder `data`",
  )
}

/** Results that are drawn anew in every run. */
const drawn = /^test_bernoulli/

type Feeds = Readonly<Record<string, TestTensor>>

/** Runs a model file in ONNX Runtime as it is. */
async function runFile(bytes: Uint8Array, feeds: Feeds | readonly TestTensor[]) {
  const session = await InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  try {
    const named = Array.isArray(feeds)
      ? Object.fromEntries(feeds.map((value, index) => [session.inputNames[index], value]))
      : feeds
    const given = Object.entries<TestTensor>(named).map(([name, { type, data, dims }]) => [
      name,
      new OnnxTensor(type as 'float32', data as Float32Array, dims as number[]),
    ])
    const results = await session.run(Object.fromEntries(given))
    return session.outputNames.map((name) => results[name] as TestTensor | undefined)
  } finally {
    await session.release()
  }
}

function expectSame(actual: readonly (TestTensor | undefined)[], expected: readonly TestTensor[]) {
  expected.forEach((value, index) => {
    const wrong = difference(actual[index], value)
    if (wrong) throw new Error(`output ${index} ${wrong}`)
  })
}

async function runBare({ bytes, dataSets }: TestCase) {
  for (const { inputs, outputs } of dataSets()) expectSame(await runFile(bytes, inputs), outputs)
}

/** Our reader makes float32 of half precision. */
function asRead<T extends TestTensor>(tensor: T): T | Tensor {
  return tensor.type === 'float16' ? widen({ ...tensor, type: tensor.type }) : tensor
}

/** The same through the reader with its upgrades, the verifier, the folding of shapes, and the writer. */
async function runThroughGraft({ bytes, dataSets }: TestCase) {
  const graph = readModel(bytes)
  for (const { inputs, outputs } of dataSets()) {
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name }, index) => [name, asRead(inputs[index] as Tensor)]),
    )
    const expected = outputs.map(asRead)
    const typed = await inferTypes(graph, feeds, runtime)
    expectSame(await runFile(writeModel(typed.graph), feeds), expected)
    graph.outputs.forEach(({ name }, index) => {
      const { type, dims } = expected[index] as TestTensor
      expect(typed.types.get(name), `the inferred type of output ${index}`).toEqual({ type, dims })
    })
    for (const { operator, outputs } of typed.graph.nodes) {
      const untyped = outputs.find((name) => name !== '' && !typed.types.has(name))
      if (untyped && !operator.includes('Sequence')) throw new Error(`"${untyped}" has no type`)
    }
  }
}

/** Whether a model is of operator sets 1 to 6: ONNX Runtime does not run all of their forms any more, our reader upgrades them. */
function isEarly({ model }: TestCase): boolean {
  return model.opsetImport.some(({ domain, version }) => domain === '' && version < 7n)
}

/** The first line of what went wrong; undefined where nothing did. */
async function failure(run: Promise<void>): Promise<string | undefined> {
  try {
    await run
    return undefined
  } catch (error) {
    return String((error as Error).message).split('\n')[0]
  }
}

test.skipIf(!root).each([
  ['node', 850],
  ['pytorch-converted', 55],
  ['pytorch-operator', 20],
  ['simple', 15],
])(
  'what ONNX Runtime computes as ONNX says, it also computes of the file that Graft read and wrote: %s',
  async (folder, least) => {
    const failures: Record<string, string> = {}
    let passed = 0
    for (const testCase of readTestCases(join(root ?? '', folder))) {
      if (drawn.test(testCase.name)) continue
      if (await failure(runBare(testCase))) {
        if (!isEarly(testCase)) continue
      } else passed++
      const wrong = await failure(runThroughGraft(testCase))
      if (wrong) failures[`${folder}/${testCase.name}`] = wrong
    }
    expect(passed).toBeGreaterThanOrEqual(least)
    // Exactly these: neither a refusal that is new nor one that is gone.
    const expected = refusals.flatMap(({ message, tests }) =>
      tests
        .filter((name) => name.startsWith(`${folder}/`))
        .map((name) => [name, expect.stringMatching(message)]),
    )
    expect(failures).toEqual(Object.fromEntries(expected))
  },
  60_000,
)
