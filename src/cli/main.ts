import { Command, CommanderError } from 'commander'
import { GraftError } from '../errors.ts'
import { version } from '../version.ts'
import { evaluateCommand } from './evaluate.ts'
import { fitCommand } from './fit.ts'
import { inspectCommand } from './inspect.ts'
import { predictCommand } from './predict.ts'
import { reportCommand } from './report.ts'
import { resumeCommand } from './resume.ts'

/** Exit codes: 0 done, 1 failed, 2 bad usage. */
async function main(): Promise<number> {
  const program = new Command('graft')
    .description('Accurate image classifiers when labels are few.')
    .version(version)
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
  for (const add of [
    fitCommand,
    evaluateCommand,
    predictCommand,
    inspectCommand,
    resumeCommand,
    reportCommand,
  ]) {
    add(program)
  }
  for (const command of program.commands) command.exitOverride()
  try {
    await program.parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof GraftError) {
      process.stderr.write(`graft: ${error.message}\n`)
      return error.code === 'bad-usage' ? 2 : 1
    }
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`graft: something unexpected went wrong: ${reason.split('\n')[0]}\n`)
    if (process.env.GRAFT_DEBUG) console.error(error)
    return 1
  }
}

// A reader that closes early, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})
process.exitCode = await main()
