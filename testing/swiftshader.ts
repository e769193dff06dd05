import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { chromium } from './chromium.ts'

const folders = ['/usr/lib/chromium', chromium ? dirname(chromium) : '']

/** The folder of Chromium's software renderer, on which WebGPU can be tested without a graphics card; undefined where there is none. */
export const swiftShader = folders.find((folder) =>
  existsSync(join(folder, 'vk_swiftshader_icd.json')),
)

/** The environment in which a process finds that renderer. */
export const swiftShaderEnvironment = (folder: string) => ({
  VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
  // Vulkan's loader lies beside it.
  LD_LIBRARY_PATH: folder,
  XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
})
