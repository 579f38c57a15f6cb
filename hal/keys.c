/*
 * keys.c - the shared front of the signing keys: checks once, then calls the back end.
 *
 * Why:   back ends stay dumb and equal, as with hal.c.
 * Owns:  nothing.
 * Rules: a wrong argument is a bug of ours and stops the process; what the world does wrong is an enum err.
 * Faults: none of its own.
 * Runs in: the core.
 * Tests: tests/contract/hal_contract_keys.c
 */
#include "hal/keys.h"

enum err hal_keys_open(struct hal *hal, const struct hal_keys_options *options, struct hal_keys **keys,
                       struct hal_keys_opening *opening, struct err_info *info)
{
	CHECK(options != NULL && options->directory != NULL && options->directory[0] != 0);
	CHECK(keys != NULL && opening != NULL && hal->ops->keys_open != NULL);
	*keys = NULL;
	*opening = (struct hal_keys_opening){.created = false};
	enum err err = hal->ops->keys_open(hal, options, keys, opening, info);
	CHECK((err == ERR_OK) == (*keys != NULL));
	return err;
}

void hal_keys_close(struct hal_keys *keys)
{
	if (keys)
		keys->ops->close(keys);
}

struct span hal_keys_public(const struct hal_keys *keys, enum hal_key which)
{
	CHECK(which == HAL_KEY_CURRENT || which == HAL_KEY_NEXT);
	struct span spki = keys->ops->public_key(keys, which);
	CHECK(spki.len <= HAL_PUBLIC_KEY_MAX && (spki.len > 0 || which == HAL_KEY_NEXT));
	return spki;
}

enum err hal_keys_sign(struct hal_keys *keys, enum hal_key which, struct span text,
                       uint8_t der[HAL_SIGNATURE_MAX], size_t *len, struct err_info *info)
{
	CHECK(which == HAL_KEY_CURRENT || which == HAL_KEY_NEXT);
	CHECK(der != NULL && len != NULL && (text.data != NULL || text.len == 0));
	enum err err = keys->ops->sign(keys, which, text, der, len, info);
	CHECK(err != ERR_OK || (*len > 0 && *len <= HAL_SIGNATURE_MAX));
	return err;
}

enum err hal_keys_prepare(struct hal_keys *keys, struct err_info *info)
{
	enum err err = keys->ops->prepare(keys, info);
	CHECK(err != ERR_OK || hal_keys_public(keys, HAL_KEY_NEXT).len > 0);
	return err;
}

enum err hal_keys_promote(struct hal_keys *keys, const uint8_t hash[HAL_KEY_HASH_BYTES],
                          struct err_info *info)
{
	CHECK(hash != NULL);
	enum err err = keys->ops->promote(keys, hash, info);
	CHECK(err != ERR_OK || hal_keys_public(keys, HAL_KEY_NEXT).len == 0);
	return err;
}
