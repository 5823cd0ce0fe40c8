import { env } from 'node:process';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** React Aria brings its texts in 34 languages; the console has two. */
function twoLanguages(): Plugin {
  const catalogue = /[\\/](?:intl|i18n|dist[\\/].*intl)[\\/]([a-z]{2}-[A-Z]{2})\.(?:m?js|json|cjs)$/;
  return {
    name: 'two-languages',
    enforce: 'pre',
    load(id) {
      const found = catalogue.exec(id.split('?')[0] ?? id);
      if (!found || !/react-aria|react-stately/.test(id) || found[1] === 'en-US' || found[1] === 'zh-CN') return null;
      return { code: 'export default {};', moduleType: 'js' };
    },
  };
}

export default defineConfig({
  // The server says where the console lives, by <base>.
  base: './',
  plugins: [twoLanguages(), react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    sourcemap: false,
  },
  // A machine with much to do is slow; that is no fault of what is tested.
  test: { testTimeout: 120_000 },
  css: { modules: { localsConvention: 'camelCaseOnly' } },
  server: { proxy: { '/api': env['CONSOLE_SERVER'] ?? 'http://127.0.0.1:8080' } },
});
