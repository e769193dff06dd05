import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { GraftError } from '../../src/errors.ts'
import { writeFileAtomic } from '../../src/files.ts'
import type { NetworkName } from './networks.ts'

/** What one network did on one pair of classes, seed by seed: a line of the file of results. */
export type Cell = {
  /** Name of the folder of images. */
  readonly data: string
  /** All training images in it, of all classes: tells the bundled part from the whole. */
  readonly trainImages: number
  readonly network: NetworkName
  /** Labels of the two classes, the lower first. */
  readonly pair: readonly [number, number]
  /** Accuracy of network A on the test images of its classes. */
  readonly source: readonly number[]
  /** Accuracies of network B on the test images of the pair. */
  readonly scratch: readonly number[]
  readonly grafted: readonly number[]
  readonly testImages: number
  readonly seconds: number
  readonly graft: string
  readonly onnxruntime: string
  readonly cpu: string
}

export type CellKey = Pick<Cell, 'data' | 'trainImages' | 'network' | 'pair'>

/**
 * The cells of a file; none where there is no file.
 *
 * @throws GraftError `bad-input` where the file holds something else
 */
export async function readCells(path: string): Promise<readonly Cell[]> {
  if (!existsSync(path)) return []
  try {
    const cells = JSON.parse(await readFile(path, 'utf8'))
    if (Array.isArray(cells) && cells.every((cell) => cell.pair && cell.scratch && cell.grafted))
      return cells
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new GraftError('bad-input', `${path}: holds no results of pairs: delete it or name another`)
}

/** The cell of these data, this network and this pair, if any. */
export const findCell = (cells: readonly Cell[], key: CellKey): Cell | undefined =>
  cells.find((cell) => nameOf(cell) === nameOf(key))

const nameOf = ({ data, trainImages, network, pair }: CellKey) =>
  `${data} ${trainImages} ${network} ${pair.map((label) => String(label).padStart(2, '0'))}`

/**
 * Adds cells to the file, in place of those with fewer seeds, and leaves what another process has written there since.
 * Processes that each hand over all that they made lose nothing: what falls between another's reading and writing is
 * back at the next call.
 */
export async function addCells(path: string, made: readonly Cell[]): Promise<void> {
  const byName = new Map<string, Cell>()
  for (const cell of [...(await readCells(path)), ...made]) {
    const known = byName.get(nameOf(cell))
    if (!known || known.scratch.length <= cell.scratch.length) byName.set(nameOf(cell), cell)
  }
  const sorted = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell)
  const lines = sorted.map((cell) => JSON.stringify(cell))
  await writeFileAtomic(path, `[\n${lines.join(',\n')}\n]\n`)
}
