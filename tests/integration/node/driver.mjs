// Performs HTTP calls for the Python tests, one JSON command a line on stdin, one JSON result a line on stdout.
//
//   node driver.mjs fetch|axios OPTIONS      OPTIONS is JSON: {base, ca?, cert?, key?, socketPath?}
//   command: {method, target, headers, form?: [part], raw?: base64, stream?: bytes per piece}
//            part: [name, text] or [name, file name, content type, base64]
//            raw is a whole body with its own content-type header; with `stream` it goes out in pieces of that
//            size and without a length, which both clients send as chunks
//   result:  {status, headers: {name: value}, body: base64} or {error}

import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import readline from 'node:readline';
import { Readable } from 'node:stream';
import axios from 'axios';
import NodeFormData from 'form-data';

// Node 18 tries only the first address of `localhost`, which may be ::1, where nobody listens.
dns.setDefaultResultOrder('ipv4first');

const [client, optionText] = process.argv.slice(2);
const options = JSON.parse(optionText);
const pem = (path) => (path ? readFileSync(path) : undefined);
const tls = { ca: pem(options.ca), cert: pem(options.cert), key: pem(options.key) };

function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

function headersOf(entries) {
  const headers = {};
  for (const [name, value] of entries) {
    headers[name.toLowerCase()] = String(value);
  }
  return headers;
}

// Node's fetch takes its certificates from its dispatcher, whose class is reachable only through the
// instance that exists after the first call.
async function prepareFetch() {
  if (!options.ca) {
    return undefined;
  }
  await fetch('data:,');
  const current = globalThis[Symbol.for('undici.globalDispatcher.1')];
  return new current.constructor({ connect: tls });
}

function fetchBody(command) {
  if (command.form) {
    const form = new FormData();
    for (const [name, value, type, data] of command.form) {
      if (type === undefined) {
        form.append(name, value);
      } else {
        form.append(name, new Blob([Buffer.from(data, 'base64')], { type }), value);
      }
    }
    return { body: form };
  }
  if (command.raw === undefined) {
    return {};
  }
  const bytes = Buffer.from(command.raw, 'base64');
  if (!command.stream) {
    return { body: bytes };
  }
  const source = pieces(bytes, command.stream);
  const body = new ReadableStream({
    pull(controller) {
      const { value, done } = source.next();
      if (done) {
        controller.close();
      } else {
        controller.enqueue(new Uint8Array(value));
      }
    },
  });
  return { body, duplex: 'half' };
}

async function callFetch(command, dispatcher) {
  const response = await fetch(options.base + command.target, {
    method: command.method,
    headers: command.headers,
    redirect: 'manual',
    dispatcher,
    ...fetchBody(command),
  });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: headersOf(response.headers.entries()), body: body.toString('base64') };
}

function axiosBody(command) {
  if (command.form) {
    const form = new NodeFormData();
    for (const [name, value, type, data] of command.form) {
      if (type === undefined) {
        form.append(name, value);
      } else {
        form.append(name, Buffer.from(data, 'base64'), { filename: value, contentType: type });
      }
    }
    return { data: form, headers: form.getHeaders() };
  }
  if (command.raw === undefined) {
    return { headers: {} };
  }
  const bytes = Buffer.from(command.raw, 'base64');
  return { data: command.stream ? Readable.from(pieces(bytes, command.stream)) : bytes, headers: {} };
}

async function callAxios(command, agents) {
  const { data, headers } = axiosBody(command);
  const response = await axios.request({
    method: command.method,
    url: options.base + command.target,
    headers: { ...headers, ...command.headers },
    data,
    responseType: 'arraybuffer',
    maxBodyLength: Infinity,
    maxRedirects: 0,
    proxy: false,
    socketPath: options.socketPath,
    validateStatus: () => true,
    ...agents,
  });
  const body = Buffer.from(response.data);
  return { status: response.status, headers: headersOf(Object.entries(response.headers)), body: body.toString('base64') };
}

const call =
  client === 'fetch'
    ? await prepareFetch().then((dispatcher) => (command) => callFetch(command, dispatcher))
    : ((agents) => (command) => callAxios(command, agents))({
        httpAgent: new http.Agent({ keepAlive: true }),
        httpsAgent: new https.Agent({ keepAlive: true, ...tls }),
      });

for await (const line of readline.createInterface({ input: process.stdin })) {
  let result;
  try {
    result = await call(JSON.parse(line));
  } catch (error) {
    result = { error: `${error.message} ${error.cause ?? ''}` };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.exit(0);
