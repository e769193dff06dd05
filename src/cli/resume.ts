import type { Command } from 'commander'
import type { FitConfiguration } from '../comparison/fit.ts'
import { runFit } from './fit.ts'

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
      await runFit(configuration, () => openRunFolder(run), options.json === true)
    })
}
