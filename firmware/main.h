/*
 * main.h - the agent's entries: the core (`run`), its children (`--child`), its key (`key make`).
 *
 * Why:   one binary plays every role; tools/twinpost/main.c hands these on and keeps the rest.
 * Owns:  nothing.
 * Runs in: every process of the program.
 * Tests: tests/integration
 */
#ifndef TWINPOST_MAIN_H
#define TWINPOST_MAIN_H

/* argv[1] is "run": `twinpost run --config FILE [--until-idle]`. Returns the exit status (see docs/twinpost.1). */
int firmware_run(int argc, char **argv);
/* argv[1] is "key", argv[2] "make": `twinpost key make --config FILE`. Makes the signing key where there is none, and
 * prints its public half as PEM; for setting up middleware before the agent's first start. Returns the exit status. */
int firmware_key_make(int argc, char **argv);
/* argv[1] is "--child": `twinpost --child source|uplink --name NAME`, frames at descriptor 3. */
int firmware_child(int argc, char **argv);

#endif
