/*
 * control_change.c - what a person changes over the control socket: begun, told to the audit, committed, then answered.
 *
 * Why:   who asked for what, when and why must be tellable later, also when the power goes a moment after the answer.
 * Owns:  nothing.
 * Rules: 1. What can be refused is refused before control_change_begin(): after it only the store may fail.
 *        2. The change and its entry in the audit are in one transaction, and it is committed before the answer.
 * Faults: an error of the store or of a callback is handed to actions.failed, and to the client.
 * Runs in: the core.
 * Tests: tests/unit/control_change_test.c
 */
#include "firmware/control_commands.h"
#include "store_forward/audit.h"

enum err control_not_available(const char *what, struct err_info *info)
{
	return err_set(info, ERR_UNSUPPORTED, "%s is not available in this agent", what);
}

enum err control_change_begin(const struct control_view *view, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	if (!actions->begin || !actions->commit || !actions->failed)
		return control_not_available("changing anything", info);
	return actions->begin(actions->self, info);
}

enum err control_change_end(const struct control_view *view, const struct control_request *request,
                            const struct control_change *change, enum err err, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	const struct store_audit_entry entry = {
	    .at_ns = hal_wall_ns(view->hal),
	    .who = request->who,
	    .action = span_of(change->action),
	    .target = change->target,
	    .why = change->why,
	};
	if (err == ERR_OK)
		err = store_audit_add(view->store, &entry, info);
	if (err == ERR_OK)
		err = actions->commit(actions->self, info);
	if (err != ERR_OK)
		actions->failed(actions->self, err, info);
	return err;
}
