/*
 * main.c - the program twinpost: hands on to the agent or to the command line.
 *
 * Why:   one binary is one thing to install; includes point from tools to firmware, never back.
 * Owns:  nothing.
 * Runs in: every process of the program.
 * Tests: tests/integration
 */
#include <string.h>

#include "firmware/main.h"
#include "tools/twinpost/cli.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return firmware_run(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--child") == 0)
		return firmware_child(argc, argv);
	if (argc > 2 && strcmp(argv[1], "key") == 0 && strcmp(argv[2], "make") == 0)
		return firmware_key_make(argc, argv);
	return cli_main(argc, argv);
}
