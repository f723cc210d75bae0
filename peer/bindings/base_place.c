/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_place.h"

#include <stdlib.h>
#include <string.h>

static const char FIRST[] = "counterfoil base\n";

static cf_bytes folder_name(void)
{
    return cf_bytes_of_text(CF_BASE_FOLDER);
}

static cf_bytes mark_name(void)
{
    return cf_bytes_of_text("mark");
}

/* ---- The mark ---- */

static void pack_line(cf_buffer *out, const char *name, const char *value)
{
    cf_buffer_append_text(out, "%s ", name);
    for (const char *at = value; *at; at++)
        cf_buffer_append(out, *at == '\n' ? "?" : at, 1);
    cf_buffer_append(out, "\n", 1);
}

void cf_base_mark_pack(const cf_base_mark *mark, cf_buffer *out)
{
    char text[2 * CF_HASH_SIZE + 1];

    cf_buffer_append_text(out, "%s", FIRST);
    cf_hex(cf_bytes_of(mark->id.bytes, CF_ID_SIZE), text);
    pack_line(out, "id", text);
    cf_hex(cf_bytes_of(mark->device.bytes, CF_HASH_SIZE), text);
    pack_line(out, "device", text);
    pack_line(out, "home", mark->home);
    pack_line(out, "source", mark->source);
}

/* The value of the next line, if that begins so; in the arena. */
static char *take_line(cf_bytes *rest, const char *name, cf_arena *arena)
{
    const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    const size_t before = strlen(name) + 1;

    if (!end)
        return NULL;
    const size_t size = (size_t)(end - rest->data);
    if (size < before || memcmp(rest->data, name, before - 1) != 0 ||
        rest->data[before - 1] != ' ' || memchr(rest->data, '\0', size))
        return NULL;
    char *value = cf_arena_text(arena, cf_bytes_of(rest->data + before, size - before));
    *rest = cf_bytes_of(end + 1, rest->size - size - 1);
    return value;
}

cf_status cf_base_mark_read(cf_bytes text, cf_arena *arena, cf_base_mark *out, cf_error *error)
{
    const size_t first = strlen(FIRST);
    cf_base_mark mark = {0};

    if (text.size < first || memcmp(text.data, FIRST, first) != 0)
        return cf_fail(error, CF_MALFORMED, "it is no mark of a base");
    cf_bytes rest = cf_bytes_of(text.data + first, text.size - first);
    const char *id = take_line(&rest, "id", arena);
    const char *device = id ? take_line(&rest, "device", arena) : NULL;
    mark.home = device ? take_line(&rest, "home", arena) : NULL;
    mark.source = mark.home ? take_line(&rest, "source", arena) : NULL;
    if (!mark.source || !cf_unhex(id, mark.id.bytes, CF_ID_SIZE) ||
        !cf_unhex(device, mark.device.bytes, CF_HASH_SIZE))
        return cf_fail(error, CF_MALFORMED, "it is no whole mark of a base");
    *out = mark;
    return CF_OK;
}

static cf_status read_mark(cf_files *files, const cf_folder *own, cf_arena *arena,
                           cf_base_mark *out, cf_error *error)
{
    cf_buffer bytes = {0};

    cf_status status = cf_files_read(files, own, mark_name(), CF_BASE_MARK_MAX, &bytes, error);
    if (status == CF_TOO_LARGE || status == CF_CHANGED)
        error->status = status = CF_MALFORMED;
    if (!status)
        status = cf_base_mark_read(cf_buffer_view(&bytes), arena, out, error);
    cf_buffer_release(&bytes);
    return status;
}

/* ---- The folder ---- */

static cf_status open_own(cf_files *files, const char *dir, cf_folder **out, cf_error *error)
{
    cf_folder *folder = NULL;

    cf_status status = files->open_root(files, dir, &folder, error);
    if (!status)
        status = files->open_folder(files, folder, folder_name(), out, error);
    files->close_folder(files, &folder);
    return status;
}

cf_status cf_base_place_look(cf_files *files, const char *dir, cf_arena *arena, cf_base_mark *out,
                             cf_error *error)
{
    cf_folder *own = NULL;

    cf_status status = open_own(files, dir, &own, error);
    if (!status)
        status = read_mark(files, own, arena, out, error);
    files->close_folder(files, &own);
    return status;
}

/* Opens the folder, made durably where it is missing. */
static cf_status open_or_make(cf_files *files, const cf_folder *above, cf_bytes name,
                              cf_folder **out, cf_error *error)
{
    cf_status status = files->make_folder(files, above, name, 0700, error);
    const bool is_there = status == CF_CHANGED;

    if (is_there)
        status = CF_OK;
    if (!status)
        status = files->open_folder(files, above, name, out, error);
    if (!status && !is_there)
        status = files->sync_folder(files, above, error);
    return status;
}

