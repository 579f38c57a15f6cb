// core.mjs - the decisions of a consumer: what to keep, what to doubt, what to sign, what to answer. No network, file or clock.
//
// Why:   so that it can be tested with bytes alone, and made again after a crash by giving it the same inputs in the same order.
// Owns:  per source (a stream in one epoch): leaves, chain, frontier, held events and checkpoints; per document: parts and state;
//        `outgoing`: messages that are to be published until the broker (receipts, commands) or the agent (outcomes) has answered.
// Rules: 1. The same sequence with an equal leaf is a duplicate; with another leaf it is EQUIVOCATION: the source stops.
//        2. Behind a gap events wait; after `patience` the missing range is asked for with a signed command.
//        3. A checkpoint is cosigned only when its signature is good and root and chain are those of the own tree at its size.
//        4. A document is BOOKED once, by subject and revision, when all of its parts are there and a checkpoint covers them.
//        5. Everything follows from the inputs: ids and times of what is sent are made from them, so a repetition is equal.
// Faults: each input gets a verdict; what is neither 'accept', 'duplicate', 'hold' nor 'ignored' is for a person.
// Tests: tests/unit/test_consumer_js.py, tests/unit/test_mutations_js.py, tools/conformance

import {
  Frontier, H, Malformed, canonical, chainLink, chainStart, judgeNote, json, openNote, parseCheckpoint, parseEvent, parseSource,
  privateKey, publicKey, publicKeyDer, signatureLine, utf8,
} from './formats.mjs';

export const HELD_MAX = 10000;        // events held behind a gap, per source; more are dropped and asked for again
export const HELD_NOTES_MAX = 64;     // checkpoints held, per source
export const SOURCES_MAX = 4096;
export const OUTCOMES_MAX = 200;      // in one message
export const REPLAY_MAX = 10000;      // events in one command
export const EXPIRY_MS = 600000;      // of a command
const BOOKABLE = /^com\.twinpost\.(journal|invoice|creditmemo|payment|customer|usage)\.(recorded|amended|voided)\.v1$/;
const SIGN = { invoice: 1n, creditmemo: -1n, payment: -1n };
const instant = (at) => new Date(at).toISOString();

export class Consumer {
  constructor({ tenant, gateway, agentKey, cloudKey, name = 'cloud', instance = '0', patience = 2000, reask = 60000, flush = 200 }) {
    Object.assign(this, { agent: `${tenant}/${gateway}`, name, instance, patience, reask, flush });
    this.keys = [publicKey(agentKey)];
    this.own = privateKey(cloudKey);
    this.sources = new Map();
    this.documents = new Map();
    this.outgoing = new Map();
    this.alive = true;
    this.boot = null;
    this.number = 0;
  }

  // One message. Returns its verdicts: [{verdict, text}], one for each event of a batch.
  input({ at, topic, payload }) {
    this.at = at;
    this.verdicts = [];
    const [, tenant, gateway, direction, kind, stream] = topic.split('/');
    try {
      if (`${tenant}/${gateway}` !== this.agent || direction !== 'up') return [{ verdict: 'ignored', text: topic }];
      if (kind === 'post' || kind === 'replay') this.#events(parseEvent(payload), stream);
      else if (kind === 'ckpt') this.#checkpoint(openNote(payload), stream);
      else if (kind === 'state') this.#state(json(utf8(payload)));
      else if (kind === 'res') this.#result(json(utf8(payload)));
      else this.#say('ignored', topic);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#say('malformed', error.message);
    }
    return this.verdicts;
  }

  #say(verdict, text = '') { this.verdicts.push({ verdict, text }); return verdict; }
  #stop(one, verdict, text) { one.stopped = true; return this.#say(verdict, `${one.source}: ${text}`); }

