/*
 * hal.c - the shared front of the hardware abstraction: checks once, then calls the back end.
 *
 * Why:   back ends stay dumb and equal (the idea of NASA OSAL's shared layer).
 * Owns:  nothing.
 * Rules: a wrong argument is a bug of ours and stops the process; what the world does wrong is an enum err.
 * Runs in: the core.
 * Tests: tests/contract/hal_contract.c
 */
#include "hal/hal.h"

#include <string.h>

#include "hal/frame.h"

int64_t hal_mono_ns(struct hal *hal)
{
	return hal->ops->mono_ns(hal);
}

int64_t hal_wall_ns(struct hal *hal)
{
	return hal->ops->wall_ns(hal);
}

void hal_entropy(struct hal *hal, void *bytes, size_t len)
{
	CHECK(bytes != NULL && len > 0);
	hal->ops->entropy(hal, bytes, len);
}

const char *hal_disk_vfs(struct hal *hal)
{
	return hal->ops->disk_vfs(hal);
}

enum err hal_disk_free(struct hal *hal, const char *path, uint64_t *bytes, struct err_info *info)
{
	CHECK(path != NULL && path[0] != 0 && bytes != NULL);
	return hal->ops->disk_free(hal, path, bytes, info);
}

enum err hal_disk_rename(struct hal *hal, const char *from, const char *to, struct err_info *info)
{
	CHECK(from != NULL && to != NULL && strcmp(from, to) != 0);
	return hal->ops->disk_rename(hal, from, to, info);
}

enum err hal_disk_remove(struct hal *hal, const char *path, struct err_info *info)
{
	CHECK(path != NULL && path[0] != 0);
	return hal->ops->disk_remove(hal, path, info);
}

bool hal_disk_exists(struct hal *hal, const char *path)
{
	CHECK(path != NULL && path[0] != 0);
	return hal->ops->disk_exists(hal, path);
}

static bool is_child_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;
	return len > 0 && len < HAL_CHILD_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

enum err hal_child_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child,
                         struct err_info *info)
{
	CHECK(role == HAL_ROLE_SOURCE || role == HAL_ROLE_UPLINK);
	CHECK(is_child_name(name) && child != NULL);
	enum err err = hal->ops->child_spawn(hal, role, name, child, info);
	CHECK(err != ERR_OK || *child != 0);
	return err;
}

enum err hal_child_send(struct hal *hal, hal_child child, uint8_t type, const void *payload, size_t len)
{
	CHECK(child != 0 && len <= FRAME_PAYLOAD_MAX && (payload != NULL || len == 0));
	return hal->ops->child_send(hal, child, type, payload, len);
}

void hal_child_signal(struct hal *hal, hal_child child, enum hal_signal signal)
{
	CHECK(child != 0 && (signal == HAL_SIGNAL_TERM || signal == HAL_SIGNAL_KILL));
	hal->ops->child_signal(hal, child, signal);
}

bool hal_child_next(struct hal *hal, struct hal_child_event *event)
{
	CHECK(event != NULL);
	return hal->ops->child_next(hal, event);
}

bool hal_control_next(struct hal *hal, struct hal_control_event *event)
{
	CHECK(event != NULL);
	return hal->ops->control_next(hal, event);
}

void hal_control_reply(struct hal *hal, hal_client client, struct span line)
{
	CHECK(client != 0 && line.len <= HAL_CONTROL_REPLY_MAX);
	CHECK(line.len == 0 || memchr(line.data, '\n', line.len) == NULL);
	hal->ops->control_reply(hal, client, line);
}

bool hal_stop_requested(struct hal *hal)
{
	return hal->ops->stop_requested(hal);
}

void hal_wait(struct hal *hal, int64_t until_mono_ns)
{
	hal->ops->wait(hal, until_mono_ns);
}
