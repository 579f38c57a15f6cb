/*
 * world_make.c - makes a simulated world and the faults that it may draw.
 *
 * Why:   see world.h.
 * Owns:  as in world.h.
 * Rules: as in world.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/signature.h"
#include "tests/sim/rules_sim.h"
#include "tests/sim/world_internal.h"

/* 2024-03-01 08:00:00 UTC */
#define ERP_EPOCH_NS (INT64_C(1709280000) * NS_PER_S)

int64_t world_erp_now(void *self)
{
	const struct world *world = self;
	return ERP_EPOCH_NS + world->sim->mono_ns;
}

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
	if (one_in(world, 2))
		buf_printf(&text, "phases:\n  - phase: %s\n    entity: \"*\"\n",
		           one_in(world, 2) ? "parallel" : "shadow");
	if (world->maps)
		buf_append_text(&text, "compare:\n  rules: " RULES_SIM_DIRECTORY "\n");
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

void world_draw_faults(struct world *world)
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

void world_end_faults(struct world *world)
{
	world->faulty = false;
	world->erp.faults = (struct erp_faults){.latency_ns_max = 10 * NS_PER_MS};
	world->broker.faults = (struct broker_faults){.latency_ns_max = 10 * NS_PER_MS};
	vfs_sim_set_errors(world->sim->disk, 0);
	vfs_sim_set_capacity(world->sim->disk, UINT64_MAX / 4);
	world->calm_due_ns = INT64_MAX;
	world->rules_due_ns = earlier(world->rules_due_ns, world->sim->mono_ns);
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

/* What the cloud posts, and what goes wrong with it on purpose. */
static void draw_cloud(struct world *world)
{
	struct middleware_cloud *cloud = &world->middleware.cloud;
	bool plants = one_in(world, 2);
	cloud->posts = world->middleware.active && !one_in(world, 8);
	cloud->equivocates = one_in(world, 5);
	cloud->in_parts = one_in(world, 2);
	cloud->maps = world->maps;
	cloud->plants_one_in = plants ? (uint64_t)between(world, 10, 100) : 0;
	world->damages = !cloud->equivocates && one_in(world, 4);
	world->rules_due_ns = INT64_MAX;
	rules_sim_put(RULES_SIM_RIGHT);
	if (!world->maps || one_in(world, 4))
		return;
	rules_sim_put(one_in(world, 2) ? RULES_SIM_OTHER : RULES_SIM_LACKING);
	world->rules_due_ns = world->sim->mono_ns + between(world, 1, 1200) * NS_PER_S;
}

void world_open(struct world *world, void (*sink)(void *self, enum log_level level, const char *line))
{
	const struct hal_sim_options sim_options = {
	    .seed = world->options.seed,
	    .sector_bytes = world->options.seed % 2 ? 512 : 4096,
	    .wall_ns = ERP_EPOCH_NS,
	    .delay_ns_max = world->options.seed % 3 ? 200000 : 5 * NS_PER_MS,
	    .early_return_one_in = 50,
	};
	world->sim = hal_sim_new(&sim_options);
	world->log = (struct log){.sink = sink, .self = world, .level = LOG_LEVEL_DEBUG};
	world->maps = one_in(world, 3);
	load(world);
	subscriber_open(&world->subscriber);
	middleware_open(&world->middleware, world->sim, &world->broker, &world->subscriber);
	world->middleware.active = !one_in(world, 6);
	draw_cloud(world);
	trust_cloud(world);
	erp_books_open(&world->books, random_of(world), world_erp_now, world);
	world->erp.books = &world->books;
	world->broker.subscriber = &world->subscriber;
	hal_sim_role(world->sim, HAL_ROLE_SOURCE, &erp_sim_ops, &world->erp);
	hal_sim_role(world->sim, HAL_ROLE_UPLINK, &broker_sim_ops, &world->broker);
	world_draw_faults(world);
	world->faulty = true;
	world->faulty_until_ns =
	    world->sim->mono_ns +
	    (world->options.faulty_ns ? world->options.faulty_ns : between(world, 10, 30) * MINUTE_NS);
	world->trouble_due_ns = world->sim->mono_ns + between(world, 1, 300) * NS_PER_S;
	world->calm_due_ns = INT64_MAX;
	for (int i = (int)between(world, 0, 300); i > 0; i--)
		erp_books_work(&world->books, false);
}

void world_close(struct world *world)
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
