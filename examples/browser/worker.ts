import { loadClothes } from './data.ts'
import { learn } from './training.ts'

/** What the page asks for. */
export type Wish = { readonly images: number; readonly testImages: number; readonly epochs: number }

// In a thread of its own the network may take its time: the page stays alive.
self.onmessage = async ({ data }: MessageEvent<Wish>) => {
  const train = await loadClothes('train', data.images)
  const test = await loadClothes('test', data.testImages)
  for await (const progress of learn(train, test, data.epochs)) self.postMessage(progress)
  self.close()
}
