/*
 * world.c - runs one seed: faulty hours, quiet hours, verdict.
 *
 * Why:   see world.h.
 * Owns:  as in world.h.
 * Rules: as in world.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/world.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/cloud.h"
#include "tests/sim/ledger_check.h"
#include "tests/sim/rules_sim.h"
#include "tests/sim/world_internal.h"

/* The re-reading of late commits comes once an hour; restarts and back-off add to it. */
#define QUIET_NS_MAX (4 * 60 * MINUTE_NS)
/* A step that is asked for at once, again and again, is a busy loop. A batch of events takes a few. */
#define STEPS_AT_ONCE_MAX 1000

static void find(struct world *world, const char *what)
{
	struct world_result *result = world->result;
	if (!result->good)
		return;
	result->good = false;
	(void)snprintf(result->finding, sizeof result->finding, "after %.1f simulated minutes: %.800s",
	               (double)world->sim->mono_ns / (double)MINUTE_NS, what);
}

static void log_line(void *self, enum log_level level, const char *line)
{
	struct world *world = self;
	if (level <= LOG_LEVEL_INFO)
		(void)snprintf(world->tail[world->lines++ % LOG_TAIL], sizeof world->tail[0], "%11.3f %s",
		               (double)world->sim->mono_ns / 1e9, line);
	world->result->marks.ledgers_put_aside += strstr(line, "rule=ledger-damaged") != NULL;
	/* What was synced of the store is never damaged here: a power cut takes and tears only what was not. */
	if (strstr(line, "store-salvaged") != NULL)
		find(world, line);
	for (const char *c = line; *c; c++)
		world->result->digest = world->result->digest * 31 + (uint8_t)*c;
	if (world->options.print_log && level <= LOG_LEVEL_INFO)
		(void)fprintf(stderr, "%11.3f %s\n", (double)world->sim->mono_ns / 1e9, line);
}

/* ---- the agent's life ---- */

/* A restart left the ledger as it is now: is it one that may be? */
static void check_ledger(struct world *world)
{
	char why[SIM_FINDING_MAX];
	bool behind = false;
	struct ledger *ledger = agent_ledger(world->agent);
	if (!ledger)
		return;
	if (!ledger_check_running(ledger, agent_store(world->agent), &behind, why))
		find(world, why);
	world->result->marks.ledgers_behind += behind;
}

/* Opens the agent; in faulty hours the power may fail on the way, again and again. */
static void open_agent(struct world *world)
{
	for (int tries = 0; !world->agent && world->result->good; tries++) {
		const struct agent_options options = {
		    .hal = &world->sim->hal,
		    .log = &world->log,
		    .config = &world->loaded.config,
		    .profiles = (const struct profile *const *)world->loaded.profiles,
		    .keys = &world->loaded.keys,
		    .rules_files = &rules_sim_files,
		    .version = "sim",
		};
		struct err_info info = {.text = ""};
		if (world->faulty && tries < 3 && one_in(world, 10))
			hal_sim_power_off(world->sim, 1 + sim_random_below(random_of(world), 40));
		enum err err = agent_open(&options, &world->agent, &info);
		if (err == ERR_OK) {
			/* As the consumer is given it when the gateway is set up, and after each change. */
			witness_pin(&world->subscriber.witness, cloud_public_key(agent_cloud(world->agent)));
			check_ledger(world);
			return;
		}
		world->agent = NULL;
		world->result->marks.failed_opens++;
		bool explained = hal_sim_is_off(world->sim) || err == ERR_FULL || err == ERR_IO;
		if (!explained || tries > 50) {
			char text[700];
			(void)snprintf(text, sizeof text, "the agent does not open (%s): %s", err_name(err),
			               info.text);
			find(world, text);
		}
		hal_sim_power_on(world->sim);
		if (tries > 3) {
			vfs_sim_set_errors(world->sim->disk, 0);
			vfs_sim_set_capacity(world->sim->disk, UINT64_MAX / 4);
		}
	}
}

