import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExportedModel } from '../training/exported-model.ts'

/** Opens the model of a run folder, or a model file. */
export async function openModelArgument(path: string): Promise<ExportedModel> {
  const { openExportedModel } = await import('../training/exported-model.ts')
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
  return openExportedModel(isFolder ? join(path, 'model.onnx') : path)
}
