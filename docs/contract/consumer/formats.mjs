// formats.mjs - the bytes of the contract tp1: canonical JSON, hashes, signed notes, the Merkle tree, events, batches, checkpoints.
//
// Why:   everything here follows from docs/contract alone: no state, no network, no clock. Each function takes bytes or text.
// Rules: 1. What comes from outside is checked once, here; a fault is Malformed with one sentence.
//        2. Unknown attributes, types and values are let through: the producer may add them at any time.
// Runs in: the reference consumer, Node 18 or later, without any package.
// Tests: tests/unit/test_consumer_js.py, tests/unit/test_mutations_js.py

import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { inflateSync } from 'node:zlib';

export const NOTE_BYTES_MAX = 16384;
export const BATCH_BYTES_MAX = 16 << 20; // unpacked: a small message must not fill the memory

export class Malformed extends Error {}
const need = (condition, text) => { if (!condition) throw new Malformed(text); };

export function H(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
export function utf8(bytes) {
  try { return decoder.decode(bytes); } catch { throw new Malformed('not UTF-8'); }
}

export function json(text) {
  try { return JSON.parse(text); } catch { throw new Malformed('not JSON'); }
}

// RFC 8785 for values without floats.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object') {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
  }
  need(typeof value !== 'number' || Number.isSafeInteger(value), 'a number that is no integer');
  return JSON.stringify(value);
}

function base64(text, bytes) {
  const raw = Buffer.from(text, 'base64');
  need(raw.toString('base64') === text && (bytes === undefined || raw.length === bytes), 'no canonical base64');
  return raw;
}

// Keys and notes. A key is known by the first 4 bytes of the hash of its DER SubjectPublicKeyInfo.

function keyOf(object) {
  need(object.asymmetricKeyDetails?.namedCurve === 'prime256v1', 'the key is not P-256');
  const spki = object.export({ type: 'spki', format: 'der' });
  return { key: object, spki, hash: H(spki).toString('hex'), id: H(spki).toString('hex', 0, 4) };
}

export const publicKey = (pem) => keyOf(createPublicKey(pem));
export function publicKeyDer(code) {
  const der = base64(code);
  let key;
  try { key = createPublicKey({ key: der, format: 'der', type: 'spki' }); } catch { throw new Malformed('no public key'); }
  return keyOf(key);
}

export function privateKey(pem) {
  const secret = createPrivateKey(pem);
  return { ...keyOf(createPublicKey(secret)), secret };
}

export function signatureLine(text, name, key) {
  const raw = Buffer.concat([Buffer.from(key.id, 'hex'), sign('sha256', Buffer.from(text), key.secret)]);
  return `\u2014 ${name} ${raw.toString('base64')}\n`;
}

export function openNote(bytes) {
  need(bytes.length <= NOTE_BYTES_MAX, 'the note is over 16 KiB');
  const whole = utf8(bytes);
  const cut = whole.lastIndexOf('\n\n');
  need(cut > 0, 'the note has no empty line');
  const text = whole.slice(0, cut + 1);
  const lines = whole.slice(cut + 2).split('\n');
  need(lines.pop() === '' && lines.length >= 1 && lines.length <= 8, 'a note has 1 to 8 signature lines');
  need(!/[\0-\x09\x0b-\x1f\x7f]/.test(text), 'a control character in the text');
  const signatures = lines.map((line) => {
    const found = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u.exec(line);
    need(found && Buffer.byteLength(found[1]) <= 100, 'a line that is no signature');
    const raw = base64(found[2]);
    need(raw.length >= 5, 'a signature without bytes');
    return { name: found[1], id: raw.toString('hex', 0, 4), der: raw.subarray(4) };
  });
  return { whole, text, signatures };
}

// 'good', 'unsigned' (no line of a known key) or 'bad-signature' (a line of a known key that does not verify).
export function judgeNote(note, name, keys) {
  let result = 'unsigned';
  for (const line of note.signatures) {
    const known = keys.find((key) => key.id === line.id && line.name === name);
    if (!known) continue;
    if (!verify('sha256', Buffer.from(note.text), known.key, line.der)) return 'bad-signature';
    result = 'good';
  }
  return result;
}

// The Merkle tree of RFC 6962 as a frontier: the roots of the full subtrees from left to right.

export class Frontier {
  constructor(nodes = [], size = 0) { this.nodes = nodes; this.size = size; }
  copy() { return new Frontier([...this.nodes], this.size); }
  add(leaf) {
    let hash = leaf;
    for (let rest = this.size; rest & 1; rest = Math.floor(rest / 2)) hash = H('\x01', this.nodes.pop(), hash);
    this.nodes.push(hash);
    this.size += 1;
  }
  root() { return this.nodes.length ? this.nodes.reduceRight((right, left) => H('\x01', left, right)) : H(); }
}