/* What the log holds moves into the file, as at an orderly end. A log whose removal the power cut has taken back would
 * stand before the file's pages, whatever is done to those. */
static bool tidy_ledger(struct world *world)
{
	struct vfs_sim *disk = world->sim->disk;
	for (int tries = 0; tries < 8; tries++) {
		struct ledger *ledger = NULL;
		struct ledger_opening opening;
		struct err_info info;
		if (ledger_open(&world->sim->hal, LEDGER_PATH, LEDGER_WRITE, &ledger, &opening, &info) !=
		    ERR_OK)
			return false;
		ledger_close(ledger);
		hal_sim_power_off(world->sim, 0);
		hal_sim_power_on(world->sim);
		if (vfs_sim_exists(disk, LEDGER_PATH) && !vfs_sim_exists(disk, LEDGER_PATH "-wal"))
			return true;
	}
	return false;
}

/* Some bytes of the ledger are not as they were written: the disk is old. (In the last transaction of its log that
 * could not be told from a power cut.) */
static void damage_ledger(struct world *world)
{
	struct vfs_sim *disk = world->sim->disk;
	if (!world->damages || !world->faulty || !vfs_sim_exists(disk, LEDGER_PATH) || !one_in(world, 2) ||
	    !tidy_ledger(world))
		return;
	int64_t size = (int64_t)vfs_sim_contents(disk, LEDGER_PATH).len;
	for (int i = (int)between(world, 1, 3); i > 0 && size > 0; i--)
		vfs_sim_damage(disk, LEDGER_PATH, (uint64_t)between(world, 0, size - 1),
		               (size_t)between(world, 1, one_in(world, 2) ? 8 : 4000));
	world->damaged = true;
	world->result->marks.ledgers_damaged++;
}

/* The box, or the agent's process, comes back. */
static void restart(struct world *world)
{
	agent_close(world->agent);
	world->agent = NULL;
	if (world->client)
		control_sim_close(world->client);
	world->client = NULL;
	world->drain = false;
	bool at_rest = hal_sim_is_off(world->sim);
	hal_sim_power_on(world->sim);
	if (at_rest)
		damage_ledger(world);
	open_agent(world);
}

static void step_agent(struct world *world, int64_t *deadline)
{
	struct err_info info = {.text = ""};
	bool finished = false;
	enum err err = agent_step(world->agent, deadline, &finished, &info);
	world->result->marks.steps++;
	if (hal_sim_is_off(world->sim)) {
		restart(world);
		*deadline = 0;
		return;
	}
	if (err != ERR_OK) {
		char text[700];
		(void)snprintf(text, sizeof text, "the agent gave up (%s): %s", err_name(err), info.text);
		find(world, text);
	} else if (finished && !world->drain) {
		find(world, "the agent ended though nobody asked it to");
	} else if (finished) {
		world->result->marks.stops++;
		restart(world);
		*deadline = 0;
	}
	if (world->subscriber.finding[0])
		find(world, world->subscriber.finding);
	world->steps_at_once = *deadline <= world->sim->mono_ns ? world->steps_at_once + 1 : 0;
	if (world->steps_at_once > STEPS_AT_ONCE_MAX)
		find(world, "the agent asks for its next step at once, again and again: a busy loop");
}

/* ---- what befalls it ---- */

static void step_clock(struct world *world)
{
	static const int64_t hours[] = {-1, 1, -24, 24, 400 * 24};
	int64_t wall = hal_wall_ns(&world->sim->hal);
	int64_t n = between(world, 0, 6);
	world->result->marks.clock_steps++;
	world->middleware.clock_steps++;
	if (n == 5)
		hal_sim_step_wall(world->sim, -wall); /* to 1970 */
	else if (n == 6)
		hal_sim_step_wall(world->sim, world_erp_now(world) - wall); /* right again */
	else
		hal_sim_step_wall(world->sim, hours[n] * 3600 * NS_PER_S);
	hal_sim_set_drift(world->sim, between(world, -200, 200));
}

