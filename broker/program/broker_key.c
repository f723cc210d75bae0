/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/broker_key.h"

#include <sys/stat.h>

enum { SEED_SIZE = 32, MODE = 0600 };

#define KEY cf_bytes_of_text("key")

static cf_status write_seed(cf_files *files, cf_folder *folder, cf_bytes name, const uint8_t *seed,
                            cf_error *error)
{
    return cf_files_write(files, folder, name, MODE, cf_bytes_of(seed, SEED_SIZE), error);
}

cf_status cf_broker_key_make(const cf_env *env, cf_folder *folder, cf_keys **out, cf_error *error)
{
    uint8_t seed[SEED_SIZE];

    env->random(env->context, seed, sizeof seed);
    cf_status status = write_seed(env->files, folder, KEY, seed, error);
    if (!status)
        *out = cf_keys_new(seed);
    cf_wipe(seed, sizeof seed);
    return status;
}

/* End it with cf_buffer_wipe. */
static cf_status read_seed(cf_files *files, cf_folder *folder, cf_buffer *out, cf_error *error)
{
    cf_status status = cf_files_read(files, folder, KEY, SEED_SIZE, out, error);

    if (status == CF_TOO_LARGE || (!status && out->size != SEED_SIZE))
        status =
            cf_fail(error, CF_BROKEN, "the broker's key is damaged: put a copy of it in its place");
    return status;
}

cf_status cf_broker_key_read(cf_files *files, cf_folder *folder, cf_keys **out, cf_error *error)
{
    cf_buffer seed = {0};
    cf_status status = read_seed(files, folder, &seed, error);

    if (!status)
        *out = cf_keys_new(seed.data);
    cf_buffer_wipe(&seed);
    return status;
}

bool cf_broker_key_is_open(cf_files *files, cf_folder *folder)
{
    cf_stat key;
    cf_error ignored;

    return files->stat(files, folder, KEY, &key, &ignored) == CF_OK &&
           key.mode & (S_IRWXG | S_IRWXO);
}

cf_broker_key_place cf_broker_key_look(cf_files *files, cf_folder *folder, const cf_keys *used)
{
    cf_buffer seed = {0};
    cf_error why;
    const cf_status status = read_seed(files, folder, &seed, &why);
    const bool is_another =
        status == CF_OK &&
        !cf_bytes_equal(cf_buffer_view(&seed), cf_bytes_of(cf_keys_seed(used), SEED_SIZE));

    cf_buffer_wipe(&seed);
    return is_another                                    ? CF_BROKER_KEY_IS_REPLACED
           : status == CF_MISSING || status == CF_BROKEN ? CF_BROKER_KEY_IS_LOST
                                                         : CF_BROKER_KEY_IS_THERE;
}

cf_status cf_broker_key_keep(cf_files *files, cf_folder *folder, const cf_keys *used,
                             cf_error *error)
{
    switch (cf_broker_key_look(files, folder, used)) {
    case CF_BROKER_KEY_IS_LOST:
        return write_seed(files, folder, KEY, cf_keys_seed(used), error);
    case CF_BROKER_KEY_IS_REPLACED:
        return write_seed(files, folder, cf_bytes_of_text(CF_BROKER_KEY_SERVED), cf_keys_seed(used),
                          error);
    case CF_BROKER_KEY_IS_THERE:
        break;
    }
    return CF_OK;
}
