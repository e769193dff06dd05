import { showPage } from './page.ts'

await showPage(document.querySelector('main') as HTMLElement, {
  images: 2000,
  testImages: 500,
  epochs: 8,
})
