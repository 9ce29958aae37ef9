// Reads multipart bodies with the form parsers of the JavaScript world and says what each made of them.
//
//   node parsers.mjs PARSER...      busboy, formidable, whatwg (the one behind Response.formData of Node 20 and later)
//   stdin:  records of two byte strings, content type and body, each behind its length (32 bits, little endian)
//   stdout: one line a record: JSON {parser: {parts: [[kind, name, file name, size, sha256]...]} or {error}}
//           kind is "field" or "file"; file name is null for a field

import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import busboy from 'busboy';
import formidable from 'formidable';

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
const field = (name, value) => {
  const bytes = Buffer.from(value, 'utf8');
  return ['field', name, null, bytes.length, hash(bytes)];
};

function readBusboy(contentType, body) {
  return new Promise((resolve, reject) => {
    const parts = [];
    const parser = busboy({
      headers: { 'content-type': contentType },
      // As the commonly used wrappers set it; the default reads file names as Latin-1.
      defParamCharset: 'utf8',
      limits: { fieldSize: 1 << 24 },
    });
    let unfinished = 0;
    parser.on('field', (name, value, info) => {
      if (info.nameTruncated || info.valueTruncated) {
        reject(new Error('truncated field'));
      }
      parts.push(field(name, value));
    });
    parser.on('file', (name, stream, info) => {
      const part = ['file', name, info.filename ?? null, 0, ''];
      const digest = createHash('sha256');
      parts.push(part);
      unfinished += 1;
      stream.on('data', (piece) => {
        part[3] += piece.length;
        digest.update(piece);
      });
      stream.on('limit', () => reject(new Error('truncated file')));
      stream.on('error', reject);
      stream.on('end', () => {
        part[4] = digest.digest('hex');
        unfinished -= 1;
      });
    });
    parser.on('error', reject);
    parser.on('close', () => (unfinished ? reject(new Error('unfinished file')) : resolve(parts)));
    parser.end(body);
  });
}

class Memory extends Writable {
  digest = createHash('sha256');

  _write(piece, _, done) {
    this.digest.update(piece);
    done();
  }
}

function readFormidable(contentType, body) {
  return new Promise((resolve, reject) => {
    const request = Readable.from([body], { objectMode: false });
    request.headers = { 'content-type': contentType, 'content-length': String(body.length) };
    const parts = [];
    const sinks = new Map();
    const form = formidable({
      allowEmptyFiles: true,
      minFileSize: 0,
      maxFileSize: 1 << 26,
      maxTotalFileSize: 1 << 26,
      maxFieldsSize: 1 << 26,
      maxFields: 1e6,
      fileWriteStreamHandler: (file) => {
        const sink = new Memory();
        sinks.set(file, sink);
        return sink;
      },
    });
    // A file is announced when it begins, a field when it has ended: either way in the order of the body.
    form.on('fileBegin', (name, file) => parts.push(['file', name, file, 0, '']));
    form.on('field', (name, value) => parts.push(field(name, value)));
    form.parse(request, (error, fields, files) => {
      if (error) {
        reject(error);
        return;
      }
      // What applications use is not the events but these two objects.
      const counted = (object) => Object.entries(object).map(([name, values]) => [name, values.length]);
      const listed = (kind) => {
        const names = new Map();
        parts.filter((part) => part[0] === kind).forEach(([, name]) => names.set(name, (names.get(name) ?? 0) + 1));
        return [...names];
      };
      for (const [kind, object] of [['field', fields], ['file', files]]) {
        if (JSON.stringify(counted(object).sort()) !== JSON.stringify(listed(kind).sort())) {
          reject(new Error(`the ${kind}s lack a name that was announced`));
          return;
        }
      }
      for (const part of parts) {
        if (part[0] === 'file') {
          const file = part[2];
          part[2] = file.originalFilename ?? null;
          part[3] = file.size;
          part[4] = sinks.get(file).digest.digest('hex');
        }
      }
      resolve(parts);
    });
  });
}

async function readWhatwg(contentType, body) {
  const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  const parts = [];
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      parts.push(field(name, value));
    } else {
      const bytes = Buffer.from(await value.arrayBuffer());
      parts.push(['file', name, value.name, bytes.length, hash(bytes)]);
    }
  }
  return parts;
}

const readers = { busboy: readBusboy, formidable: readFormidable, whatwg: readWhatwg };
// Before 20 Node had a form parser that lost its place in some bodies, and mixed up the order of files and fields.
const skipped = Number(process.versions.node.split('.')[0]) < 20 ? ['whatwg'] : [];
const chosen = process.argv.slice(2).filter((name) => !skipped.includes(name));
// What a parser throws outside of its promises is a verdict too, not the end of this program.
let onStray = () => {};
process.on('uncaughtException', (error) => onStray(error));
process.on('unhandledRejection', (error) => onStray(error));

async function read(parser, contentType, body) {
  let silence;
  try {
    const stray = new Promise((_, reject) => {
      onStray = reject;
      silence = setTimeout(() => reject(new Error('it never comes to an end')), 10000);
    });
    return { parts: await Promise.race([readers[parser](contentType, body), stray]) };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  } finally {
    clearTimeout(silence);
  }
}

let rest = Buffer.alloc(0);
function take() {
  if (rest.length < 4) {
    return undefined;
  }
  const typeSize = rest.readUInt32LE(0);
  if (rest.length < 8 + typeSize) {
    return undefined;
  }
  const bodySize = rest.readUInt32LE(4 + typeSize);
  const end = 8 + typeSize + bodySize;
  if (rest.length < end) {
    return undefined;
  }
  const record = [rest.toString('latin1', 4, 4 + typeSize), Buffer.from(rest.subarray(8 + typeSize, end))];
  rest = rest.subarray(end);
  return record;
}

for await (const piece of process.stdin) {
  rest = rest.length ? Buffer.concat([rest, piece]) : piece;
  let out = '';
  for (let record = take(); record; record = take()) {
    const result = {};
    for (const parser of chosen) {
      result[parser] = await read(parser, ...record);
    }
    out += `${JSON.stringify(result)}\n`;
  }
  process.stdout.write(out);
}
process.exit(0);
