import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { FitConfiguration } from '../comparison/fit.ts'
import { enterFolder } from './enter-folder.ts'
import { printResult, runFit } from './fit.ts'

export function resumeCommand(program: Command): void {
  program
    .command('resume')
    .description('go on with a run that was interrupted')
    .argument('<run>', 'the folder of the run')
    .option('--json', 'print the result as JSON')
    .action(async (run: string, options: { json?: true }) => {
      const { openRunFolder, readRecord } = await import('../comparison/run-folder.ts')
      const record = await readRecord(run)
      const configuration = record.configuration as unknown as FitConfiguration
      const json = options.json === true
      const folder = await openRunFolder(enterFolder(record.startedIn, run))
      const isComplete = record.status === 'done' && existsSync(folder.report)
      if (isComplete) printResult(record, folder, json)
      else {
        const { runtimeFor } = await import('../runtime/devices.ts')
        await runFit(configuration, folder, await runtimeFor(record.device ?? 'cpu'), json, record)
      }
    })
}