/* Now and then a person has the signing key changed, else asks how things are. */
static void ask_control(struct world *world)
{
	static const char status[] = "{\"v\":1,\"cmd\":\"status\"}\n";
	static const char rotate[] = "{\"v\":1,\"cmd\":\"key_rotate\",\"why\":\"the simulation wants it\"}\n";
	world->rotates = one_in(world, 3);
	const char *request = world->rotates ? rotate : status;
	if (world->client)
		control_sim_close(world->client);
	world->client = control_sim_connect(world->sim->control);
	control_sim_write(world->client, request, strlen(request));
}

static void take_answer(struct world *world)
{
	struct span line;
	if (!world->client || !control_sim_read(world->client, &line))
		return;
	cJSON *answer = cJSON_ParseWithLength(line.data, line.len);
	/* A store that takes no writes has no key changed. */
	if (!world->rotates && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok")))
		find(world, "the status was not answered with ok");
	cJSON_Delete(answer);
	world->result->marks.controls++;
	control_sim_close(world->client);
	world->client = NULL;
}

/* Things that last a while: until calm_due_ns. */
static void begin_lasting(struct world *world)
{
	world->calm_due_ns = world->sim->mono_ns + between(world, 1, 600) * NS_PER_S;
	switch (between(world, 0, 2)) {
	case 0:
		world->broker.faults.away = true;
		world->result->marks.broker_absences++;
		break;
	case 1: {
		uint64_t capacity = UINT64_MAX / 4;
		uint64_t used = capacity - vfs_sim_free_bytes(world->sim->disk);
		vfs_sim_set_capacity(world->sim->disk, used + sim_random_below(random_of(world), 1000000));
		world->result->marks.full_disks++;
		break;
	}
	default:
		if (!world->options.no_disk_errors) {
			vfs_sim_set_errors(world->sim->disk, (uint64_t)between(world, 5, 200));
			world->result->marks.disk_errors++;
		}
	}
}

static void end_lasting(struct world *world)
{
	world->calm_due_ns = INT64_MAX;
	world->broker.faults.away = false;
	vfs_sim_set_errors(world->sim->disk, 0);
	vfs_sim_set_capacity(world->sim->disk, UINT64_MAX / 4);
}

static void make_trouble(struct world *world)
{
	switch (between(world, 0, 9)) {
	case 0:
	case 1:
		world->result->marks.power_cuts++;
		hal_sim_power_off(world->sim, sim_random_below(random_of(world), 60));
		break;
	case 2:
	case 3:
		world->result->marks.kills++;
		hal_sim_kill(world->sim, sim_random_below(random_of(world), 60));
		break;
	case 4:
		world->drain = true;
		hal_sim_stop(world->sim);
		break;
	case 5:
		step_clock(world);
		break;
	case 6:
	case 7:
		if (world->calm_due_ns == INT64_MAX)
			begin_lasting(world);
		break;
	case 8:
		ask_control(world);
		break;
	default:
		world_draw_faults(world);
	}
	world->trouble_due_ns = world->sim->mono_ns + (one_in(world, 3) ? between(world, 1, 20 * NS_PER_S)
	                                                                : between(world, 1, 900) * NS_PER_S);
}

static void do_what_is_due(struct world *world)
{
	int64_t now = world->sim->mono_ns;
	erp_books_commit_late(&world->books, false);
	take_answer(world);
	middleware_step(&world->middleware);
	if (world->faulty && now >= world->work_due_ns) {
		erp_books_work(&world->books, true);
		/* In bursts, as people post. */
		world->work_due_ns = now + (one_in(world, 4) ? between(world, 1, 120) * NS_PER_S
		                                             : between(world, 1, 2000) * NS_PER_MS);
	}
	if (now >= world->rules_due_ns) {
		world->rules_due_ns = INT64_MAX;
		world->result->marks.rules_changed++;
		rules_sim_put(RULES_SIM_RIGHT);
	}
	if (now >= world->calm_due_ns)
		end_lasting(world);
	if (world->faulty && now >= world->trouble_due_ns)
		make_trouble(world);
	if (hal_sim_is_off(world->sim))
		restart(world);
}

static int64_t next_due(struct world *world)
{
	int64_t due = earlier(earlier(world->calm_due_ns, world->rules_due_ns), world->middleware.due_ns);
	if (world->faulty)
		due = earlier(due, earlier(world->work_due_ns, world->trouble_due_ns));
	int64_t late = erp_books_late_due(&world->books);
	return late == INT64_MAX ? due : earlier(due, late - world_erp_now(world) + world->sim->mono_ns);
}

static void run_until(struct world *world, int64_t until_ns)
{
	while (world->result->good && world->sim->mono_ns < until_ns) {
		int64_t deadline = 0;
		do_what_is_due(world);
		if (!world->result->good)
			return;
		step_agent(world, &deadline);
		if (world->result->good)
			hal_wait(&world->sim->hal, earlier(earlier(deadline, until_ns), next_due(world)));
	}
}

/* Everything came, everything is answered, and the agent's store says the same as was told. */
static bool is_well(struct world *world, char why[SIM_FINDING_MAX])
{
	return subscriber_equals(&world->subscriber, &world->books, why) &&
	       witness_complete(&world->subscriber.witness, why) &&
	       middleware_settled(&world->middleware, why);
}

static void quiet_hours(struct world *world)
{
	char why[SIM_FINDING_MAX];
	int64_t begin = world->sim->mono_ns;
	world_end_faults(world);
	/* In half of the runs the box is restarted once more; in the others whatever is wrong must heal by
	 * itself. */
	if (one_in(world, 2))
		restart(world);
	middleware_calm(&world->middleware);
	while (world->result->good && !is_well(world, why)) {
		if (world->sim->mono_ns > begin + QUIET_NS_MAX) {
			find(world, why);
			return;
		}
		run_until(world, world->sim->mono_ns + MINUTE_NS);
		/* A connection that was begun in the faulty hours may lack a subscription. */
		if ((world->sim->mono_ns - begin) / MINUTE_NS % 30 == 0)
			broker_sim_drop(&world->broker);
	}
	/* It stays so over another re-reading: nothing is sent twice, nothing changes. */
	if (world->result->good)
		run_until(world, world->sim->mono_ns + 70 * MINUTE_NS);
	if (world->result->good &&
	    (!is_well(world, why) || !middleware_agrees(&world->middleware, agent_store(world->agent), why)))
		find(world, why);
}

/* Exceptions of what is over: they must have ended by themselves. */
static bool is_over(void *self, const struct store_exception *exception)
{
	struct world *world = self;
	static const char *const rules[] = {"cloud-gap", "ledger-failed", "ledger-document"};
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		char text[500];
		if (!exception->open || !span_equal(exception->rule, span_of(rules[i])))
			continue;
		(void)snprintf(text, sizeof text, "%s is open though it is over: %.*s", rules[i],
		               (int)exception->text.len, exception->text.data);
		find(world, text);
	}
	return true;
}

