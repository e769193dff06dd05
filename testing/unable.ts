import { beforeEach, inject, type TestContext } from 'vitest'

const noBlocks = 'there is no blocked layout to hold against the standard operators'

const onWebGpu = {
  'src/training/lowering.test.ts': noBlocks,
  'src/training/several-steps.test.ts': 'a call makes one step, for a Loop would run on the CPU',
}

/** Tests of the engine that a runtime cannot pass, by the beginning of their full name, and why. */
const unable = {
  node: {},
  'node on WebGPU': onWebGpu,
  web: { 'src/training/lowering.test.ts': noBlocks },
  'web on WebGPU': onWebGpu,
} satisfies Record<string, Readonly<Record<string, string>>>

beforeEach(({ task, skip }: TestContext) => {
  for (const [beginning, reason] of Object.entries(unable[inject('runtime')])) {
    if (task.fullName.startsWith(beginning)) skip(reason)
  }
})
