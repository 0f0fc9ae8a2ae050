// A report in a real Chromium: node report.mjs URL CHROMIUM PICTURES. Prints "ok" and ends with 0 where all holds.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [url, executablePath, pictures] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']]) {
    const page = await (await browser.newContext({ viewport: { width, height: 900 }, colorScheme })).newPage();
    page.setDefaultTimeout(60000);
    const errors = [], requests = [];
    page.on('pageerror', e => errors.push(e.message));
    page.on('console', m => { if (m.type() === 'error') errors.push(m.text()); });
    page.on('request', r => { if (!r.url().startsWith('data:')) requests.push(r.url()); });
    page.on('dialog', d => { errors.push('dialog: ' + d.message()); d.dismiss(); });
    await page.goto(url);

    // Names are text, whatever they hold.
    assert.match(await page.locator('h1').textContent(), /^<b>out\.mp4$/);
    assert.match(await page.locator('.from').textContent(), /<img src=x onerror=alert\(1\)>&amp;\.mp4/);
    assert.equal(await page.locator('img:not(.pair img)').count(), 0, 'a name became markup');

    // Every picture is one, of its pair's size.
    const sizes = await page.locator('.pair img').evaluateAll(async images => { for (const i of images) await i.decode(); return images.map(i => [i.naturalWidth, i.naturalHeight, i.width > 0]); });
    assert.ok(sizes.length >= 4);
    for (let i = 0; i < sizes.length; i += 2) assert.deepEqual(sizes[i].slice(0, 2), sizes[i + 1].slice(0, 2));

    // By keyboard alone: another frame, then the slider.
    const radios = page.locator('input[name=still]');
    await radios.first().focus();
    await page.keyboard.press('ArrowRight');
    assert.ok(await radios.nth(1).isChecked());
    assert.equal(await page.locator('.still:visible').count(), 1);
    assert.equal(await page.locator('.still:visible').getAttribute('data-still'), '1');
    const shown = () => page.locator('.still:visible .after').evaluate(e => getComputedStyle(e).clipPath);
    const slider = page.locator('#slider');
    await slider.focus();
    assert.match(await shown(), /50%/);
    for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowLeft');
    assert.equal(await slider.inputValue(), '30');
    assert.match(await shown(), /30%/);

    // By pointer, on the picture itself.
    const box = await page.locator('.still:visible .pair').boundingBox();
    await page.mouse.click(box.x + box.width * 0.8, box.y + box.height / 2);
    assert.ok(Math.abs(await slider.inputValue() - 80) <= 1);
    await page.locator('#difference').check();
    assert.equal(await page.locator('.still:visible .after').evaluate(e => getComputedStyle(e).mixBlendMode), 'difference');
    await page.locator('#difference').uncheck();

    // The figures are what is shown; every plot is drawn; colours are those of the scheme; nothing sticks out.
    const figures = JSON.parse(await page.locator('#figures').textContent());
    for (const [kind, count] of Object.entries(figures.ledger.kinds)) {
      assert.ok((await page.locator('.tiles').textContent()).includes((kind === 'source' ? 'frames of the source' : 'frames ' + kind)), kind);
      assert.ok((await page.locator('.legend').first().textContent()).includes(`${kind}: ${count}`));
    }
    assert.ok(await page.locator('.plot svg:visible').count() >= 1);
    assert.equal(await page.locator('.plot').evaluateAll(p => p.filter(e => ![...e.querySelectorAll('svg')].some(s => s.getBoundingClientRect().height > 40)).length), 0);
    assert.ok(!(await page.content()).includes('rgb(') || !/rgb\(\d+,99,99\)/.test(await page.content()));
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
    assert.ok(colorScheme === 'dark' ? paper < 60 : paper > 200, 'paper ' + paper);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
    await page.screenshot({ path: `${pictures}/${width}-${colorScheme}.png`, fullPage: true });
    assert.deepEqual(errors, []);
    assert.deepEqual(requests, [url]);
  }
  console.log('ok');
} finally {
  await browser.close();
}
