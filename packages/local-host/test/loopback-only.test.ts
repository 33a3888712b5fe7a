/** Who may ask the local host: this machine's programs, and pages that it serves itself; no page from elsewhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { refusalOf } from '../src/http/loopback-only.ts';

describe('the local host', () => {
  it('answers as localhost, and to pages of localhost', () => {
    for (const host of ['localhost:7071', '127.0.0.1:7071', '[::1]:7071', 'app.localhost', '127.1.2.3', undefined]) {
      assert.equal(refusalOf({ host }), undefined, host);
    }
    for (const origin of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:1']) {
      assert.equal(refusalOf({ host: 'localhost:7071', origin }), undefined, origin);
    }
  });

  it('refuses names that others make mean this machine, and pages of others', () => {
    for (const host of ['evil.example:7071', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', 'a b']) {
      assert.match(refusalOf({ host }) ?? '', /answers as localhost only/, host);
    }
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'file://']) {
      assert.match(refusalOf({ host: 'localhost:7071', origin }) ?? '', /may not use this host/, origin);
    }
  });
});
