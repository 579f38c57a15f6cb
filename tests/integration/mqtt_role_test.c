/*
 * mqtt_role_test.c - runs the uplink role on a socket that its parent gives it as standard input.
 *
 * Why:   test_mqtt_role.py plays the core against the real role, frame by frame, without the core.
 * Owns:  the port on descriptor 0.
 * Rules: SIGPIPE is ignored, as firmware/main.c has it for every process.
 * Runs in: integration tests.
 */
#include <signal.h>

#include "connector/uplink/mqtt_role.h"
#include "hal/linux/port_linux.h"

int main(void)
{
	struct log log;
	struct port_linux port;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
	log_init_stderr(&log, LOG_LEVEL_DEBUG);
	port_linux_init(&port, 0, &log);
	int status = mqtt_role_run(&port.port);
	port_linux_release(&port);
	return status;
}