/* Both sides are whole: what does the comparison say? */
static void compare_sides(struct world *world)
{
	char why[SIM_FINDING_MAX];
	bool behind = false;
	struct world_marks *marks = &world->result->marks;
	struct ledger *ledger = agent_ledger(world->agent);
	if (!ledger)
		find(world, "the ledger is not well though nothing fails any more");
	else if (!ledger_check_running(ledger, agent_store(world->agent), &behind, why))
		find(world, why);
	else if (behind)
		find(world, "the ledger has not taken what the store has committed");
	struct err_info info;
	(void)!store_exceptions_changed(agent_store(world->agent), 0, INT32_MAX, is_over, world, &info);
	agent_close(world->agent);
	world->agent = NULL;
	if (!world->result->good || !world->middleware.cloud.posts)
		return;
	struct rules *rules = world->maps ? rules_sim_right() : NULL;
	struct ledger_check check = {.hal = &world->sim->hal,
	                             .path = LEDGER_PATH,
	                             .middleware = &world->middleware,
	                             .rules = rules,
	                             .damaged = world->damaged};
	if (!ledger_check_last(&check, why))
		find(world, why);
	rules_free(rules);
	marks->reconciled += check.reconciled;
	marks->incomplete += check.incomplete;
	marks->planted_found += (uint64_t)check.found;
	marks->generations += check.generation > 1;
}