  #source(source, stream) {
    const known = this.sources.get(source);
    if (known) return known;
    const parsed = parseSource(source);
    if (parsed.gateway !== this.agent || parsed.stream !== stream) throw new Malformed(`${source} on the topic of ${stream}`);
    if (this.sources.size >= SOURCES_MAX) throw new Malformed('too many sources');
    const one = { source, ...parsed, log: [], chain: chainStart(source), frontier: new Frontier(), held: new Map(), notes: [],
      rotations: [], unbooked: [], tell: [], sums: new Map(), counted: 0, control: 0, known: 0, gapAt: null, asked: null,
      stopped: false };
    this.sources.set(source, one);
    return one;
  }

  #events(event, stream) {
    if (event.stream !== stream) throw new Malformed(`an event of ${event.stream} on the topic of ${stream}`);
    for (const member of event.members ?? [event]) {
      const one = this.#source(member.source, stream);
      this.#event(one, member);
      this.#watch(one);
    }
  }

  #event(one, event) {
    if (one.stopped) return this.#say('stopped', one.source);
    const kept = one.log[event.sequence - 1] ?? one.held.get(event.sequence);
    if (kept) {
      return kept.leaf.equals(event.leaf) ? this.#say('duplicate')
        : this.#stop(one, 'equivocation', `sequence ${event.sequence} came with two contents`);
    }
    if (event.sequence > one.log.length + 1) {
      if (one.held.size < HELD_MAX) one.held.set(event.sequence, event);
      one.known = Math.max(one.known, event.sequence);
      return this.#say('hold', `${one.source}: ${one.log.length + 1} is missing before ${event.sequence}`);
    }
    for (let next = event; next && !one.stopped; next = one.held.get(one.log.length + 1)) {
      one.held.delete(next.sequence);
      this.#append(one, next);
    }
    this.#heldNotes(one);
    return undefined;
  }

  #append(one, event) {
    const chain = chainLink(one.chain, event.leaf);
    if (!chain.equals(event.chain)) return this.#stop(one, 'chain-break', `sequence ${event.sequence} does not continue the chain`);
    one.log.push({ leaf: event.leaf, chain });
    one.chain = chain;
    const word = event.type.split('.')[2];
    if (word === 'control') return this.#control(one, event);
    if (word === 'key') return this.#rotate(one, event);
    try { this.#count(one, event, word); } catch (error) { // it is in the log all the same
      if (!(error instanceof Malformed)) throw error;
      this.#say('no-figures', `${event.subject}: ${error.message}`);
    }
    return this.#document(one, event);
  }

  // Documents and their outcomes.

  #document(one, event) {
    const key = `${event.subject}\n${event.revision}`;
    const known = this.documents.get(key) ?? { parts: new Map(), of: event.part.of, state: 'open' };
    this.documents.set(key, known);
    const outcome = { subject: event.subject, revision: event.revision };
    const before = known.parts.get(event.part.number);
    if ((before !== undefined && before !== event.id) || known.of !== event.part.of) {
      return this.#say('conflict', `${event.subject} revision ${event.revision} came with two contents`);
    }
    known.parts.set(event.part.number, event.id);
    if (before !== undefined) { // again in a new epoch: the agent has forgotten it, we have not
      if (known.state === 'BOOKED') this.#tell(one, { ...outcome, outcome: 'DUPLICATE', document: bookNumber(key) });
      return this.#say('accept');
    }
    if (known.parts.size === known.of) {
      known.state = 'RECEIVED';
      this.#tell(one, { ...outcome, outcome: 'RECEIVED' });
      if (BOOKABLE.test(event.type)) one.unbooked.push({ size: event.sequence, key, outcome, known });
    }
    return this.#say('accept');
  }

  #book(one, size) {
    const due = one.unbooked.filter((entry) => entry.size <= size);
    one.unbooked = one.unbooked.filter((entry) => entry.size > size);
    for (const { key, outcome, known } of due) {
      known.state = 'BOOKED';
      this.#tell(one, { ...outcome, outcome: 'BOOKED', document: bookNumber(key), date: instant(this.at).slice(0, 10), ledger: '0L' });
    }
  }

  #tell(one, outcome) {
    if (!one.tell.length) one.tellAt = this.at;
    one.tell.push({ ...outcome, time: instant(this.at) });
    if (one.tell.length === OUTCOMES_MAX) this.#flush(one);
  }

  #flush(one) {
    const id = `o-${this.instance}-${this.number += 1}`;
    const payload = canonical({ id, outcomes: one.tell, time: instant(this.at) });
    this.outgoing.set(id, { topic: this.#down('ack', one.stream), text: payload, answer: true });
    one.tell = [];
  }

  // Control totals: our own sums of what came since the last control event.

  #count(one, event, word) {
    one.counted += 1;
    let values = [];
    if (word === 'journal') values = (event.data.lines ?? []).map((line) => amount(line.amount));
    else if (SIGN[word] && event.part.number === 1) {
      const { digits, places } = amount(word === 'payment' ? event.data.amount : event.data.gross);
      values = [{ digits: SIGN[word] * digits, places }];
    }
    if (!values.length) return;
    const period = `${String(event.data.year).padStart(4, '0')}-${String(event.data.period ?? 0).padStart(2, '0')}`;
    const triple = [word, event.data.currency, period].join('\n');
    const row = one.sums.get(triple) ?? { count: 0, debit: 0n, credit: 0n, places: values[0].places };
    row.count += 1;
    for (const { digits } of values) { if (digits > 0n) row.debit += digits; else row.credit -= digits; }
    one.sums.set(triple, row);
  }

  #control(one, event) {
    const totals = [...one.sums.keys()].sort().map((triple) => {
      const [document, currency, period] = triple.split('\n');
      const { count, debit, credit, places } = one.sums.get(triple);
      return { count, credit: written(credit, places), currency, debit: written(debit, places), document, period };
    });
    const { count, first, last } = event.data;
    const equal = count === one.counted && first === one.control + 1 && last === event.sequence - 1
      && canonical(event.data.totals ?? null) === canonical(totals);
    Object.assign(one, { sums: new Map(), counted: 0, control: event.sequence });
    return equal ? this.#say('accept') : this.#say('totals-differ', `${one.source}: control event ${event.sequence}`);
  }

  // Keys: a source moves to the new key at its own key event.

  #rotate(one, event) {
    try {
      const note = openNote(Buffer.from(String(event.data.note)));
      const found = /^tp1\/key\/v1\ngateway (\S+)\nold ([0-9a-f]{64})\nnew (\S+)\ntime \S+\n$/.exec(note.text);
      const old = found && this.keys.find((key) => key.hash === found[2]);
      if (!old || found[1] !== this.agent) throw new Malformed('not a rotation from a known key');
      const fresh = publicKeyDer(found[3]);
      for (const key of [old, fresh]) {
        if (judgeNote(note, this.agent, [key]) !== 'good') throw new Malformed('a rotation needs the signatures of both keys');
      }
      if (!this.keys.some((key) => key.hash === fresh.hash)) this.keys.push(fresh);
      one.rotations.push({ sequence: event.sequence, old, fresh });
      return this.#say('accept');
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return this.#say('bad-rotation', `${one.source}: sequence ${event.sequence}: ${error.message}`);
    }
  }

  #keysAt(one, size) {
    const done = one.rotations.filter((move) => move.sequence <= size).at(-1);
    if (done) return [done.fresh];
    return one.rotations.length ? [one.rotations[0].old] : this.keys;
  }

  // Checkpoints.

  #checkpoint(note, stream) {
    const checkpoint = parseCheckpoint(note.text);
    const one = this.#source(checkpoint.source, stream);
    if (one.stream !== stream) throw new Malformed(`a checkpoint of ${one.stream} on the topic of ${stream}`);
    if (one.stopped) return this.#say('stopped', one.source);
    const ahead = checkpoint.size > one.log.length;
    const judged = judgeNote(note, this.agent, ahead ? this.keys : this.#keysAt(one, checkpoint.size));
    // Ahead of us its key may be one that a key event on its way will name: wait for it, but do not trust its size yet.
    if (judged === 'bad-signature' || (judged === 'unsigned' && !ahead)) return this.#say(judged, `${one.source} size ${checkpoint.size}`);
    if (ahead) {
      if (one.notes.length === HELD_NOTES_MAX) one.notes.shift();
      if (judged === 'good') one.known = Math.max(one.known, checkpoint.size);
      one.notes.push({ note, checkpoint });
      this.#watch(one);
      return this.#say('hold', `${one.source}: checkpoint of ${checkpoint.size}, ${one.log.length} are here`);
    }
    return this.#verify(one, note, checkpoint);
  }

  #heldNotes(one) {
    const due = one.notes.filter(({ checkpoint }) => checkpoint.size <= one.log.length);
    one.notes = one.notes.filter(({ checkpoint }) => checkpoint.size > one.log.length);
    due.sort((a, b) => a.checkpoint.size - b.checkpoint.size);
    for (const { note, checkpoint } of due) {
      if (one.stopped) return;
      const judged = judgeNote(note, this.agent, this.#keysAt(one, checkpoint.size));
      if (judged === 'good') this.#verify(one, note, checkpoint);
      else this.#say(judged, `${one.source} size ${checkpoint.size}`);
    }
  }

  #frontier(one, size) {
    const tree = one.frontier.size <= size ? one.frontier.copy() : new Frontier();
    for (let place = tree.size; place < size; place += 1) tree.add(one.log[place].leaf);
    return tree;
  }

  #verify(one, note, checkpoint) {
    const { size, root, chain } = checkpoint;
    const tree = this.#frontier(one, size);
    if (!tree.root().equals(root)) return this.#stop(one, 'equivocation', `the signed root of ${size} is not ours`);
    if (!one.log[size - 1].chain.equals(chain)) return this.#stop(one, 'equivocation', `the signed chain of ${size} is not ours`);
    if (size > one.frontier.size) one.frontier = tree;
    this.outgoing.set(`receipt ${one.source} ${size}`, { topic: this.#down('ack', one.stream), note });
    this.#book(one, size);
    return this.#say('accept');
  }

  // State: births tell what should be here; a death counts only for the boot that was born last.

  #state(state) {
    const { kind, boot, streams } = state ?? {};
    if (kind === 'death') {
      if (boot !== this.boot) return this.#say('stale', `death of boot ${boot}`);
      this.alive = false;
      return this.#say('accept');
    }
    if (!Array.isArray(streams) || typeof boot !== 'string') return this.#say('ignored', 'a state of another kind');
    if (kind === 'birth' && state.page === 1) {
      const note = openNote(Buffer.from(String(state.note)));
      const judged = judgeNote(note, this.agent, this.keys);
      if (judged !== 'good') return this.#say(judged, 'birth');
      if (!note.text.startsWith(`tp1/birth/v1\ngateway ${this.agent}\nboot ${boot}\n`)) throw new Malformed('birth of another');
      Object.assign(this, { boot, alive: true });
      if (!this.#cited(note.text)) return undefined;
    }
    this.#say('accept');
    for (const { source, stream, sequence, chain } of streams.filter((entry) => entry && typeof entry === 'object')) {
      if (typeof source !== 'string' || typeof stream !== 'string' || !Number.isSafeInteger(sequence)) continue;
      const one = this.#source(source, stream);
      one.known = Math.max(one.known, sequence);
      const own = one.log[sequence - 1]?.chain.toString('hex');
      if (own && own !== chain) this.#say('state-differs', `${source}: chain of ${sequence}`);
      this.#watch(one);
    }
    return undefined;
  }

  // The checkpoints that a signed birth cites, of this epoch and the one before it, must be those of our own tree.
  #cited(text) {
    for (const [, source, size, root] of text.matchAll(/^(?:stream|previous) (\S+) (\d+) (\S+)$/gm)) {
      const one = this.sources.get(source);
      if (!one || Number(size) > one.log.length || this.#frontier(one, Number(size)).root().toString('base64') === root) continue;
      this.#stop(one, 'equivocation', `the birth cites another root of ${size}`);
      return false;
    }
    return true;
  }

  #result(message) {
    const { id, command, state, result, reason, text } = message ?? {};
    if (!this.outgoing.get(id)?.answer && !String(id).startsWith(`r-${this.instance}-`)) return this.#say('ignored', `result of ${id}`);
    this.outgoing.delete(id);
    if (state === 'rejected' || state === 'failed') return this.#say('command-failed', `${command} ${id}: ${reason ?? ''} ${text ?? ''}`);
    if (result?.refused?.length) return this.#say('outcomes-refused', canonical(result.refused));
    return this.#say('accept');
  }

  // Gaps, and what is to be told: decided by the clock that the caller gives. Returns whether anything changed.

  #watch(one) {
    if (one.known <= one.log.length) one.gapAt = one.asked = null;
    else one.gapAt ??= this.at;
  }

  tick(at) {
    this.at = at;
    const before = this.outgoing.size;
    for (const one of this.sources.values()) {
      if (one.tell.length && at - one.tellAt >= this.flush) this.#flush(one);
      if (this.alive && !one.stopped && one.gapAt !== null && at - one.gapAt >= this.patience) this.#ask(one, at);
    }
    return this.outgoing.size !== before;
  }

  #ask(one, at) {
    const from = one.log.length + 1;
    if (one.asked && from <= one.asked.to && at - one.asked.at < this.reask) return;
    const behind = Math.min(...one.held.keys(), one.known + 1);
    const to = Math.min(behind - 1, from + REPLAY_MAX - 1);
    const id = `r-${this.instance}-${this.number += 1}`;
    const body = canonical({ epoch: one.epoch, from, stream: one.stream, to });
    const text = `tp1/cmd/v1\ntarget ${this.agent}\nid ${id}\nexpires ${instant(at + EXPIRY_MS)}\ncommand replay\nbody ${body}\n`;
    this.outgoing.set(id, { topic: this.#down('cmd'), command: text });
    one.asked = { to, at };
  }

  // What is to be published, signed when it is needed.

  #down(kind, stream) { return `tp1/${this.agent}/dn/${kind}${stream ? `/${stream}` : ''}`; }

  payload(id) {
    const { text, note, command } = this.outgoing.get(id);
    if (note) return note.whole + signatureLine(note.text, this.name, this.own);
    return text ?? `${command}\n${signatureLine(command, this.name, this.own)}`;
  }

  // The broker has acknowledged: enough for receipts and commands; outcomes wait for the agent's answer.
  published(id) {
    if (this.outgoing.has(id) && !this.outgoing.get(id).answer) this.outgoing.delete(id);
  }
}

const bookNumber = (key) => `C-${H(key).toString('hex', 0, 5)}`;

function amount(text) {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!found) throw new Malformed(`no amount: ${text}`);
  const digits = BigInt(found[2] + (found[3] ?? ''));
  return { digits: found[1] ? -digits : digits, places: found[3]?.length ?? 0 };
}

function written(value, places) {
  const digits = String(value).padStart(places + 1, '0');
  return places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
}
