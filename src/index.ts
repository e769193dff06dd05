export type { BackboneEvent, ResolvedBackbone } from './backbones/backbone.ts'
export { resolveBackbone } from './backbones/resolve.ts'
export { type HubSettings, hubSettings } from './backbones/settings.ts'
export type { FitEvent } from './comparison/choose-strategy.ts'
export { evaluate } from './comparison/evaluate.ts'
export { type FitConfiguration, type FitResult, fit } from './comparison/fit.ts'
export { type LoadedRule, loadRule } from './comparison/load-rule.ts'
export {
  type PretrainConfiguration,
  type PretrainResult,
  pretrain,
} from './comparison/pretrain.ts'
export type { Evaluation, RunRecord, StrategyRecord } from './comparison/record.ts'
export {
  createRunFolder,
  openRunFolder,
  type RunFolder,
  readRecord,
} from './comparison/run-folder.ts'
export { type Dataset, decodeDataset } from './data/dataset.ts'
export { decodeFile } from './data/decode-file.ts'
export { decodeImages } from './data/decode-images.ts'
export { openSource } from './data/open-source.ts'
export { scan } from './data/scan.ts'
export { run, vjp } from './engine.ts'
export { externalDataIn } from './graph/external-data.ts'
export { readModelFile } from './graph/read-file.ts'
export * from './portable.ts'
export type {
  Pretrained,
  PretrainingMethod,
  PretrainingOptions,
  Rule,
} from './pretraining/method.ts'
export { methods as pretrainingMethods } from './pretraining/methods.ts'
export { fitReport } from './report/fit-report.ts'
export { defaultRuntime } from './runtime/default.ts'
export { runtimeFor } from './runtime/devices.ts'
export { type ExportedModel, exportModel, openExportedModel } from './training/exported-model.ts'
export type { NormalizationLayer } from './training/normalization-layers.ts'
export { type ReestimateOptions, reestimateStatistics } from './training/reestimate-statistics.ts'
export { type Inspection, inspect } from './transfer/inspect.ts'
export { version } from './version.ts'
