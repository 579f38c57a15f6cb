/*
 * main.c - starts the core or a child on Linux.
 *
 * Why:   the only place that ties the portable core to hal/linux.
 * Owns:  the back end, the configuration and the agent during the process's life.
 * Rules: 1. A damaged store is closed and opened again, which salvages it, at most REOPEN_MAX times in a life.
 *        2. What a person must mend ends the process with a status that the service manager does not repeat at once.
 * Faults: every refusal at start is told on standard error with what to do.
 * Runs in: every process of the program.
 * Tests: tests/integration
 */
#include "firmware/main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/source/odbc_role.h"
#include "connector/source/status_writer.h"
#include "connector/uplink/mqtt_role.h"
#include "firmware/agent.h"
#include "firmware/load.h"
#include "firmware/rules_keeper.h"
#include "hal/keys.h"
#include "hal/linux/confine.h"
#include "hal/linux/file_linux.h"
#include "hal/linux/hal_linux.h"
#include "hal/linux/port_linux.h"
#include "store_forward/signature.h"

#define CONFIG_DEFAULT     "/etc/twinpost/twinpost.yaml"
#define STATUS_OK          0
#define STATUS_FAILED      1
#define STATUS_USAGE       2
#define REOPEN_MAX         3
#define PROBLEMS_BYTES_MAX (64u * 1024u)
#define VARIABLES_MAX      (2 * CONFIG_SOURCES_MAX + 2)

struct run_options {
	const char *config;
	bool until_idle;
};

static bool parse_run(int argc, char **argv, struct run_options *options)
{
	*options = (struct run_options){.config = CONFIG_DEFAULT};
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			options->config = argv[++i];
		else if (strcmp(argv[i], "--until-idle") == 0)
			options->until_idle = true;
		else {
			(void)fprintf(
			    stderr,
			    "twinpost run: unknown argument \"%s\"; usage: twinpost run [--config FILE] "
			    "[--until-idle]\n",
			    argv[i]);
			return false;
		}
	}
	return true;
}

/* The environment variables that secrets name, each for the child that needs it. names: of the children that write
 * status tables. */
static size_t secret_variables(const struct config *config, struct hal_linux_variable *variables,
                               char names[CONFIG_SOURCES_MAX][HAL_CHILD_NAME_MAX])
{
	size_t count = 0;
	for (int i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		if (source->password.kind == SECRET_ENVIRONMENT)
			variables[count++] =
			    (struct hal_linux_variable){HAL_ROLE_SOURCE, source->name, source->password.name};
		if (!source->status_table.connection[0] ||
		    source->status_table.password.kind != SECRET_ENVIRONMENT)
			continue;
		status_writer_child_name(source, names[i]);
		variables[count++] = (struct hal_linux_variable){HAL_ROLE_SOURCE, names[i],
		                                                 source->status_table.password.name};
	}
	const struct secret_reference *uplink[] = {&config->uplink.password, &config->uplink.key_password};
	for (size_t i = 0; i < 2; i++) {
		if (uplink[i]->kind == SECRET_ENVIRONMENT)
			variables[count++] =
			    (struct hal_linux_variable){HAL_ROLE_UPLINK, NULL, uplink[i]->name};
	}
	return count;
}

static enum err run_steps(struct hal *hal, struct agent *agent, struct err_info *info)
{
	for (;;) {
		int64_t deadline;
		bool finished;
		enum err err = agent_step(agent, &deadline, &finished, info);
		if (err != ERR_OK || finished)
			return err;
		hal_wait(hal, deadline);
	}
}

static const struct rules_files rules_files = {file_linux_read, file_linux_list, file_linux_stamp};

/* At the start all problems of the comparison's rules are told at once; the agent itself reads them again. */
static bool rules_good(const char *directory, struct buf *out)
{
	struct rules *rules = NULL;
	struct err_info info = {0};
	if (directory[0] == 0)
		return true;
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	enum err err = rules_load(directory, rules_files.read, rules_files.list, &rules, problems, &info);
	if (err == ERR_BAD_INPUT && problems->count > 0)
		rules_problems_print(problems, directory, out);
	else if (err != ERR_OK)
		buf_printf(out, "compare.rules: %s\n", info.text);
	rules_free(rules);
	free(problems);
	return err == ERR_OK;
}

static int run_agent(struct hal *hal, const struct log *log, const struct loaded *loaded,
                     const struct run_options *options)
{
	const struct agent_options agent_options = {
	    .hal = hal,
	    .log = log,
	    .config = &loaded->config,
	    .profiles = (const struct profile *const *)loaded->profiles,
	    .keys = &loaded->keys,
	    .rules_files = &rules_files,
	    .version = TWINPOST_VERSION,
	    .until_idle = options->until_idle,
	};
	struct err_info info = {0};
	for (int opened = 0; opened <= REOPEN_MAX; opened++) {
		struct agent *agent = NULL;
		enum err err = agent_open(&agent_options, &agent, &info);
		if (err == ERR_OK)
			err = run_steps(hal, agent, &info);
		bool whole = err != ERR_OK || !options->until_idle || agent_read_all(agent);
		agent_close(agent);
		if (!whole) {
			log_event(
			    log, LOG_AGENT_FAILED,
			    "store=%s: ended with a feed that could not be read; its exception says why",
			    loaded->config.store.path);
			return STATUS_FAILED;
		}
		if (err == ERR_OK) {
			log_event(log, LOG_AGENT_STOPPED, "store=%s: stopped in order",
			          loaded->config.store.path);
			return STATUS_OK;
		}
		log_event(log, LOG_AGENT_FAILED, "store=%s: %s", loaded->config.store.path, info.text);
		if (err != ERR_CORRUPT)
			return STATUS_FAILED;
	}
	return STATUS_FAILED;
}

