// Checks the imports against .dependency-cruiser.mjs. A checker that silently sees nothing reports no violations, so
// this also fails where it saw no module at all, or missed a TypeScript file.

import { existsSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractCruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'
import extractTypeScriptConfig from 'dependency-cruiser/config-utl/extract-ts-config'

const folders = ['src', 'testing', 'test', 'bench', 'examples', 'scripts'].filter((folder) =>
  existsSync(folder),
)

const { output } = await cruise(
  folders,
  await extractCruiseOptions('./.dependency-cruiser.mjs'),
  undefined,
  { tsConfig: extractTypeScriptConfig('./tsconfig.json') },
)
const { modules, summary } = output as ICruiseResult

const seen = new Set(modules.map((module) => module.source))
const missed = folders
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))),
  )
  .map((file) => file.split(sep).join('/'))
  .filter((file) => file.endsWith('.ts') && !file.includes('node_modules/') && !seen.has(file))

const problems = [
  ...summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  ...missed.map((file) => `not seen: ${file}`),
  ...(summary.totalCruised > 0 ? [] : ['no module was seen at all']),
]
for (const problem of problems) console.error(problem)
console.log(
  `boundaries: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports, ${problems.length} problems`,
)
if (problems.length > 0) process.exitCode = 1