static cf_status open_or_make_dir(cf_files *files, const char *dir, cf_folder **out,
                                  cf_error *error)
{
    cf_folder *above = NULL;
    cf_bytes name;

    cf_status status = files->open_root(files, dir, out, error);
    if (status != CF_MISSING)
        return status;
    status = cf_files_open_above(files, dir, &above, &name, error);
    if (!status)
        status = open_or_make(files, above, name, out, error);
    files->close_folder(files, &above);
    return status;
}

cf_status cf_base_place_make(cf_files *files, const char *dir, const cf_base_mark *mark,
                             cf_error *error)
{
    cf_folder *folder = NULL, *own = NULL;
    cf_buffer text = {0};

    cf_base_mark_pack(mark, &text);
    cf_status status = open_or_make_dir(files, dir, &folder, error);
    if (!status)
        status = open_or_make(files, folder, folder_name(), &own, error);
    if (!status)
        status = cf_files_write(files, own, mark_name(), 0600, cf_buffer_view(&text), error);
    files->close_folder(files, &own);
    files->close_folder(files, &folder);
    cf_buffer_release(&text);
    return status;
}

cf_status cf_base_place_open(cf_files *files, const cf_base_place *place, cf_folder **out,
                             cf_error *error)
{
    cf_folder *own = NULL;
    cf_arena arena = {0};
    cf_base_mark mark;

    cf_status status = open_own(files, place->dir, &own, error);
    if (!status)
        status = read_mark(files, own, &arena, &mark, error);
    if (status == CF_MISSING)
        status = cf_fail(error, CF_CHANGED, "is not there");
    else if (status == CF_MALFORMED)
        status = cf_fail(error, CF_CHANGED, "has no mark that can be read");
    else if (status)
        status = cf_fail(error, CF_CHANGED, "can't be read");
    else if (!cf_id_equal(&mark.id, &place->id))
        status = cf_fail(error, CF_CHANGED, "is another one");
    if (!status) {
        *out = own;
        own = NULL;
    }
    files->close_folder(files, &own);
    cf_arena_release(&arena);
    return status;
}

cf_bytes cf_base_name(const cf_hash *hash, const char *suffix, char text[CF_BASE_NAME])
{
    cf_hex(cf_bytes_of(hash->bytes, CF_HASH_SIZE), text);
    memcpy(text + (ptrdiff_t)(2 * CF_HASH_SIZE), suffix, strlen(suffix) + 1);
    return cf_bytes_of_text(text);
}

bool cf_base_place_owns(cf_bytes name)
{
    static const char *const suffixes[] = {"", CF_BASE_MAKING, CF_BASE_LENT, CF_BASE_PRINTS};
    const size_t size = 2 * CF_HASH_SIZE;
    char text[2 * CF_HASH_SIZE + 1] = "";
    cf_hash ignored;

    if (name.size < size)
        return false;
    memcpy(text, name.data, size);
    const cf_bytes suffix = cf_bytes_of(name.data + size, name.size - size);
    bool is_ours = false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        is_ours |= cf_bytes_equal(suffix, cf_bytes_of_text(suffixes[i]));
    return is_ours && cf_unhex(text, ignored.bytes, CF_HASH_SIZE);
}

static cf_status empty(cf_files *files, const cf_folder *own, cf_error *error)
{
    cf_arena arena = {0};
    cf_folder_names names = {0};

    cf_status status = cf_files_names(files, own, &arena, &names, error);
    for (size_t i = 0; i < names.count && !status; i++)
        if (cf_base_place_owns(names.at[i]))
            status = files->unlink(files, own, names.at[i], error);
    if (!status)
        status = files->unlink(files, own, mark_name(), error);
    free(names.at);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_base_place_remove(cf_files *files, const cf_base_place *place, cf_error *error)
{
    cf_folder *folder = NULL, *own = NULL;
    cf_error ignored;

    cf_status status = cf_base_place_open(files, place, &own, error);
    if (!status)
        status = empty(files, own, error);
    files->close_folder(files, &own);
    if (!status && files->open_root(files, place->dir, &folder, &ignored) == CF_OK)
        files->remove_folder(files, folder, folder_name(), &ignored); /* others' files stay */
    files->close_folder(files, &folder);
    return status;
}

cf_base_place cf_base_place_copy(const cf_base_place *place)
{
    return (cf_base_place){cf_text_copy(place->dir), place->id};
}

void cf_base_place_release(cf_base_place *place)
{
    free(place->dir);
    *place = (cf_base_place){0};
}
