/* SPDX-License-Identifier: Apache-2.0 */
/* What the user should know of his `--include`, though it is in sync with it. */
#include "peer/sources/records/record_source_inside.h"

#include <string.h>

static void list(cf_record_run *run, const char *pattern, const char *text)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "--include%s%s", pattern ? " " : "", pattern ? pattern : "");
    cf_pendings_add(&run->source->found, CF_PENDING_LEFT_OUT, cf_buffer_view(&name), text);
    cf_buffer_release(&name);
}

/* In the collection, or only here. */
static bool has_row(const cf_record_run *run, const cf_binding *pattern)
{
    const cf_record_file *file = &run->content.file;
    const cf_row_format *format = &run->content.format;
    bool found = false;

    for (size_t i = 0; !found && i < cf_row_view_count(run->view); i++)
        found = cf_record_includes(pattern, format, cf_row_view_at(run->view, i));
    for (size_t i = 0; !found && i < file->count; i++)
        found = cf_record_includes(pattern, format, &file->rows[i]);
    return found;
}

static bool has_table(const cf_record_run *run, const cf_binding *pattern)
{
    bool found = false;

    for (size_t i = 0; !found && i < run->schema.count; i++)
        found = cf_record_includes_table(pattern, run->schema.tables[i].name);
    return found;
}

void cf_record_run_note_unmatched(cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;

    for (size_t i = 0; i < binding->include_count; i++) {
        cf_binding pattern = *binding;

        pattern.include = &binding->include[i];
        pattern.include_count = 1;
        pattern.exclude_count = 0;
        if (!strchr(binding->include[i], '=')) {
            if (!has_table(run, &pattern))
                list(run, binding->include[i], "no table is called so");
        } else if (!has_row(run, &pattern)) {
            list(run, binding->include[i], "no row matches it");
        }
    }
}

/* They say it together: each has but one line in the list. */
void cf_record_run_note_unasked(cf_record_run *run, size_t rows)
{
    size_t own = cf_record_run_count_ignored(run);
    cf_buffer text = {0};

    if (rows)
        cf_buffer_append_text(&text,
                              "%zu row%s here %s not asked for any more: sync takes %s away here, "
                              "and nowhere else",
                              rows, rows == 1 ? "" : "s", rows == 1 ? "is" : "are",
                              rows == 1 ? "it" : "them");
    if (own)
        cf_buffer_append_text(&text,
                              "%s%zu row%s here match%s no pattern, or refer%s to such a row: %s "
                              "here only",
                              rows ? "; " : "", own, own == 1 ? "" : "s", own == 1 ? "es" : "",
                              own == 1 ? "s" : "", own == 1 ? "it stays" : "they stay");
    if (text.size)
        list(run, NULL, cf_arena_text(&run->arena, cf_buffer_view(&text)));
    cf_buffer_release(&text);
}
