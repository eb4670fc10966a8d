// A public SMPP server (npm `smpp`) that accepts everything; started by core/bench/smsc.py.
//
// Arguments: path of the package, then JSON: port, latency_ms, receipts, nagle, window, per_s (more than so many a
// second are throttled), log (file of "destination sequence-of-part" lines, written before the answer), fail (each
// so many-th receipt says UNDELIV), twice (each so many-th receipt comes twice).
'use strict';
const fs = require('fs');
const smpp = require(process.argv[2]);
const o = JSON.parse(process.argv[3]);
const log = o.log ? fs.openSync(o.log, 'a') : 0;
let taken = o.first || 0, throttled = 0, second = 0, used = 0, unanswered = 0, most = 0, began = 0, ended = 0;
const receivers = new Set(), waiting = [];

function receipt(id, pdu, session) {
  const to = session.transmitter ? [...receivers][0] : session;
  const bad = o.fail && id % o.fail === 0;
  const text = `id:${id} sub:001 dlvrd:${bad ? '000' : '001'} submit date:2601010000 done date:2601010000 ` +
    `stat:${bad ? 'UNDELIV' : 'DELIVRD'} err:${bad ? '042' : '000'} text:`;
  const said = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, data_coding: 0,
    short_message: Buffer.from(text, 'latin1') };
  const times = o.twice && id % o.twice === 0 ? 2 : 1;
  for (let n = 0; n < times; n++) { if (to) to.deliver_sm(said); else waiting.push(said); }
}

function part(pdu) {
  const udh = pdu.short_message && pdu.short_message.udh;
  if (udh && udh.length) return udh[0][4];
  return pdu.sar_segment_seqnum || 1;
}

function submit(session, pdu) {
  if (o.per_s) {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) { second = now; used = 0; }
    if (++used > o.per_s) {
      throttled += 1;
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return;
    }
  }
  const id = ++taken;
  most = Math.max(most, ++unanswered);
  ended = Date.now();
  began = began || ended;
  if (log) fs.writeSync(log, `${pdu.destination_addr} ${part(pdu)}\n`);
  const answer = () => {
    unanswered -= 1;
    session.send(pdu.response({ message_id: String(id) }));
    if (o.receipts && pdu.registered_delivery) receipt(id, pdu, session);
  };
  if (o.latency_ms) setTimeout(answer, o.latency_ms); else answer();
}

const server = smpp.createServer((session) => {
  if (!o.nagle) session.socket.setNoDelay(true);
  session.on('error', () => session.destroy());
  session.on('close', () => receivers.delete(session));
  for (const kind of ['transceiver', 'transmitter', 'receiver']) {
    session.on(`bind_${kind}`, (pdu) => {
      session.transmitter = kind === 'transmitter';
      if (!session.transmitter) receivers.add(session);
      session.send(pdu.response({ system_id: 'node' }));
      if (!session.transmitter) waiting.splice(0).forEach((said) => session.deliver_sm(said));
    });
  }
  session.on('submit_sm', (pdu) => submit(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
});
server.listen(o.port || 0, '127.0.0.1', () => console.log(server.address().port));
process.on('SIGUSR2', () => console.log(JSON.stringify({ taken, throttled, most, ms: ended - began })));
process.stdin.on('end', () => process.exit(0)).resume();
