/*
 * mqtt_tls.h - the TLS side of one uplink connection: who is trusted, who we are, and why it failed.
 *
 * Why:   libmosquitto tells "a TLS error occurred"; a person needs "the broker's certificate expired on 1
 *        May". Only a context of our own, with our own verify and alert callbacks, knows.
 * Owns:  an SSL_CTX, lent to libmosquitto (which takes its own reference); the notes of the handshake.
 * Rules: 1. The server certificate is always verified: chain to ca_file, validity, server purpose, host name
 *           or address against subjectAltName (RFC 6125; the common name only where a certificate has no such
 *           name). There is no way to switch it off.
 *        2. TLS 1.2 at least, 1.3 where the broker has it. No compression, no renegotiation.
 *        3. Files are read anew for each connection: rotation needs a reconnect, nothing else.
 *        4. An encrypted key without a password is an error; nobody is ever asked at a terminal.
 * Faults: every file problem and every handshake problem has its own sentence.
 *        No other file of the product includes OpenSSL, and this one only because libmosquitto's TLS is OpenSSL.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#ifndef TWINPOST_MQTT_TLS_H
#define TWINPOST_MQTT_TLS_H

#include "connector/uplink/uplink_protocol.h"
#include "hal/port.h"

struct mqtt_tls;

/* Reads the files, resolves the key's password, builds the context. An error is one of our own files
 * (UPLINK_DOWN_LOCAL); *tls is then NULL. Borrows port and connect->host for its life. */
MUST_USE enum err mqtt_tls_new(struct mqtt_tls **tls, struct port *port, const struct uplink_connect *connect,
                               struct err_info *info);
void mqtt_tls_free(struct mqtt_tls *tls); /* NULL is allowed */
/* The SSL_CTX for MOSQ_OPT_SSL_CTX. */
void *mqtt_tls_context(struct mqtt_tls *tls);
/* true: the handshake was ended by a bad certificate or an alert; text says which and what to do. */
bool mqtt_tls_problem(const struct mqtt_tls *tls, char *text, size_t size);
/* Has the handshake ended well? From then on the broker can read our CONNECT. */
bool mqtt_tls_established(const struct mqtt_tls *tls);
/* While the handshake waits for the broker, libmosquitto still wants to write its CONNECT: asking poll(2) for
 * that would spin. true: wait for reading alone. ssl is what mosquitto_ssl_get() gave. */
bool mqtt_tls_waits_for_peer(const struct mqtt_tls *tls, void *ssl);
/* Has TLS read more from the socket than it has handed out? poll(2) does not know of it. */
bool mqtt_tls_holds_input(void *ssl);
const char *mqtt_tls_version(const struct mqtt_tls *tls); /* "TLSv1.3"; "" before the handshake has ended */

#endif
