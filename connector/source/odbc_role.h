/*
 * odbc_role.h - the source child: answers the core's requests over one ODBC connection.
 *
 * Why:   drivers hang, leak and crash; here they may, and the core kills and starts another.
 * Owns:  the connection, the statements, the password while it logs in.
 * Rules: 1. One request at a time, in the order asked, as source_protocol.h says.
 *        2. It ends with status 0 when the core has gone, and after a failure of the connection or of OPEN was told.
 *        3. A core that speaks nonsense is no core: status 1.
 *        4. After every failed statement the transaction is rolled back and the connection is tried: what the driver
 *           says of a dead connection is not believed.
 * Faults: any of the driver's; see odbc_diag.h.
 * Runs in: source child.
 * Tests: tests/integration/odbc_role_test.c
 */
#ifndef TWINPOST_ODBC_ROLE_H
#define TWINPOST_ODBC_ROLE_H

#include "hal/port.h"

/* Blocks until the child is to end; returns its exit status. */
MUST_USE int odbc_role_run(struct port *port);

#endif
