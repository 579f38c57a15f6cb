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
#include "store_forward/signature.h"

#define MINUTE_NS (60 * NS_PER_S)
/* The re-reading of late commits comes once an hour; restarts and back-off add to it. */
#define QUIET_NS_MAX (4 * 60 * MINUTE_NS)
/* A step that is asked for at once, again and again, is a busy loop. A batch of events takes a few. */
#define STEPS_AT_ONCE_MAX 1000
#define LOG_TAIL          12

/* 2024-03-01 08:00:00 UTC */
#define ERP_EPOCH_NS (INT64_C(1709280000) * NS_PER_S)

struct world {
	struct world_options options;
	struct world_result *result;
	struct hal_sim *sim;
	struct erp_books books;
	struct erp_sim erp;
	struct broker_sim broker;
	struct subscriber subscriber;
	struct middleware middleware;
	struct loaded loaded;
	struct log log;
	struct agent *agent;
	bool faulty;
	bool drain; /* the agent was asked to stop */
	int64_t faulty_until_ns;
	int64_t work_due_ns;
	int64_t trouble_due_ns;
	int64_t
	    calm_due_ns; /* when what lasts a while (absence, full disk, errors) ends; INT64_MAX: nothing lasts */
	struct sim_client *client;
	bool rotates; /* the client asked for another key */
	uint64_t steps_at_once;
	char config_text[2000];
	char tail[LOG_TAIL][300];
	uint64_t lines;
};

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
	/* What was synced is never damaged here: a power cut takes and tears only what was not. */
	if (strstr(line, "store-salvaged") != NULL)
		find(world, line);
	for (const char *c = line; *c; c++)
		world->result->digest = world->result->digest * 31 + (uint8_t)*c;
	if (world->options.print_log && level <= LOG_LEVEL_INFO)
		(void)fprintf(stderr, "%11.3f %s\n", (double)world->sim->mono_ns / 1e9, line);
}

static int64_t erp_now(void *self)
{
	const struct world *world = self;
	return ERP_EPOCH_NS + world->sim->mono_ns;
}

static struct sim_random *random_of(struct world *world)
{
	return &world->sim->random;
}

static bool one_in(struct world *world, uint64_t n)
{
	return sim_random_one_in(random_of(world), n);
}

static int64_t between(struct world *world, int64_t low, int64_t high)
{
	return sim_random_between(random_of(world), low, high);
}

/* ---- making the world ---- */

/* Half of the worlds are as a small site has them: one kind of stream, an event a message. */
static void write_streams(struct world *world, struct buf *text)
{
	static const char *const classes[] = {"immediate", "normal", "bulk"};
	static const char *const receipts[] = {"puback", "cosigned", "booked"};
	static const char *const documents[] = {"[invoice, credit_memo]", "[journal]"};
	if (one_in(world, 2))
		return;
	buf_append_text(text, "streams:\n");
	for (int i = 0; i < 3; i++) {
		if (i < 2 && one_in(world, 2))
			continue;
		buf_printf(text, "  - name: \"{entity}%s\"\n", i == 0 ? "-bills" : i == 1 ? "-ledger" : "");
		if (i < 2)
			buf_printf(text, "    documents: %s\n", documents[i]);
		buf_printf(text, "    class: %s\n    receipt: %s\n",
		           classes[sim_random_below(random_of(world), 3)],
		           receipts[sim_random_below(random_of(world), 3)]);
		if (one_in(world, 2))
			buf_printf(text, "    sla: %dm\n", (int)between(world, 1, 60));
		if (one_in(world, 2))
			buf_printf(text, "    batch: %d\n", (int)between(world, 2, 50));
	}
}

static void write_config(struct world *world)
{
	static const char *const polls[] = {"1s", "5s", "30s"};
	static const char *const resends[] = {"0", "5s", "10m"};
	struct buf text;
	buf_init(&text, sizeof world->config_text - 1);
	buf_append_text(&text, "tenant: sim\ngateway: box\nstore:\n  path: /var/store.db\n");
	buf_printf(&text, "  disk_reserve: %s\n", one_in(world, 2) ? "0" : "1MiB");
	buf_append_text(&text, "keys:\n  directory: /var/keys\n");
	buf_append_text(&text,
	                "cloud:\n  command_keys: [/etc/cloud.pem]\n  receipt_keys: [/etc/cloud.pem]\n");
	buf_append_text(&text, "uplink:\n  host: broker.example\n  ca_file: /etc/ca.pem\n");
	buf_printf(&text, "  in_flight: %d\n", (int)between(world, 1, 200));
	buf_printf(&text, "  mqtt: %s\n", one_in(world, 4) ? "3.1.1" : "auto");
	buf_printf(&text, "  resend: %s\n", resends[sim_random_below(random_of(world), 3)]);
	if (one_in(world, 3))
		buf_printf(&text, "  message_size_max: %dB\n", (int)between(world, 3000, 6000));
	if (one_in(world, 3))
		buf_printf(&text, "  checkpoint_period: %ds\n", (int)between(world, 1, 30));
	if (one_in(world, 3))
		buf_printf(&text, "  heartbeat: %ds\n", (int)between(world, 5, 30));
	write_streams(world, &text);
	buf_append_text(&text, "sources:\n  - name: erp\n    profile: jde\n    connection: \"DSN=sim\"\n");
	buf_printf(&text, "    poll: %s\n    page: %d\n", polls[sim_random_below(random_of(world), 3)],
	           (int)between(world, 1, 60));
	CHECK(buf_ok(&text));
	CHECK(text_copy(world->config_text, sizeof world->config_text, buf_span(&text)));
	buf_release(&text);
}

