import { type WebDevice, webRuntimeOn } from '../../src/web.ts'
import { loadClothes } from './data.ts'
import { learn, type Progress } from './training.ts'

/** What the page asks for. */
export type Wish = {
  readonly images: number
  readonly testImages: number
  readonly epochs: number
  readonly device: WebDevice
}

/** What comes back: how far it is, or why there is no more. */
export type Answer = Progress | { readonly failure: string }

const answer = (message: Answer) => self.postMessage(message)

// In a thread of its own the network may take its time: the page stays alive.
self.onmessage = async ({ data }: MessageEvent<Wish>) => {
  try {
    const runtime = await webRuntimeOn(data.device)
    const train = await loadClothes('train', data.images)
    const test = await loadClothes('test', data.testImages)
    for await (const progress of learn(train, test, data.epochs, runtime)) answer(progress)
  } catch (error) {
    answer({ failure: (error as Error).message })
  }
  self.close()
}
