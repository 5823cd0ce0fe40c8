// Opens every page of the console in a browser, in both languages and themes, wide and narrow, and says what is wrong with it: an
// error in the browser's console, something that the Content-Security-Policy forbids, a serious finding of axe, a text of a stranger
// that became markup, a page wider than its window.
//
//   node smoke.mjs MODULES URL TOKEN [PICTURES]     MODULES holds playwright-core and axe-core
//
// Prints one JSON object: {"pages": how many were opened, "wrong": ["…"]}.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { argv, env, exit, stdout } from 'node:process';

const [, , modules, address, token, pictures] = argv;
const root = address.replace(/\/$/, '');
const require = createRequire(join(modules, 'node_modules', 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const wrong = [];
let opened = 0;

const api = async (path) => {
  const response = await fetch(`${root}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
};

/** The pages with the text that each shows once it is there. */
async function pages() {
  const { runs } = await api('runs?limit=100');
  const { requests } = await api('requests?limit=100');
  const { workflows } = await api('workflows');
  const { plugins } = await api('plugins');
  const failed = runs.find((run) => run.error?.step) ?? runs.find((run) => run.status === 'failed');
  const good = runs.find((run) => run.status === 'succeeded');
  const waiting = runs.find((run) => run.status === 'waiting');
  const refused = requests.find((request) => request.kept) ?? requests.find((request) => request.outcome.refused);
  const accepted = requests.find((request) => request.outcome.accepted);
  const found = [
    '/', '/workflows?state=paused', ...workflows.slice(0, 2).map((workflow) => `/workflows/${workflow.key}`), '/runs', '/runs?status=failed',
    failed && `/runs/${failed.id}`, failed && `/runs/${failed.id}?step=${failed.error.step}&tab=logs`, good && `/runs/${good.id}`,
    good && failed && `/runs/${failed.id}?with=${good.id}`, waiting && `/runs/${waiting.id}`,
    '/requests', '/requests?refused=true', refused && `/requests/${refused.id}`, accepted && `/requests/${accepted.id}`, '/failed', '/questions', '/plugins',
    ...plugins.slice(0, 1).map((plugin) => `/plugins/${plugin.name}`), '/secrets', '/health', '/settings', '/settings/people', '/settings/tokens',
    '/settings/audit', '/runs/run_00000000000000000000000000000000', '/workflows/no-such-workflow',
  ];
  return found.filter(Boolean);
}

/** What axe finds that is serious, and what a reader cannot see. */
async function looked(page, name) {
  await page.evaluate(axe);
  const findings = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((it) => it.impact === 'serious' || it.impact === 'critical')
      .map((it) => `${it.id}: ${it.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  });
  for (const finding of findings) wrong.push(`${name}: axe: ${finding}`);
  const { canary, wide, title, busy } = await page.evaluate(() => ({
    canary: globalThis.canary !== undefined || document.querySelector('[data-canary]') !== null,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    title: document.querySelector('h1')?.textContent ?? '',
    busy: document.querySelector('[aria-busy="true"]') !== null,
  }));
  if (canary) wrong.push(`${name}: a text of a stranger became markup`);
  if (wide > 0) wrong.push(`${name}: it is ${wide} pixels wider than the window`);
  if (title === '' || busy) wrong.push(`${name}: it has no heading, or does not end loading`);
}

const settled = async (page) => {
  await page.waitForSelector('h1', { timeout: 60_000 });
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null, null, { timeout: 60_000 });
  await page.waitForTimeout(Number(env.SETTLE ?? 150));
};

async function visit(browser, { language, theme, width }, paths) {
  const context = await browser.newContext({ viewport: { width, height: width < 500 ? 780 : 860 }, colorScheme: theme, locale: language === 'zh' ? 'zh-CN' : 'en-US', reducedMotion: 'reduce' });
  const page = await context.newPage();
  let name = '';
  const kind = `${language}-${theme}-${width}`;
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    // What a server does not have is asked for once, and answered by 404; a wrong id too.
    const ofApi = /\/(?:api\/v1\/|readyz)/.test(message.location().url) && message.text().startsWith('Failed to load resource');
    if (!ofApi) wrong.push(`${kind} ${name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`${kind} ${name}: ${error.message}`));
  page.on('requestfailed', (request) => {
    if (!request.url().startsWith(root)) wrong.push(`${kind} ${name}: it asked ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  const picture = async () => {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name.replaceAll(/[^A-Za-z0-9]+/g, '_')}.${kind}.png`), fullPage: width < 500 });
  };
  name = '/login';
  await page.goto(`${root}/login`);
  await settled(page);
  await looked(page, `${kind} ${name}`);
  await picture();
  const field = page.locator('input[type="password"]');
  if ((await page.locator('input').count()) > 1) await page.getByRole('button', { name: /API/ }).click();
  await field.fill(token);
  await page.locator('button[type="submit"]').click();
  await page.waitForSelector('main#main', { timeout: 60_000 });
  for (const path of paths) {
    name = path;
    await page.goto(root + path);
    await settled(page);
    await looked(page, `${kind} ${name}`);
    await picture();
    opened += 1;
  }
  name = 'palette';
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('plug');
  await looked(page, `${kind} ${name}`);
  await picture();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/plugins');
  const there = page.waitForFunction(() => document.activeElement?.id === 'main', null, { timeout: 20_000 });
  await there.catch(() => wrong.push(`${kind} ${name}: the focus is not on the page that was gone to`));
  await context.close();
}

const browser = await chromium.launch({ executablePath: env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const paths = await pages();
  const all = [
    { language: 'en', theme: 'light', width: 1280 },
    { language: 'zh', theme: 'dark', width: 375 },
    ...(pictures
      ? [
          { language: 'zh', theme: 'light', width: 1280 },
          { language: 'en', theme: 'dark', width: 1280 },
          { language: 'en', theme: 'light', width: 375 },
        ]
      : []),
  ];
  for (const one of all) await visit(browser, one, paths);
} catch (error) {
  wrong.push(`it broke off: ${error.stack ?? error}`);
} finally {
  await browser.close();
}
stdout.write(`${JSON.stringify({ pages: opened, wrong })}\n`);
exit(0);
