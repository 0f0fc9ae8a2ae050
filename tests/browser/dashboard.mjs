// The dashboard in a real Chromium: node dashboard.mjs URL TOKEN CHROMIUM PICTURES. Prints "ok" and ends with 0 where all holds.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [url, token, executablePath, pictures] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 850 } });
  page.setDefaultTimeout(60000);
  const errors = [], foreign = [];
  page.on('pageerror', e => errors.push(e.message));
  page.on('request', r => { if (!r.url().startsWith(url) && !r.url().startsWith('blob:')) foreign.push(r.url()); });
  page.on('dialog', d => d.accept());

  // The list, from server-sent events; names are shown as text, whatever they hold.
  await page.goto(url + '/#token=' + encodeURIComponent(token));
  await page.waitForSelector('#jobs li');
  assert.equal(new URL(page.url()).hash, '', 'the token stays in the address');
  assert.equal(await page.locator('#jobs li').count(), 3);
  assert.equal(await page.locator('#jobs img').count(), 0, 'a name became markup');
  assert.match(await page.locator('#summary').textContent(), /1 done/);
  assert.match(await page.locator('#machine').textContent(), /free/);
  await page.screenshot({ path: pictures + '/list.png' });

  // By keyboard alone: to the film, into it, along the slider, out again.
  const name = page.locator('.name', { hasText: 'good' });
  await name.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('#compare:not([hidden])');
  for (const id of ['before', 'after']) {
    assert.ok(await page.locator('#' + id).evaluate(async i => { await i.decode(); return i.naturalWidth; }) > 0, id + ' is no picture');
  }
  await page.locator('#slider').focus();
  for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowLeft');
  assert.equal(await page.locator('#slider').inputValue(), '30');
  assert.match(await page.locator('#before').evaluate(e => e.style.clipPath), /70%/);
  assert.match(await page.locator('#log').textContent(), /segment/);
  await page.screenshot({ path: pictures + '/film.png' });

  // Its report, in a page of its own that can reach nothing here.
  const [report] = await Promise.all([page.waitForEvent('popup'), page.locator('#report').press('Enter')]);
  report.on('pageerror', e => errors.push(e.message));
  await report.waitForSelector('h1');
  assert.equal(await report.locator('h1').textContent(), 'good.mp4');
  assert.ok(await report.locator('.pair img').first().evaluate(async i => { await i.decode(); return i.naturalWidth; }) > 0, 'the report has no picture');
  await report.locator('#slider').focus();
  await report.keyboard.press('Home');
  assert.match(await report.locator('.still:visible .after').evaluate(e => getComputedStyle(e).clipPath), /inset/);
  assert.equal(await report.evaluate(() => self.origin), 'null', 'the report shares the dashboard\'s origin');
  assert.equal(await report.evaluate(u => fetch(u + '/api/jobs').then(() => 'reached', () => 'refused'), url), 'refused');
  await report.screenshot({ path: pictures + '/report.png' });
  await report.close();
  await page.keyboard.press('Escape');
  await page.waitForSelector('#detail', { state: 'hidden' });
  assert.ok(await name.evaluate(e => e === document.activeElement), 'the focus is lost');

  // Changes: a film that waits is paused, given priority, let go, cancelled, tried again.
  const waiting = page.locator('li', { hasText: 'waits' });
  await waiting.getByRole('button', { name: /^Pause/ }).click();
  await waiting.locator('.state', { hasText: 'paused' }).waitFor();
  await waiting.locator('select').selectOption('high');
  await waiting.getByRole('button', { name: /^Go on/ }).click();
  await waiting.locator('.state', { hasText: 'waiting' }).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('li')].find(l => l.textContent.includes('waits')).querySelector('select').value === 'high');
  await waiting.getByRole('button', { name: /^Cancel/ }).click();
  await waiting.locator('.state', { hasText: 'cancelled' }).waitFor();
  await waiting.getByRole('button', { name: /^Try again/ }).click();
  await waiting.locator('.state', { hasText: 'waiting' }).waitFor();

  // A narrow screen: nothing sticks out.
  await page.setViewportSize({ width: 360, height: 740 });
  await name.click();
  await page.waitForSelector('#compare:not([hidden])');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
  await page.screenshot({ path: pictures + '/narrow.png' });

  // Without the token a change is refused and the page asks for it.
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(url);
  await stranger.waitForSelector('#jobs li');
  await stranger.locator('li', { hasText: 'waits' }).getByRole('button', { name: /^Pause/ }).click();
  await stranger.waitForSelector('#token-dialog[open]');
  assert.equal(await waiting.locator('.state').textContent(), 'waiting');

  assert.deepEqual(errors, []);
  assert.deepEqual(foreign, []);
  console.log('ok');
} finally {
  await browser.close();
}
