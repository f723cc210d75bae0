/* SPDX-License-Identifier: Apache-2.0 */
/* The command that adds a source once more, typed as it is told: each option that it has and that
 * would be lost. Left out are those that go without saying, as --collection of a folder that is
 * called so; --mode receive beside --mine, with which nothing of it would reach the others; and
 * --map, whose FILE nobody remembers. That one is named behind the command. Nor does it say --rows:
 * of rows that have the numbers of others by now `add` asks. */
#include "peer/bindings/binding.h"
#include "peer/log/catalog.h"

#include "broker/platform/names.h"

#include <string.h>

static void append_option(const char *name, const char *value, cf_buffer *out)
{
    cf_buffer_append_text(out, " --%s ", name);
    cf_name_word(value, out);
}

static void append_options(const char *name, char *const *values, size_t count, cf_buffer *out)
{
    for (size_t i = 0; i < count; i++)
        append_option(name, values[i], out);
}

static bool has_map_of_columns(const cf_binding *binding)
{
    return binding->map && cf_adapter_of(binding->format)->mapping == CF_MAPPING_COLUMNS;
}

/* Which records they are; the map says itself what is the key. */
static void append_records(const cf_binding *binding, cf_buffer *out)
{
    if (!cf_format_is_records(binding->format))
        return;
    append_option("format", cf_format_text(binding->format), out);
    if (!has_map_of_columns(binding))
        append_options("key", binding->keys, binding->key_count, out);
}

static void append_ways(const cf_binding *binding, bool mine, cf_buffer *out)
{
    static const char *const bases[] = {[CF_BASE_FULL] = "full", [CF_BASE_LEAVES] = "leaves"};
    char limit[CF_DELETE_WORD_TEXT], period[CF_POLL_TEXT];

    if (binding->mode == CF_MODE_SEND || (binding->mode == CF_MODE_RECEIVE && !mine))
        append_option("mode", cf_mode_name(binding->mode), out);
    if (binding->base != CF_BASE_AUTO)
        append_option("base", bases[binding->base], out);
    if (binding->place.dir)
        append_option("base-dir", binding->place.dir, out);
    if (binding->merges)
        append_option("merge", "text", out);
    cf_delete_word_show(binding->limit, limit);
    if (binding->limit.given)
        append_option("max-delete", limit, out);
    cf_poll_show(binding->poll.period_ms, period);
    if (binding->poll.given)
        append_option("poll", period, out);
}

static void append_chosen(const cf_binding *binding, cf_buffer *out)
{
    append_options("include", binding->include, binding->include_count, out);
    append_options("exclude", binding->exclude, binding->exclude_count, out);
    append_options("last", binding->last, binding->last_count, out);
    append_options("natural-key", binding->natural, binding->natural_count, out);
    if (binding->unites)
        append_option("unique", "same", out);
}

void cf_binding_add_command(const cf_binding *binding, const char *how, cf_buffer *out)
{
    cf_buffer_append_text(out, "`counterfoil add ");
    cf_binding_path_word(binding, out);
    cf_buffer_append_text(out, "%s", how);
    append_records(binding, out);
    append_ways(binding, strstr(how, "--mine") != NULL, out);
    append_chosen(binding, out);
    cf_buffer_append_text(out, "`");
    if (binding->map && cf_adapter_of(binding->format)->mapping != CF_MAPPING_OBJECTS)
        cf_buffer_append_text(out, " (and --map FILE, if it was added so)");
}

void cf_binding_mine_command(cf_peer *peer, const cf_binding *binding, cf_buffer *out)
{
    cf_arena arena = {0};
    cf_buffer how = {0};
    const char *name = cf_catalog_name(peer, &binding->collection, &arena);

    cf_buffer_append_text(&how, " --existing --mine");
    if (strcmp(name, cf_binding_file_name(binding)) != 0)
        append_option("collection", name, &how);
    cf_buffer_append(&how, "", 1);
    cf_binding_add_command(binding, (const char *)how.data, out);
    cf_buffer_release(&how);
    cf_arena_release(&arena);
}
