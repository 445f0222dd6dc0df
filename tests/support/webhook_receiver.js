// A receiver of webhooks for tests, verifying with the public library of Standard Webhooks.
//
// It listens on a free loopback port and prints it; then a line of JSON for every post:
// {"path", "id", "verified", "event"}. Paths behave as they are called:
//   /secret/NAME   keeps the secret in the body for that name (for tests, not a webhook)
//   /ok/NAME       200
//   /fail/NAME     500 until /heal/NAME was called
//   /hang/NAME     never answers
//   /endless/NAME  200, and a body that never ends
//   /away/NAME     redirects to /ok/NAME
//   /gone/NAME     410
'use strict';
const http = require('http');
const path = require('path');
const { Webhook } = require(path.join(process.argv[2], 'standardwebhooks'));

const secrets = new Map();
const healed = new Set();

function report(request, body) {
  const [, kind, name] = request.url.split('/');
  let verified = false;
  let event = null;
  try {
    event = new Webhook(secrets.get(name)).verify(body, request.headers);
    verified = true;
  } catch (error) {
    event = { error: String(error) };
  }
  const line = { path: `/${kind}/${name}`, id: request.headers['webhook-id'], verified, event,
                 signatures: (request.headers['webhook-signature'] || '').split(' ').length };
  process.stdout.write(JSON.stringify(line) + '\n');
}

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    const [, kind, name] = request.url.split('/');
    if (kind === 'secret') {
      secrets.set(name, body);
      response.end();
    } else if (kind === 'heal') {
      healed.add(name);
      response.end();
    } else {
      report(request, body);
      if (kind === 'hang') return;
      if (kind === 'endless') {
        response.writeHead(200);
        const timer = setInterval(() => response.write('x'.repeat(1024)), 5);
        response.on('close', () => clearInterval(timer));
        return;
      }
      if (kind === 'away') response.writeHead(302, { location: `/ok/${name}` });
      if (kind === 'gone') response.writeHead(410);
      if (kind === 'fail' && !healed.has(name)) response.writeHead(500);
      response.end();
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ port: server.address().port }) + '\n');
});
process.stdin.on('end', () => process.exit(0)).resume();