static void read_text(const char *path, struct buf *out)
{
	char piece[4096];
	FILE *file = fopen(path, "r");
	if (!file) {
		(void)fprintf(stderr, "%s: cannot be read\n", path);
		abort();
	}
	for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
		buf_append(out, piece, got);
	(void)fclose(file);
}

static void load(struct world *world)
{
	char path[300];
	struct buf text;
	struct config_problems *problems = mem_alloc(sizeof *problems);
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	write_config(world);
	bool good = config_parse(&world->loaded.config, "sim.yaml", span_of(world->config_text), problems);
	(void)snprintf(path, sizeof path, "%s/jde.yaml", world->options.profiles);
	read_text(path, &text);
	if (good) {
		const struct config_source *source = &world->loaded.config.sources[0];
		world->loaded.profiles[0] = profile_load(buf_span(&text), path, source->parameters,
		                                         source->parameter_count, problems);
		good = world->loaded.profiles[0] != NULL;
	}
	if (!good) {
		(void)fprintf(stderr, "line %d: %s\n", problems->list[0].line, problems->list[0].text);
		abort();
	}
	buf_release(&text);
	free(problems);
}

/* Each kind of fault is drawn apart: in some runs it is frequent, in some rare, in some absent. */
static uint64_t rate(struct world *world, uint64_t frequent, uint64_t rare)
{
	switch (sim_random_below(random_of(world), 4)) {
	case 0:
		return 0;
	case 1:
		return frequent;
	default:
		return rare;
	}
}

static void draw_faults(struct world *world)
{
	world->erp.faults = (struct erp_faults){.refuse_one_in = rate(world, 2, 10),
	                                        .hang_one_in = rate(world, 100, 2000),
	                                        .crash_one_in = rate(world, 30, 300),
	                                        .garbage_one_in = rate(world, 200, 2000),
	                                        .transient_one_in = rate(world, 20, 200),
	                                        .query_one_in = rate(world, 300, 3000),
	                                        .lost_one_in = rate(world, 50, 500),
	                                        .latency_ns_max = between(world, 0, 2000) * NS_PER_MS};
	world->broker.faults = (struct broker_faults){.refuse_one_in = rate(world, 2, 10),
	                                              .silent_one_in = rate(world, 5, 50),
	                                              .lose_one_in = rate(world, 30, 300),
	                                              .lose_ack_one_in = rate(world, 30, 300),
	                                              .stall_one_in = rate(world, 100, 1000),
	                                              .reason_one_in = rate(world, 40, 400),
	                                              .crash_one_in = rate(world, 100, 1000),
	                                              .garbage_one_in = rate(world, 300, 3000),
	                                              .refuse_filter_one_in = rate(world, 10, 100),
	                                              .close_subscribe_one_in = rate(world, 10, 100),
	                                              .deliver_twice_one_in = rate(world, 5, 50),
	                                              .drop_delivery_one_in = rate(world, 5, 50),
	                                              .forget_one_in = rate(world, 5, 20),
	                                              .latency_ns_max = between(world, 0, 1000) * NS_PER_MS};
}

static void end_faults(struct world *world)
{
	world->faulty = false;
	world->erp.faults = (struct erp_faults){.latency_ns_max = 10 * NS_PER_MS};
	world->broker.faults = (struct broker_faults){.latency_ns_max = 10 * NS_PER_MS};
	vfs_sim_set_errors(world->sim->disk, 0);
	vfs_sim_set_capacity(world->sim->disk, UINT64_MAX / 4);
	world->calm_due_ns = INT64_MAX;
	/* Subscriptions that were refused are asked for with the next connection alone. */
	broker_sim_drop(&world->broker);
	erp_books_commit_late(&world->books, true);
}

/* What load.c reads from files: the cloud's public keys. */
static void trust_cloud(struct world *world)
{
	struct cloud_keys *keys = &world->loaded.keys;
	struct span key = middleware_key(&world->middleware);
	CHECK(key.len == PUBLIC_KEY_BYTES);
	memcpy(keys->command[0], key.data, key.len);
	memcpy(keys->receipt[0], key.data, key.len);
	keys->command_count = keys->receipt_count = 1;
}

