// Looks at every page of the documentation site in Chromium, on a phone and on a desktop, and without JavaScript: each has to
// pass axe-core, fit its screen, lead nowhere that is not there, and ask nobody but its own server for anything.
//
// Variables: SITE (its address), CHROMIUM (its path), PICTURES (a folder). It ends with a line of JSON that counts, and with
// status 1 if anything is wrong.
import {mkdir, readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import {chromium} from 'playwright-core';

const {SITE, CHROMIUM, PICTURES} = process.env;
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const devices = [
  {name: 'phone', viewport: {width: 360, height: 740}, isMobile: true, hasTouch: true, deviceScaleFactor: 2},
  {name: 'desktop', viewport: {width: 1280, height: 900}},
  {name: 'noscript', viewport: {width: 1280, height: 900}, javaScriptEnabled: false},
];

const counted = {pages: 0, requests: 0, violations: 0, faults: []};

async function look(device, page) {
  const fault = text => counted.faults.push(`${device.name} ${page.url()}: ${text}`);
  page.on('request', request => {
    counted.requests++;
    const address = request.url();
    if (!/^(data|blob):/.test(address) && !address.startsWith(new URL(SITE).origin)) fault(`asks ${address} for something`);
  });
  page.on('response', response => response.status() >= 400 && fault(`${response.status()} for ${response.url()}`));
  page.on('console', message => message.type() === 'error' && fault(`console: ${message.text()}`));
  page.on('pageerror', error => fault(`page error: ${error}`));

  // From the first page on, every page that another leads to.
  const known = new Set([new URL(SITE).href]);
  for (const address of known) {
    await page.goto(address, {waitUntil: 'load'});
    counted.pages++;
    if ((await page.locator('h1').count()) !== 1) fault('has not one heading of the first order');
    for (const {href, hash} of await page.locator('a[href]').evaluateAll(all => all.map(({href, hash}) => ({href, hash})))) {
      const target = href.slice(0, href.length - hash.length);
      if (target.startsWith(SITE) && target.endsWith('/')) known.add(target);
      const here = target === address && hash.length > 1;
      if (here && !(await page.locator(`[id="${decodeURIComponent(hash.slice(1))}"]`).count())) fault(`leads to ${hash}, which is not there`);
    }
    if (device.javaScriptEnabled === false) continue;
    const result = await page.evaluate(source => {
      if (!globalThis.axe) (0, eval)(source);
      return globalThis.axe.run(document);
    }, axe);
    if (result.passes.length < 10) fault('axe did not look');
    for (const violation of result.violations) {
      counted.violations++;
      fault(`axe: ${violation.id}: ${violation.help}: ${violation.nodes.map(node => node.target).slice(0, 5).join(' ')}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) fault(`scrolls ${wide} px sideways`);
    const name = new URL(address).pathname.split('/').filter(Boolean).join('-');
    await page.screenshot({path: path.join(PICTURES, `${device.name}-${name}.png`), fullPage: name !== 'docs-reference'});
  }
  if (known.size < 10) fault(`only ${known.size} pages are found from the first`);
}

await mkdir(PICTURES, {recursive: true});
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const {name, ...options} of devices) {
  const context = await browser.newContext({locale: 'en-GB', ...options});
  try {
    await look({name, ...options}, await context.newPage());
  } catch (problem) {
    counted.faults.push(`${name}: ${problem.message}`);
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify(counted));
process.exit(counted.faults.length ? 1 : 0);
