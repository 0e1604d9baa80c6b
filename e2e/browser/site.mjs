// Tests every page of the documentation site in Chromium, on a phone, on a desktop and without JavaScript: it has to pass
// axe-core, fit the screen, have no broken links, and make requests only to its own server.
//
// Variables: SITE (URL), CHROMIUM (path), SCREENSHOTS (folder). Prints its counts as a line of JSON, and exits with status 1 if
// there is any fault.
import {mkdir, readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import {chromium} from 'playwright-core';

const {SITE, CHROMIUM, SCREENSHOTS} = process.env;
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
    if (!/^(data|blob):/.test(address) && !address.startsWith(new URL(SITE).origin)) fault(`requests ${address}`);
  });
  page.on('response', response => response.status() >= 400 && fault(`${response.status()} for ${response.url()}`));
  page.on('console', message => message.type() === 'error' && fault(`console: ${message.text()}`));
  page.on('pageerror', error => fault(`page error: ${error}`));

  // Start at the first page and follow every link.
  const known = new Set([new URL(SITE).href]);
  for (const address of known) {
    await page.goto(address, {waitUntil: 'load'});
    counted.pages++;
    if ((await page.locator('h1').count()) !== 1) fault('must have exactly one h1');
    for (const {href, hash} of await page.locator('a[href]').evaluateAll(all => all.map(({href, hash}) => ({href, hash})))) {
      const target = href.slice(0, href.length - hash.length);
      if (target.startsWith(SITE) && target.endsWith('/')) known.add(target);
      const here = target === address && hash.length > 1;
      if (here && !(await page.locator(`[id="${decodeURIComponent(hash.slice(1))}"]`).count())) fault(`links to ${hash}, which does not exist`);
    }
    if (device.javaScriptEnabled === false) continue;
    const result = await page.evaluate(source => {
      if (!globalThis.axe) (0, eval)(source);
      return globalThis.axe.run(document);
    }, axe);
    if (result.passes.length < 10) fault('axe did not run');
    for (const violation of result.violations) {
      counted.violations++;
      fault(`axe: ${violation.id}: ${violation.help}: ${violation.nodes.map(node => node.target).slice(0, 5).join(' ')}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) fault(`scrolls ${wide} px horizontally`);
    const name = new URL(address).pathname.split('/').filter(Boolean).join('-');
    await page.screenshot({path: path.join(SCREENSHOTS, `${device.name}-${name}.png`), fullPage: name !== 'docs-reference'});
  }
  if (known.size < 10) fault(`only ${known.size} pages are linked`);
}

await mkdir(SCREENSHOTS, {recursive: true});
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const {name, ...options} of devices) {
  const context = await browser.newContext({locale: 'en-GB', ...options});
  try {
    await look({name, ...options}, await context.newPage());
  } catch (error) {
    counted.faults.push(`${name}: ${error.message}`);
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify(counted));
process.exit(counted.faults.length ? 1 : 0);