static void open_world(struct world *world)
{
	const struct hal_sim_options sim_options = {
	    .seed = world->options.seed,
	    .sector_bytes = world->options.seed % 2 ? 512 : 4096,
	    .wall_ns = ERP_EPOCH_NS,
	    .delay_ns_max = world->options.seed % 3 ? 200000 : 5 * NS_PER_MS,
	    .early_return_one_in = 50,
	};
	world->sim = hal_sim_new(&sim_options);
	world->log = (struct log){.sink = log_line, .self = world, .level = LOG_LEVEL_DEBUG};
	load(world);
	subscriber_open(&world->subscriber);
	middleware_open(&world->middleware, world->sim, &world->broker, &world->subscriber);
	world->middleware.active = !one_in(world, 6);
	trust_cloud(world);
	erp_books_open(&world->books, random_of(world), erp_now, world);
	world->erp.books = &world->books;
	world->broker.subscriber = &world->subscriber;
	hal_sim_role(world->sim, HAL_ROLE_SOURCE, &erp_sim_ops, &world->erp);
	hal_sim_role(world->sim, HAL_ROLE_UPLINK, &broker_sim_ops, &world->broker);
	draw_faults(world);
	world->faulty = true;
	world->faulty_until_ns =
	    world->sim->mono_ns +
	    (world->options.faulty_ns ? world->options.faulty_ns : between(world, 10, 30) * MINUTE_NS);
	world->trouble_due_ns = world->sim->mono_ns + between(world, 1, 300) * NS_PER_S;
	world->calm_due_ns = INT64_MAX;
	for (int i = (int)between(world, 0, 300); i > 0; i--)
		erp_books_work(&world->books, false);
}

static void close_world(struct world *world)
{
	if (world->client)
		control_sim_close(world->client);
	agent_close(world->agent);
	loaded_release(&world->loaded);
	/* The children first: their statements are of the books. */
	hal_sim_free(world->sim);
	broker_sim_release(&world->broker);
	middleware_close(&world->middleware);
	subscriber_close(&world->subscriber);
	erp_books_close(&world->books);
}

/* ---- the agent's life ---- */

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
		    .version = "sim",
		};
		struct err_info info = {.text = ""};
		if (world->faulty && tries < 3 && one_in(world, 10))
			hal_sim_power_off(world->sim, 1 + sim_random_below(random_of(world), 40));
		enum err err = agent_open(&options, &world->agent, &info);
		if (err == ERR_OK) {
			/* As the consumer is given it when the gateway is set up, and after each change. */
			witness_pin(&world->subscriber.witness, cloud_public_key(agent_cloud(world->agent)));
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

/* The box, or the agent's process, comes back. */
static void restart(struct world *world)
{
	agent_close(world->agent);
	world->agent = NULL;
	if (world->client)
		control_sim_close(world->client);
	world->client = NULL;
	world->drain = false;
	hal_sim_power_on(world->sim);
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
		hal_sim_step_wall(world->sim, erp_now(world) - wall); /* right again */
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
		draw_faults(world);
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
	if (now >= world->calm_due_ns)
		end_lasting(world);
	if (world->faulty && now >= world->trouble_due_ns)
		make_trouble(world);
	if (hal_sim_is_off(world->sim))
		restart(world);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_due(const struct world *world)
{
	int64_t due = earlier(world->calm_due_ns, world->middleware.due_ns);
	if (world->faulty)
		due = earlier(due, earlier(world->work_due_ns, world->trouble_due_ns));
	int64_t late = erp_books_late_due(&world->books);
	return late == INT64_MAX ? due : earlier(due, late - ERP_EPOCH_NS);
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
	end_faults(world);
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
	}
	/* It stays so over another re-reading: nothing is sent twice, nothing changes. */
	if (world->result->good)
		run_until(world, world->sim->mono_ns + 70 * MINUTE_NS);
	if (world->result->good &&
	    (!is_well(world, why) || !middleware_agrees(&world->middleware, agent_store(world->agent), why)))
		find(world, why);
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
	open_world(world);
	open_agent(world);
	if (result->good)
		run_until(world, world->faulty_until_ns);
	if (result->good)
		quiet_hours(world);
	if (!result->good && !options->print_log) {
		for (uint64_t i = world->lines > LOG_TAIL ? world->lines - LOG_TAIL : 0; i < world->lines;
		     i++)
			(void)fprintf(stderr, "# %s\n", world->tail[i % LOG_TAIL]);
	}
	take_marks(world);
	result->simulated_ns = world->sim->mono_ns;
	close_world(world);
	free(world);
}
