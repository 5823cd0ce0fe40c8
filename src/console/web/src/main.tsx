import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import './style/tokens.css';
import './style/base.css';
import { App } from './app';
import { applyTheme } from './lib/look';

applyTheme();
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

// A page of an older server asks for a part that is gone: the newer console is loaded, once.
addEventListener('vite:preloadError', (event) => {
  const key = 'flowcell.reloaded';
  if (sessionStorage.getItem(key) === location.href) return;
  sessionStorage.setItem(key, location.href);
  event.preventDefault();
  location.reload();
});