static void take_middleware_marks(struct world_marks *marks, const struct middleware *middleware)
{
	marks->births = middleware->births;
	marks->heartbeats = middleware->heartbeats;
	marks->deaths = middleware->deaths;
	marks->receipts = middleware->receipts;
	marks->outcomes = middleware->outcomes;
	marks->outcomes_late = middleware->late;
	marks->lies = middleware->lies;
	marks->forgeries = middleware->forgeries;
	marks->repeats = middleware->repeats;
	marks->answers_again = middleware->answers_again;
	marks->commands = middleware->commands;
	marks->commands_rejected = middleware->rejected;
	marks->replays = middleware->replays;
	marks->replays_failed = middleware->replays_failed;
	marks->resends = middleware->resends;
	marks->proofs = middleware->proofs;
	marks->pauses = middleware->pauses;
	const struct middleware_cloud *cloud = &middleware->cloud;
	marks->postings = cloud->postings;
	marks->postings_again = cloud->again;
	marks->postings_in_parts = cloud->parts;
	marks->postings_refused = cloud->refused;
	marks->postings_repeated = cloud->repeated;
	marks->cloud_gaps = cloud->gaps_opened;
	marks->cloud_gaps_closed = cloud->gaps_closed;
	marks->equivocations = cloud->contradicted;
}

static void take_marks(struct world *world)
{
	struct world_marks *marks = &world->result->marks;
	marks->actions = world->books.actions;
	marks->committed_late = world->books.committed_late;
	marks->erp_hangs = world->erp.hangs;
	marks->erp_crashes = world->erp.crashes;
	marks->erp_failures = world->erp.failures;
	marks->broker_refusals = world->broker.refusals;
	marks->broker_losses = world->broker.losses;
	marks->broker_lost_acks = world->broker.lost_acks;
	marks->broker_stalls = world->broker.stalls;
	marks->broker_reasons = world->broker.reasons;
	marks->received = world->subscriber.received;
	marks->duplicates = world->subscriber.duplicates;
	marks->batches = world->subscriber.batches;
	marks->parts = world->subscriber.parts;
	marks->checkpoints = world->subscriber.witness.checkpoints;
	marks->checkpoints_again = world->subscriber.witness.repeated;
	marks->claims_ahead = world->subscriber.witness.claims_ahead;
	marks->key_rotations = world->subscriber.witness.rotations;
	marks->sessions_lost = world->broker.forgotten;
	marks->inbound_twice = world->broker.repeated;
	marks->inbound_dropped = world->broker.dropped;
	take_middleware_marks(marks, &world->middleware);
}

void sim_world_run(const struct world_options *options, struct world_result *result)
{
	struct world *world = mem_alloc(sizeof *world);
	*result = (struct world_result){.good = true};
	world->options = *options;
	world->result = result;
	world_open(world, log_line);
	open_agent(world);
	if (result->good)
		run_until(world, world->faulty_until_ns);
	if (result->good)
		quiet_hours(world);
	if (result->good)
		compare_sides(world);
	if (!result->good && !options->print_log) {
		for (uint64_t i = world->lines > LOG_TAIL ? world->lines - LOG_TAIL : 0; i < world->lines;
		     i++)
			(void)fprintf(stderr, "# %s\n", world->tail[i % LOG_TAIL]);
	}
	take_marks(world);
	result->simulated_ns = world->sim->mono_ns;
	world_close(world);
	free(world);
}
