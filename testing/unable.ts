import { beforeEach, inject, type TestContext } from 'vitest'

const noBlocks = 'there is no blocked layout to hold against the standard operators'

/** Tests of the engine that a runtime cannot pass, by the beginning of their full name, and why. */
const unable = {
  node: {},
  web: { 'src/training/lowering.test.ts': noBlocks },
} satisfies Record<string, Readonly<Record<string, string>>>

beforeEach(({ task, skip }: TestContext) => {
  for (const [beginning, reason] of Object.entries(unable[inject('runtime')])) {
    if (task.fullName.startsWith(beginning)) skip(reason)
  }
})
