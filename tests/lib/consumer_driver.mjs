// consumer_driver.mjs - gives the reference consumer's core runs of bytes and prints what it makes of them.
//
// Why:   Python tests make the streams; the core is JavaScript and has no network of its own.
// Rules: one line of JSON in, one out. In: {options, messages: [{at?, topic, payload (base64)} | {tick: ms} | {published: id}]}.
//        Out: {verdicts: [[verdict...]], outgoing: [{id, topic, payload}], heads: {source: {size, chain, root, stopped}}}.
//        {record: messages} is kept; later a number among the messages stands for one of it. {brief: true}: texts of the receipts
//        instead of outgoing (nothing is signed), heads without roots.
// Runs in: tests, Node 18 or later.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';
import { Consumer } from '../../docs/contract/consumer/core.mjs';
import { Frontier, included } from '../../docs/contract/consumer/formats.mjs';

// Reading keys and judging signatures have no state: thousands of runs of the same messages remember the answers.
const REMEMBERED_MAX = 5000;
function remembered(name, keyOf) {
  const real = crypto[name];
  const known = new Map();
  crypto[name] = (...parts) => {
    const key = keyOf(...parts);
    if (known.size === REMEMBERED_MAX) known.clear();
    if (!known.has(key)) known.set(key, real(...parts));
    return known.get(key);
  };
}
const fingerprints = new WeakMap();
let fingerprint = 0;
const nameOf = (object) => fingerprints.get(object) ?? fingerprints.set(object, fingerprint += 1).get(object);
remembered('createPrivateKey', (pem) => String(pem));
remembered('createPublicKey', (key) => (key.type === 'private' ? nameOf(key) : key.key ? key.key.toString('hex') : String(key)));
remembered('verify', (_, text, key, signature) => `${nameOf(key)} ${signature.toString('hex')} ${text.toString('latin1')}`);
syncBuiltinESMExports();

let recorded = [];

function run({ options, messages, proof, record, brief }) {
  if (record) {
    recorded = record.map((one) => ({ ...one, payload: Buffer.from(one.payload, 'base64') }));
    return {};
  }
  if (proof) {
    const { leaf, index, size, path, root } = proof;
    return { included: included(Buffer.from(leaf, 'hex'), index, size, path, Buffer.from(root, 'hex')) };
  }
  const core = new Consumer(options);
  const verdicts = messages.map((one) => {
    const { at = 0, topic, payload, tick, published } = typeof one === 'number' ? recorded[one] : one;
    if (topic) return core.input({ at, topic, payload: typeof one === 'number' ? payload : Buffer.from(payload, 'base64') }).map(({ verdict }) => verdict);
    if (published) core.published(published);
    return tick === undefined ? [] : [String(core.tick(tick))];
  });
  if (brief) {
    const heads = Object.fromEntries([...core.sources].map(([source, { log, chain }]) => [source, [log.length, chain.toString('hex')]]));
    return { verdicts: [...new Set(verdicts.flat())], receipts: [...core.outgoing.values()].filter(({ note }) => note)
      .map(({ note }) => note.text), heads };
  }
  const outgoing = [...core.outgoing].map(([id, { topic }]) => ({ id, topic, payload: core.payload(id) }));
  const heads = {};
  for (const [source, { log, chain, stopped }] of core.sources) {
    const tree = new Frontier();
    for (const { leaf } of log) tree.add(leaf);
    heads[source] = { size: log.length, chain: chain.toString('hex'), root: tree.root().toString('hex'), stopped };
  }
  return { verdicts, outgoing, heads };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(run(JSON.parse(line))));