static const char *profile_folder(void)
{
	const char *folder = getenv("TWINPOST_PROFILES");
	return folder && folder[0] ? folder : TWINPOST_PROFILE_DIR;
}

int firmware_run(int argc, char **argv)
{
	struct run_options options;
	if (!parse_run(argc, argv, &options))
		return STATUS_USAGE;
	int status = STATUS_USAGE;
	struct hal_linux *linux_hal = NULL;
	struct err_info info;
	struct log log;
	struct buf problems;
	struct loaded *loaded = mem_alloc(sizeof *loaded);
	buf_init(&problems, PROBLEMS_BYTES_MAX);
	if (!load_all(loaded, options.config, profile_folder(), file_linux_read, &problems) ||
	    !rules_good(loaded->config.compare.rules, &problems)) {
		(void)fputs(buf_cstr(&problems), stderr);
		goto out;
	}
	status = STATUS_FAILED;
	log_init_stderr(&log, loaded->config.log.level);
	struct hal_linux_variable variables[VARIABLES_MAX];
	char status_names[CONFIG_SOURCES_MAX][HAL_CHILD_NAME_MAX];
	const struct hal_linux_options hal_options = {
	    .log = &log,
	    .control_socket = loaded->config.control.socket,
	    .variables = variables,
	    .variable_count = secret_variables(&loaded->config, variables, status_names),
	};
	if (hal_linux_open(&linux_hal, &hal_options, &info) != ERR_OK) {
		log_event(&log, LOG_AGENT_FAILED, "config=%s: %s", options.config, info.text);
		goto out;
	}
	status = run_agent(&linux_hal->hal, &log, loaded, &options);
out:
	hal_linux_close(linux_hal);
	loaded_release(loaded);
	free(loaded);
	buf_release(&problems);
	return status;
}

static int print_key(struct hal *hal, const struct config *config)
{
	const struct hal_keys_options options = {.directory = config->keys.directory,
	                                         .seal = config->keys.seal};
	struct hal_keys *keys = NULL;
	struct hal_keys_opening opening;
	struct err_info info;
	struct buf pem;
	if (hal_keys_open(hal, &options, &keys, &opening, &info) != ERR_OK) {
		(void)fprintf(stderr, "twinpost: %s\n", info.text);
		return STATUS_FAILED;
	}
	buf_init(&pem, PUBLIC_KEY_PEM_MAX);
	public_key_to_pem(&pem, hal_keys_public(keys, HAL_KEY_CURRENT));
	bool good = fputs(buf_cstr(&pem), stdout) != EOF && fflush(stdout) == 0;
	(void)fprintf(stderr, "twinpost: %s the signing key in %s; above is its public half\n",
	              opening.created ? "made" : "found", options.directory);
	buf_release(&pem);
	hal_keys_close(keys);
	return good ? STATUS_OK : STATUS_FAILED;
}

int firmware_key_make(int argc, char **argv)
{
	struct hal_linux *linux_hal = NULL;
	struct buf problems;
	struct err_info info;
	struct log log;
	int status = STATUS_USAGE;
	if (argc != 3 && (argc != 5 || strcmp(argv[3], "--config") != 0)) {
		(void)fputs("twinpost key make: use it as: twinpost key make [--config FILE]\n", stderr);
		return STATUS_USAGE;
	}
	struct config *config = mem_alloc(sizeof *config);
	buf_init(&problems, PROBLEMS_BYTES_MAX);
	log_init_stderr(&log, LOG_LEVEL_WARNING);
	const struct hal_linux_options options = {.log = &log};
	if (!load_config(config, argc == 5 ? argv[4] : CONFIG_DEFAULT, file_linux_read, &problems)) {
		(void)fputs(buf_cstr(&problems), stderr);
	} else if (hal_linux_open(&linux_hal, &options, &info) != ERR_OK) {
		(void)fprintf(stderr, "twinpost: %s\n", info.text);
		status = STATUS_FAILED;
	} else {
		status = print_key(&linux_hal->hal, config);
	}
	hal_linux_close(linux_hal);
	buf_release(&problems);
	free(config);
	return status;
}

int firmware_child(int argc, char **argv)
{
	if (argc < 5 || strcmp(argv[3], "--name") != 0) {
		(void)fputs("twinpost --child is started by the agent alone\n", stderr);
		return STATUS_USAGE;
	}
	bool source = strcmp(argv[2], "source") == 0;
	if (!source && strcmp(argv[2], "uplink") != 0) {
		(void)fprintf(stderr, "twinpost --child: unknown role \"%s\"\n", argv[2]);
		return STATUS_USAGE;
	}
	struct log log;
	log_init_stderr(&log, LOG_LEVEL_INFO);
	confine_child(source ? HAL_ROLE_SOURCE : HAL_ROLE_UPLINK, &log);
	/* OpenSSL writes with write(2): a connection that the peer has reset must be an error, not the end. */
	(void)signal(SIGPIPE, SIG_IGN);
	struct port_linux port;
	port_linux_init(&port, HAL_LINUX_CHILD_FD, &log);
	int status = source ? odbc_role_run(&port.port) : mqtt_role_run(&port.port);
	port_linux_release(&port);
	return status;
}
