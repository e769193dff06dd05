import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  // Otherwise the page would look for the WebAssembly file beside the copy that vite makes.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  build: { target: 'es2023' },
  worker: { format: 'es' },
})
