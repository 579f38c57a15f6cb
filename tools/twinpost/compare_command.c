/*
 * compare_command.c - the command `compare`.
 *
 * Why:   the migration team compares, reads and signs from the command line of the box.
 * Owns:  nothing.
 * Rules: `report` needs no running agent: it reads a result directory and nothing else.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py, tests/unit/test_report.py
 */
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"
#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/report.h"

enum cli_exit command_compare_report(const struct options *options)
{
	enum report_format format = REPORT_HTML;
	char path[COMPARE_PATH_SIZE];
	struct err_info info;
	if (options->format && !report_format_of(options->format, &format))
		return command_misused("there is no format \"%s\": html, xlsx, csv, csv-bom or json",
		                       options->format);
	if (!options->output)
		return command_misused("the report needs a place: --output %s",
		                       format == REPORT_CSV || format == REPORT_CSV_BOM ? "FOLDER" : "FILE");
	enum cli_exit status = compare_cut_result(options, options->operands[0], path);
	if (status != CLI_OK)
		return status;
	enum err err = report_write(path, format, options->output, &info);
	if (err == ERR_OK)
		return CLI_OK;
	command_complain(info.text);
	return err == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}
