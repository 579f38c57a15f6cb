/*
 * main.h - the agent's entry: the core (`run`) and its children (`--child`).
 *
 * Why:   one binary plays every role; tools/twinpost/main.c hands these two on and keeps the rest.
 * Owns:  nothing.
 * Runs in: every process of the program.
 * Tests: tests/integration
 */
#ifndef TWINPOST_MAIN_H
#define TWINPOST_MAIN_H

/* argv[1] is "run": `twinpost run --config FILE [--until-idle]`. Returns the exit status (see docs/twinpost.1). */
int firmware_run(int argc, char **argv);
/* argv[1] is "--child": `twinpost --child source|uplink --name NAME`, frames at descriptor 3. */
int firmware_child(int argc, char **argv);

#endif
