// Tests a courier's path through the pages in Chromium: from the link in a work provider's app to a shift in the account, with
// errors on the way. It runs three times: on a phone, on a desktop, and on a phone without JavaScript. Every page has to pass
// axe-core and must not scroll horizontally, and a screenshot of it is saved.
//
// Variables: BASE (URL of the pages), SITE_URL (their URL in mails), MAILS (URL of the emulator), KEY (of Courier Ltd), CHROMIUM
// (path), SCREENSHOTS (folder). Prints its counts as a line of JSON, and exits with status 1 if there is any fault.
import {mkdir, readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import {chromium} from 'playwright-core';

const {BASE, SITE_URL, MAILS, KEY, CHROMIUM, SCREENSHOTS} = process.env;
const PASSWORD = 'three words in a row';
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const devices = [
  {name: 'phone', viewport: {width: 360, height: 740}, isMobile: true, hasTouch: true, deviceScaleFactor: 2},
  {name: 'desktop', viewport: {width: 1280, height: 900}},
  {name: 'noscript', viewport: {width: 320, height: 640}, javaScriptEnabled: false},
];

const counted = {pages: 0, screenshots: 0, violations: 0, faults: []};

class Walk {
  constructor(device, context, page) {
    Object.assign(this, {device, context, page, number: 0});
    this.email = `ola.${device.name}.${Date.now()}@example.com`;
    this.userID = `walk-${device.name}-${Date.now()}`;
    const checkRequest = request => request.url().startsWith('data:') || request.url().startsWith(new URL(BASE).origin) ||
      this.fault(`requests ${request.url()}`);
    page.on('request', checkRequest);
    page.on('console', m => m.type() === 'error' && !/status of 4\d\d/.test(m.text()) && this.fault(`console: ${m.text()}`));
    page.on('pageerror', e => this.fault(`page error: ${e}`));
  }

  fault(text) { counted.faults.push(`${this.device.name} ${this.page.url()}: ${text}`); }

  must(ok, text) { if (!ok) throw new Error(`${this.device.name} ${this.page.url()}: ${text}`); }

  // seen checks a page: it must have the heading, pass axe, and not scroll horizontally.
  async seen(name, heading) {
    const h1 = (await this.page.locator('h1').textContent()).trim();
    this.must(h1 === heading, `the heading is ${JSON.stringify(h1)}, want ${JSON.stringify(heading)}`);
    counted.pages++;
    if (this.device.javaScriptEnabled !== false) {
      // The Content-Security-Policy forbids scripts, so axe is run through the debugger.
      const result = await this.page.evaluate(source => {
        if (!globalThis.axe) (0, eval)(source);
        return globalThis.axe.run(document);
      }, axe);
      this.must(result.passes.length > 10, 'axe did not run');
      for (const v of result.violations) {
        counted.violations++;
        this.fault(`axe: ${v.id}: ${v.help}: ${v.nodes.map(n => n.target).join(' ')}`);
      }
      const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) this.fault(`scrolls ${wide} px horizontally`);
    }
    const file = `${this.device.name}-${String(++this.number).padStart(2, '0')}-${name}.png`;
    await this.page.screenshot({path: path.join(SCREENSHOTS, file), fullPage: true});
    counted.screenshots++;
  }

  open(address) { return this.page.goto(BASE + address); }

  async click(name) {
    await Promise.all([this.page.waitForEvent('domcontentloaded'), this.page.getByRole('button', {name, exact: true}).click()]);
  }

  async follow(name) {
    await Promise.all([this.page.waitForEvent('domcontentloaded'), this.page.getByRole('link', {name, exact: true}).first().click()]);
  }

  linkFor(provider, userID, email) {
    return '/v1/link-work-provider/?' + new URLSearchParams({work_provider: provider, work_provider_user_id: userID, email});
  }

  // mail returns the link of the newest mail to the courier.
  async mail() {
    for (let i = 0; i < 50; i++) {
      const {messages} = await (await fetch(`${MAILS}/_ministack/ses/messages`)).json();
      const mine = Object.values(messages).flat().filter(m =>
        m.To.includes(this.email) && m.Timestamp > (this.since ?? 0) && !this.read?.has(m.MessageId));
      if (mine.length) {
        const newest = mine.reduce((a, b) => (a.Timestamp >= b.Timestamp ? a : b));
        (this.read ??= new Set()).add(newest.MessageId);
        return newest.BodyText.match(/https?:\/\/\S+/)[0].replace(SITE_URL, BASE);
      }
      await new Promise(done => setTimeout(done, 100));
    }
    throw new Error('no mail arrived');
  }

  async api(method, address, body) {
    const response = await fetch(BASE + address, {method, headers: {Authorization: KEY}, body: body && JSON.stringify(body)});
    return {status: response.status, body: await response.json()};
  }

  async fill(values) {
    for (const [name, value] of Object.entries(values)) await this.page.locator(`[name="${name}"]`).fill(value);
  }

  async whole() {
    // An invalid link.
    await this.open(this.linkFor('Nobody Ltd', '1', this.email));
    await this.seen('unknown-provider', 'This link does not work');
    await this.open('/account/nothing');
    await this.seen('no-page', 'There is no such page');

    // Sign up, first with invalid input: the input is kept.
    await this.open(this.linkFor('Courier Ltd', this.userID, this.email));
    await this.seen('signup', 'Sign up');
    this.must(await this.page.locator('[name=email]').inputValue() === this.email, 'the email is not filled in');
    await this.fill({givenNames: 'Ola', phoneNumber: 'none', 'dob-day': '17', 'dob-month': '5', 'dob-year': '1990', password: 'short'});
    await this.click('Sign up');
    await this.seen('signup-mistakes', 'Sign up');
    this.must(await this.page.locator('[name=givenNames]').inputValue() === 'Ola', 'the input is lost');
    this.must(await this.page.locator('[name=password]').inputValue() === '', 'the password is filled in');
    await this.fill({
      lastName: 'Nowak', address: '1 Long Lane', city: 'London', postCode: 'EC1A 9HF', phoneNumber: '07700 900123',
      vehicle: 'ab12 cde', password: PASSWORD,
    });
    await this.page.locator('[name=terms]').check();
    await this.click('Sign up');
    await this.seen('check-your-mail', 'Check your mail');

    // No browser keeps a form with errors (no-store), so the back button asks whether to send it again. The mail remains
    // valid.
    const first = await this.mail();
    await this.page.goBack().catch(e => this.must(e.message.includes('ERR_CACHE_MISS'), `the back button: ${e.message}`));

    // Open the link of the mail in another tab.
    await this.page.close();
    this.page = await this.context.newPage();
    await this.page.goto(first);
    await this.seen('confirm', 'Confirm your email');
    await this.fill({password: 'not this one at all'});
    await this.click('Confirm and go on');
    await this.seen('confirm-mistake', 'Confirm your email');
    await this.fill({password: PASSWORD});
    await this.click('Confirm and go on');

    // Decline first, then agree.
    await this.seen('consent', 'Share with Courier Ltd?');
    await this.click('Decline');
    await this.seen('declined', 'Your account');
    await this.page.goBack();
    await this.seen('consent-again', 'Share with Courier Ltd?');
    await this.click('Agree and share');
    await this.seen('linked', 'Your account');
    await this.page.goto(first);
    await this.seen('mail-used', 'This link has expired');

    // The work provider's events become a shift in the account.
    const minutes = n => new Date(Date.now() - n * 60000).toISOString();
    const login = await this.api('POST', '/v1/shift/login/', {workProviderUserId: this.userID, timestamp: minutes(0)});
    this.must(login.status === 202, `login: ${login.status}`);
    await this.until(() => this.page.getByText('Still on shift').count());
    await this.seen('on-shift', 'Your account');
    await this.api('POST', '/v1/shift/logout/', {workProviderUserId: this.userID, timestamp: minutes(0)});
    await this.until(() => this.page.getByText('You logged out').count());
    await this.seen('after-shift', 'Your account');

    // Share with a second work provider; follow the first link again; then remove the first, which loses access.
    await this.open(this.linkFor('Parcels & Co', this.userID, this.email));
    await this.click('Agree and share');
    await this.seen('two-providers', 'Your account');
    await this.open(this.linkFor('Courier Ltd', this.userID, this.email));
    await this.seen('linked-already', 'You share with Courier Ltd');
    const known = await this.api('GET', `/v1/user/status/?workProviderUserId=${this.userID}`);
    this.must(known.body.status === 'ENABLED', `before the removal: ${JSON.stringify(known)}`);
    await this.open('/account');
    await this.follow('Remove Courier Ltd');
    await this.seen('remove', 'Remove Courier Ltd?');
    await this.click('Remove Courier Ltd');
    await this.seen('removed', 'Your account');
    const gone = await this.api('GET', `/v1/user/status/?workProviderUserId=${this.userID}`);
    this.must(gone.status === 404 && gone.body.error === 'INVALID_CUSTOMER', `after the removal: ${JSON.stringify(gone)}`);

    // An ID of another customer.
    await this.open(this.linkFor('Courier Ltd', '12345', this.email));
    await this.seen('anothers', 'Already linked to another customer');

    // Sign out, enter a wrong password, reset it, sign in.
    await this.open('/account/terms');
    await this.seen('terms', 'Terms');
    await this.click('Sign out');
    await this.seen('login', 'Sign in');
    await this.fill({email: this.email, password: 'this is not it'});
    await this.click('Sign in');
    await this.seen('login-mistake', 'Sign in');
    await this.follow('Forgotten your password, or don’t have one yet?');
    await this.seen('forgot', 'Set a new password');
    await this.fill({email: this.email});
    await this.click('Send the link');
    const reset = await this.mail();
    await this.page.goto(reset);
    await this.seen('reset', 'Set a new password');
    await this.fill({password: PASSWORD + ' again'});
    await this.click('Set the password');
    await this.seen('back-in', 'Your account');
  }

  // A demo customer with a year-old consent and no account sets a first password. Their chart shows ten days of shifts,
  // including night shifts.
  async fortnight() {
    const day = 24 * 3600e3, hour = 3600e3;
    const events = path => Array.from({length: 10}, (_, i) => {
      const midnight = Math.floor(Date.now() / day) * day - (i + 2) * day; // the night shift that began yesterday may not have ended
      const [from, to] = i % 3 ? [midnight + (7 + i % 4) * hour, midnight + (13 + i % 5) * hour] : [midnight + 21 * hour, midnight + 28 * hour];
      return {workProviderUserId: '12345', timestamp: new Date(path === 'login' ? from : to).toISOString()};
    });
    for (const path of ['login', 'logout']) {
      const {status} = await this.api('POST', `/v1/batch/${path}/`, events(path));
      this.must(status === 202, `batch: ${status}`);
    }
    await this.context.clearCookies();
    this.email = 'driver@example.com';
    await this.open(this.linkFor('Courier Ltd', '12345', this.email));
    await this.seen('known-email', 'Sign in');
    await this.follow('Forgotten your password, or don’t have one yet?');
    this.since = Date.now() / 1000; // ignore mails of previous runs to the same address
    await this.click('Send the link');
    await this.seen('first-password-mail', 'Check your mail');
    await this.page.goto(await this.mail());
    await this.fill({password: PASSWORD});
    await this.click('Set the password');
    await this.seen('shared-before', 'You share with Courier Ltd');
    await this.until(async () => (await this.page.getByText('You logged out').count()) >= 10);
    await this.seen('fortnight', 'Your account');
  }

  async until(done) {
    for (let i = 0; i < 120; i++) {
      await this.open('/account');
      if (await done()) return;
      await new Promise(again => setTimeout(again, 500));
    }
    throw new Error(`${this.device.name}: not reached within a minute`);
  }
}

await mkdir(SCREENSHOTS, {recursive: true});
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const {name, ...options} of devices) {
  const context = await browser.newContext({locale: 'en-GB', ...options});
  const page = await context.newPage();
  const walk = new Walk({name, ...options}, context, page);
  try {
    await walk.whole();
    await walk.fortnight();
  } catch (error) {
    walk.fault(error.message);
    await walk.page.screenshot({path: path.join(SCREENSHOTS, `${name}-failed.png`), fullPage: true});
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify(counted));
process.exit(counted.faults.length ? 1 : 0);
