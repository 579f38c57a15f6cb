/*
 * mqtt_role.h - the uplink child: one MQTT connection over TLS at a time, driven by the core's frames.
 *
 * Why:   libmosquitto, TLS and name resolution block, and may hold a stranger's bytes; here they cannot hurt
 *        the store.
 * Owns:  the struct mosquitto and TLS context of the one connection; its unanswered packet ids.
 * Rules: 1. A fresh handle for each UPLINK_CONNECT; no reconnect, no queue and no session of the library is
 *           used: the window is sent again from the store, so a session kept by the broker would only repeat
 *           old messages (clean start; session expiry 0 unless the core asks for one). Topic filters are
 *           subscribed anew each time, session or not.
 *        2. Nothing is published before CONNACK with success.
 *        3. Callbacks only note; the loop acts after the library has returned (its loop deadlocks in
 *           callbacks).
 *        4. The broker's reason codes go to the core as they came; what a connection's end means is told by
 *           class and in one sentence with host and port, cause and remedy.
 *        5. A message over the broker's Maximum Packet Size is answered with 0x95 here, counted exactly
 *           (libmosquitto 2.0's own count is up to two bytes short, and the broker would then close the
 *           connection).
 *        6. It never spins: every wait has a descriptor or a time.
 *        7. What the broker sends goes to the core within the credit that the core gives (mqtt_inbound.h).
 * Faults: anything the network or broker does; the core kills it when name resolution or connect(2) hang.
 * Runs in: the uplink child. The process ignores SIGPIPE: OpenSSL writes with write(2).
 * Tests: tests/integration/test_mqtt_role.py, test_mqtt_inbound.py, test_rabbitmq.py
 */
#ifndef TWINPOST_MQTT_ROLE_H
#define TWINPOST_MQTT_ROLE_H

#include "hal/port.h"

/* Serves until the core has gone (0) or spoke nonsense (1): the exit status of the child. */
int mqtt_role_run(struct port *port);

#endif
