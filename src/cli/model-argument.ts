import { existsSync, statSync } from 'node:fs'
import type { ExportedModel } from '../training/exported-model.ts'

/**
 * Opens the model of a run folder, or a model file.
 *
 * @throws GraftError `bad-input` where there is no such model
 */
export async function openModelArgument(path: string): Promise<ExportedModel> {
  const [{ openExportedModel }, { readRecord, runFiles }, { GraftError }] = await Promise.all([
    import('../training/exported-model.ts'),
    import('../comparison/run-folder.ts'),
    import('../errors.ts'),
  ])
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (!isFolder) return openExportedModel(path)
  const { model } = runFiles(path)
  if (!existsSync(model)) {
    await readRecord(path)
    throw new GraftError(
      'bad-input',
      `${path}: this run has no model yet: go on with "graft resume ${path}"`,
    )
  }
  return openExportedModel(model)
}
