/* SPDX-License-Identifier: Apache-2.0 */
/* What the columns or objects of a file stand for: as `--map` says, or as goes without saying. */
#include "broker/platform/descriptor.h"
#include "peer/adapters/record_format.h"
#include "peer/adapters/record_map.h"
#include "peer/commands/addition_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cf_mapping mapping_of(const cf_addition *self)
{
    return cf_adapter_of(self->format)->mapping;
}

/* CF_MISSING: there is none. */
static cf_status read_file(const char *path, size_t most, cf_buffer *out, cf_error *error)
{
    enum { STEP = 65536 };
    int file = open(path, O_RDONLY | O_CLOEXEC);
    cf_status status = CF_OK;

    if (file < 0)
        return cf_fail_errno(error, errno, "%s", path);
    for (size_t got = STEP; !status && got == STEP;) {
        if (!cf_descriptor_read(file, cf_buffer_reserve(out, STEP), STEP, &got))
            status = cf_fail_errno(error, errno, "reading %s", path);
        else if ((out->size += got) > most)
            status = cf_fail(error, CF_TOO_LARGE, "%s is longer than %zu bytes", path, most);
    }
    close(file);
    return status;
}

/* ---- As it is said ---- */

static cf_status check_map(cf_mapping mapping, const cf_record_map *map, cf_error *error)
{
    const bool columns = cf_record_map_key(map).size > 0;
    size_t references;

    cf_record_map_references(map, &references);
    if (mapping == CF_MAPPING_REFERENCES && (columns || !references))
        return cf_fail(error, CF_USAGE,
                       "of a database a map says what refers to what: refers TABLE COLUMN TABLE");
    if (mapping == CF_MAPPING_COLUMNS && references)
        return cf_fail(error, CF_USAGE, "only in a database tables refer to others");
    if (mapping == CF_MAPPING_COLUMNS && !columns)
        return cf_fail(error, CF_USAGE, "it has no columns: COLUMN = /POINTER, one a line");
    return CF_OK;
}

static cf_status take_map(cf_addition *self, const char *name, cf_bytes text, cf_error *error)
{
    cf_record_map *map = NULL;

    cf_status status = cf_record_map_read(text, &map, error);
    if (!status)
        status = check_map(mapping_of(self), map, error);
    if (status)
        cf_error_while(error, "%s", name);
    else if (mapping_of(self) == CF_MAPPING_COLUMNS)
        self->holds = cf_format_of_table(cf_record_map_table(map));
    cf_record_map_destroy(&map);
    self->map = cf_arena_text(&self->arena, text);
    return status;
}

cf_status cf_addition_read_map(cf_addition *self, cf_error *error)
{
    const char *name = cf_options_value(&self->run->options, "map");
    cf_buffer path = {0}, text = {0};

    self->holds = self->format;
    if (!name)
        return CF_OK;
    if (mapping_of(self) != CF_MAPPING_COLUMNS && mapping_of(self) != CF_MAPPING_REFERENCES)
        return cf_fail(error, CF_USAGE, "--map does not go with --format %s",
                       cf_format_text(self->format));
    if (cf_options_has(&self->run->options, "key"))
        return cf_fail(error, CF_USAGE,
                       "--key does not go with --map, which says it: "
                       "COLUMN = /uid");
    cf_status status = cf_run_path(self->run, name, &path, error);
    if (!status)
        status = read_file((const char *)path.data, CF_RECORD_MAP_MAX, &text, error);
    if (!status)
        status = take_map(self, name, cf_buffer_view(&text), error);
    cf_buffer_release(&path);
    cf_buffer_release(&text);
    return status;
}

/* ---- As it goes without saying ---- */

/* An array of objects, or an object of them by their UIDs. */
static void choose_objects(cf_addition *self, cf_bytes bytes)
{
    cf_buffer map = {0};
    size_t at = 0;

    cf_record_map_of_objects(cf_adapter_of(self->holds), &map);
    self->map = cf_arena_text(&self->arena, cf_buffer_view(&map));
    cf_buffer_release(&map);
    while (at < bytes.size && strchr(" \t\r\n\xef\xbb\xbf", bytes.data[at]))
        at++;
    if (!self->key_count)
        self->keys[self->key_count++] = at < bytes.size && bytes.data[at] == '{' ? "/" : "uid";
}

/* A file that isn't there will be made. */
static cf_status read_source(const cf_addition *self, cf_buffer *out, cf_error *error)
{
    cf_status status = read_file(self->path, CF_RECORD_FILE_MAX, out, error);

    return status == CF_MISSING ? CF_OK : status;
}

static cf_status choose_by_what_is_there(cf_addition *self, cf_error *error)
{
    cf_buffer bytes = {0};

    cf_status status = read_source(self, &bytes, error);
    if (!status && mapping_of(self) == CF_MAPPING_COLUMNS)
        status = cf_addition_choose_columns(self, cf_buffer_view(&bytes), error);
    else if (!status)
        choose_objects(self, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    return status;
}

static bool is_nothing_said(const cf_addition *self)
{
    return mapping_of(self) == CF_MAPPING_COLUMNS && !self->map && !self->key_count &&
           !cf_addition_is_translated(self);
}

cf_status cf_addition_choose_map(cf_addition *self, cf_error *error)
{
    const cf_record_options options = {
        .adapter = cf_adapter_of(self->format), .keys = self->keys, .key_count = self->key_count};

    if (is_nothing_said(self))
        return choose_by_what_is_there(self, error);
    if (!cf_addition_is_translated(self))
        return cf_format_is_records(self->format) ? cf_record_options_check(&options, error)
                                                  : CF_OK;
    if (cf_options_has(&self->run->options, "serial"))
        return cf_fail(error, CF_USAGE, "--serial does not go with %s, whose key is the UID",
                       cf_format_what(self->holds));
    return choose_by_what_is_there(self, error);
}