// Does the proof of up/res (proof.get) lead from the leaf to the root? RFC 9162 section 2.1.3.2.
export function included(leaf, index, size, proof, root) {
  if (index < 0 || index >= size) return false;
  let [node, last, hash] = [index, size - 1, leaf];
  for (const code of proof) {
    if (last === 0) return false;
    const sibling = base64(code, 32);
    if (node % 2 === 1 || node === last) {
      hash = H('\x01', sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    } else {
      hash = H('\x01', hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && hash.equals(root);
}

// Events.

export const chainStart = (source) => H(`tp1/chain/v1\n${source}\n`);
export const chainLink = (before, leaf) => H('\x02', before, leaf);

const TEXTS = ['id', 'source', 'type', 'subject', 'time', 'dataschema', 'sequence', 'chainhash', 'specversion', 'partitionkey',
  'phase', 'datacontenttype'];

function envelope(bytes) {
  const text = utf8(bytes);
  const event = json(text);
  need(event && typeof event === 'object' && !Array.isArray(event), 'not an object');
  // The same bytes again, or a key stood twice, or white space hid something.
  let again;
  try { again = canonical(event); } catch (error) { throw new Malformed(error.message); }
  need(again === text && !/\\ud[89a-f]/.test(text), 'the bytes are not canonical JSON');
  return event;
}

export function parseEvent(bytes) {
  const event = envelope(bytes);
  if (event.type === 'com.twinpost.posting.batch.v1') return parseBatch(event);
  for (const name of TEXTS) {
    need(typeof event[name] === 'string' && !/[\0-\x1f]/.test(event[name]), `${name} is missing or no plain text`);
  }
  need(event.data && typeof event.data === 'object' && !Array.isArray(event.data), 'data is missing');
  need(event.specversion === '1.0' && /^\d{20}$/.test(event.sequence) && /^[0-9a-f]{64}$/.test(event.chainhash), 'a wrong form');
  need(/^com\.twinpost\.[a-z0-9_.]+\.v\d+$/.test(event.type), 'the type is not of this contract');
  const source = parseSource(event.source);
  const sequence = Number(event.sequence);
  for (const number of [event.revision, sequence]) {
    need(Number.isSafeInteger(number) && number >= 1, 'revision or sequence out of its range');
  }
  need(event.partitionkey === event.subject, 'partitionkey is not the subject');
  const data = H(canonical(event.data)).toString('hex');
  let part = { number: 1, of: 1 };
  if (event.part !== undefined) {
    const found = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(event.part);
    need(found && Number(found[1]) <= Number(found[2]), 'part has another form');
    part = { number: Number(found[1]), of: Number(found[2]) };
  }
  const id = H(`tp1/id/v1\n${event.subject}\n${event.revision}\n${data}\n`, event.part === undefined ? '' : `${event.part}\n`);
  need(event.id === id.toString('hex', 0, 16), 'id does not follow from subject, revision and data');
  const leaf = H('\0', ['tp1/leaf/v1', event.source, event.sequence, event.id, event.type, event.subject, event.revision, event.time,
    event.dataschema, data, ''].join('\n'));
  return { ...event, ...source, sequence, part, leaf, chain: Buffer.from(event.chainhash, 'hex'), bytes };
}

export function parseSource(source) {
  const found = /^urn:twinpost:([a-z0-9-]+):([a-z0-9-]+):([a-z0-9-]+):(\d{1,15})$/.exec(source);
  need(found, 'source has another form');
  return { gateway: `${found[1]}/${found[2]}`, stream: found[3], epoch: Number(found[4]) };
}

// A batch has no leaf of its own: it is opened, and its members are events like any other.
function parseBatch(batch) {
  need(batch.contentencoding === 'deflate' && typeof batch.data_base64 === 'string', 'a batch of another encoding');
  let text;
  try { text = inflateSync(base64(batch.data_base64), { maxOutputLength: BATCH_BYTES_MAX }); } catch (error) {
    throw new Malformed(`the batch does not unpack: ${error.message}`);
  }
  const lines = utf8(text).split('\n');
  need(lines.pop() === '' && lines.length === batch.count, 'the batch does not hold what it says');
  const members = lines.map((line) => parseEvent(Buffer.from(line)));
  members.forEach((one, place) => need(!one.members && one.source === batch.source && one.sequence === members[0].sequence + place,
    'members of a batch follow each other'));
  const last = members.at(-1);
  need(Number(batch.sequence) === members[0].sequence && Number(batch.sequencelast) === last.sequence, 'the batch names others');
  const id = H(`tp1/batch/v1\n${batch.source}\n${batch.sequence}\n${batch.sequencelast}\n${last.chainhash}\n`);
  need(batch.id === id.toString('hex', 0, 16), 'id of the batch');
  return { ...parseSource(batch.source), members };
}

// Checkpoints.

export function parseCheckpoint(text) {
  const found = /^(urn:\S+)\n([1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\nchain ([0-9a-f]{64})\ntime (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n((?:[^\n]+\n)*)$/
    .exec(text);
  need(found, 'not the text of a checkpoint');
  const size = Number(found[2]);
  need(Number.isSafeInteger(size), 'a size beyond all counting');
  return { source: found[1], ...parseSource(found[1]), size, root: base64(found[3], 32), chain: Buffer.from(found[4], 'hex') };
}
