#!/usr/bin/env node
// consumer.mjs - the reference consumer's outside: MQTT over TLS, a journal that survives a kill, and a clock.
//
// Why:   core.mjs decides; this file makes its inputs durable before they are acknowledged and publishes what it wants to say.
// Owns:  one MQTT connection with a session that outlives it; TP1_STATE/journal, one line for each input that changed something.
// Rules: 1. A message is written and synced to the journal before its PUBACK. A restart reads the journal through the core.
//        2. What is in core.outgoing is published until it is answered: at once, after a reconnect, and every TP1_REPEAT_MS.
//        3. A last line that a crash cut off was never acknowledged: it is cut away, the broker sends it again.
// Faults: a broker that is away is tried again for ever; a verdict that a person must see goes to standard error.
// Usage:  see README.md beside this file. Needs the package mqtt (npm ci).

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import { Consumer } from './core.mjs';

const QUIET = new Set(['accept', 'duplicate', 'hold', 'ignored', 'stale']);
const UNCHANGED = new Set(['malformed', 'ignored', 'unsigned', 'bad-signature', 'duplicate', 'stopped']);
const TICK_MS = 100;

function setting(name, fallback) {
  const value = process.env[name] ?? fallback;
  if (value === undefined) {
    console.error(`consumer: ${name} is not set; see README.md`);
    process.exit(2);
  }
  return value;
}

const read = (name) => fs.readFileSync(setting(name));
const tenant = setting('TP1_TENANT');
const gateway = setting('TP1_GATEWAY');
const repeat = Number(setting('TP1_REPEAT_MS', '60000'));

// The journal: the first line names this instance, each further one is an input of the core.

const file = path.join(setting('TP1_STATE'), 'journal');
fs.mkdirSync(path.dirname(file), { recursive: true });
const journal = fs.openSync(file, 'a+', 0o600);
let kept = fs.readFileSync(file);
const whole = kept.lastIndexOf(10) + 1;
if (whole < kept.length) fs.ftruncateSync(journal, whole);
kept = kept.toString('utf8', 0, whole).split('\n').slice(0, -1).map((line) => JSON.parse(line));

function keep(entry) {
  fs.writeSync(journal, `${JSON.stringify(entry)}\n`);
  fs.fdatasyncSync(journal);
}

if (!kept.length) {
  keep({ instance: randomBytes(4).toString('hex') });
  kept = [JSON.parse(fs.readFileSync(file, 'utf8'))];
}
const core = new Consumer({ tenant, gateway, agentKey: read('TP1_AGENT_KEY'), cloudKey: read('TP1_CLOUD_KEY'),
  name: setting('TP1_CLOUD_NAME', 'cloud'), instance: kept[0].instance, patience: Number(setting('TP1_PATIENCE_MS', '2000')) });
for (const { at, topic, payload, published } of kept.slice(1)) {
  if (topic) core.input({ at, topic, payload: Buffer.from(payload, 'base64') });
  else if (published) core.published(published);
  else core.tick(at);
}
kept = null;

// MQTT.

const client = mqtt.connect({
  protocol: 'mqtts', host: setting('TP1_HOST'), port: Number(setting('TP1_PORT', '8883')), ca: read('TP1_CA'),
  cert: read('TP1_CERT'), key: read('TP1_KEY'), clientId: setting('TP1_CLIENT_ID', 'reference-consumer'), protocolVersion: 5,
  clean: false, properties: { sessionExpiryInterval: 14 * 86400 }, reconnectPeriod: 1000, keepalive: 30,
});
const sent = new Map(); // id of what is outgoing -> when it was published

function publish() {
  if (!client.connected) return;
  const now = Date.now();
  for (const id of sent.keys()) if (!core.outgoing.has(id)) sent.delete(id);
  for (const [id, message] of core.outgoing) {
    if (now - (sent.get(id) ?? -Infinity) < repeat) continue;
    sent.set(id, now);
    client.publish(message.topic, core.payload(id), { qos: 1 }, (error) => {
      if (error) sent.delete(id);
      else if (!message.answer && core.outgoing.has(id)) {
        keep({ at: Date.now(), published: id });
        core.published(id);
      }
    });
  }
}

// mqtt.js sends the PUBACK when this calls back.
client.handleMessage = (packet, acknowledge) => {
  const input = { at: Date.now(), topic: packet.topic, payload: Buffer.from(packet.payload) };
  const verdicts = core.input(input);
  if (verdicts.some(({ verdict }) => !UNCHANGED.has(verdict))) keep({ ...input, payload: input.payload.toString('base64') });
  for (const { verdict, text } of verdicts) if (!QUIET.has(verdict)) console.error(`consumer: ${verdict}: ${packet.topic}: ${text}`);
  acknowledge();
  publish();
};

client.on('connect', () => {
  sent.clear();
  client.subscribe(`tp1/${tenant}/${gateway}/up/#`, { qos: 1 }, (error, granted) => {
    if (error || granted.some(({ qos }) => qos > 2)) console.error(`consumer: the broker refuses the subscription: ${error ?? ''}`);
    else console.log(`subscribed to tp1/${tenant}/${gateway}/up/#`);
  });
  publish();
});
client.on('error', (error) => console.error(`consumer: ${error.message}`));

const timer = setInterval(() => {
  const at = Date.now();
  if (core.tick(at)) keep({ at });
  publish();
}, TICK_MS);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    clearInterval(timer);
    client.end(false, {}, () => process.exit(0));
  });
}
