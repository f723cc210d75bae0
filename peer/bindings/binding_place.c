/* SPDX-License-Identifier: Apache-2.0 */
/* A binding whose base's copies lie elsewhere than in the home: what is kept of that, and that the
 * source waits while that disk is away. */
#include "peer/bindings/binding.h"

#include "codec/pack.h"

#include <string.h>

void cf_binding_put_place(const cf_binding *binding, cf_records *records)
{
    const cf_base_place *place = &binding->place;
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_bytes key = cf_key_source(&arena, CF_TABLE_CACHE, binding->number);

    if (place->dir) {
        cf_pack_array(&value, 2);
        cf_pack_bin(&value, cf_bytes_of_text(place->dir));
        cf_pack_bin(&value, cf_bytes_of(place->id.bytes, CF_ID_SIZE));
        cf_records_put(records, key, cf_buffer_view(&value));
    } else {
        cf_records_delete(records, key);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

bool cf_binding_place_read(cf_bytes value, cf_base_place *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_arena arena = {0};
    cf_base_place place;
    cf_bytes dir;
    cf_error ignored;
    size_t count;

    const bool is_one = cf_read_array(&reader, &count, &ignored) == CF_OK && count >= 2 &&
                        cf_read_bin(&reader, &dir, &ignored) == CF_OK && dir.size &&
                        cf_read_bin_exact(&reader, place.id.bytes, CF_ID_SIZE, &ignored) == CF_OK;
    if (is_one) {
        place.dir = cf_arena_text(&arena, dir);
        *out = cf_base_place_copy(&place);
    }
    cf_arena_release(&arena);
    return is_one;
}

/* Where that can't be read, new copies go to the home: they are a cache. */
static bool load(void *context, cf_bytes key, cf_bytes value)
{
    (void)key;
    (void)cf_binding_place_read(value, &((cf_binding *)context)->place);
    return true;
}

cf_status cf_binding_load_place(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_CACHE, load, binding, error);
}

/* Of a long path the end is shown: the ways out have to be. */
enum { SHOWN = 48 };

static bool is_long(const char *path)
{
    return strlen(path) > SHOWN;
}

static const char *end_of(const char *path)
{
    return path + (is_long(path) ? strlen(path) - SHOWN : 0);
}

cf_status cf_binding_check_place(const cf_binding *binding, cf_files *files, cf_error *error)
{
    cf_folder *folder = NULL;
    char word[CF_PATH_TYPED];
    cf_error why;

    if (!binding->place.dir)
        return CF_OK;
    cf_status status = cf_base_place_open(files, &binding->place, &folder, &why);
    files->close_folder(files, &folder);
    return status ? cf_fail(error, status,
                            "%s%s waits: %s%s, where its base lies, %s: bring that disk back, or "
                            "begin a new base: `counterfoil set %s --base-dir DIR|default`",
                            is_long(binding->path) ? "..." : "", end_of(binding->path),
                            is_long(binding->place.dir) ? "..." : "", end_of(binding->place.dir),
                            why.text, cf_binding_path_typed(binding, word))
                  : CF_OK;
}
