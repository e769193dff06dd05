import { expect, test } from 'vitest'
import { folderOf, idxOf, imageOf } from '../../testing/test-folder.ts'
import { probeImageSize } from './probe.ts'
import { scan } from './scan.ts'

test('probeImageSize gives the median size of the images that can be read', async () => {
  const folder = await folderOf({
    'a/1.png': await imageOf([1, 2, 3], 'png', 10, 20),
    'a/2.png': await imageOf([1, 2, 3], 'png', 30, 40),
    'b/1.png': await imageOf([1, 2, 3], 'png', 900, 50),
    'b/2.png': 'broken',
  })
  const source = await scan(folder)
  expect(await probeImageSize(source.train)).toEqual({ height: 40, width: 30, channels: 3 })
  expect(await probeImageSize(source.train, 1)).toEqual({ height: 20, width: 10, channels: 3 })
})

test('probeImageSize knows grey IDX images, and has no answer where nothing can be read', async () => {
  const idx = await folderOf({ i: idxOf([2, 3, 5], new Uint8Array(30)), l: idxOf([2], [0, 1]) })
  const grey = await scan(`${idx}/i,${idx}/l`)
  expect(await probeImageSize(grey.train)).toEqual({ height: 3, width: 5, channels: 1 })
  const broken = await scan(await folderOf({ 'a/1.png': 'x', 'b/1.png': 'x' }))
  expect(await probeImageSize(broken.train)).toBeNull()
})
