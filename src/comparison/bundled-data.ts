import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GraftError } from '../errors.ts'

/** The part of Fashion-MNIST that comes with the package (see data/fashion-mnist/README.md). */
export const bundledDataSource = {
  name: 'Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)',
  licence: 'MIT',
  url: 'https://github.com/zalandoresearch/fashion-mnist',
} as const

/** The names of the classes of Fashion-MNIST by label. */
export const fashionClasses = [
  'T-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
] as const

/**
 * The folder of the bundled data, whether this code runs from sources or built.
 *
 * @throws GraftError `internal` where the package is incomplete
 */
export function bundledDataFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, 'data', 'fashion-mnist')
    if (existsSync(join(candidate, 'train-images-idx3-ubyte.gz'))) return candidate
    const parent = dirname(folder)
    if (parent === folder) {
      throw new GraftError('internal', 'the bundled data is missing: install the package again')
    }
    folder = parent
  }
}
