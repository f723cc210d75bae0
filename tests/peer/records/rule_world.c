/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/rule_world.h"

#include <string.h>

#include "tests/peer/records/made_row.h"

rule_world rule_world_of(const cf_schema *schema)
{
    static const cf_row_format whole = {.whole = true};

    return (rule_world){.schema = schema, .format = &whole, .state = cf_state_new()};
}

void rule_world_end(rule_world *self)
{
    cf_state_destroy(&self->state);
    cf_arena_release(&self->arena);
}

cf_row_diff rule_world_scan(rule_world *self, cf_state *known, cf_rows *base, char device,
                            uint64_t ms, const char *rows)
{
    cf_row_diff_input *input = cf_arena_allocate(&self->arena, 1, sizeof *input);
    cf_row *disk = cf_arena_allocate(&self->arena, strlen(rows) + 1, sizeof *disk);
    cf_row_view *view = cf_row_view_new(known, self->schema);
    char *rest = cf_arena_text(&self->arena, cf_bytes_of_text(rows));
    cf_row_diff made;

    *input = (cf_row_diff_input){.ids = &cf_record_ids_product,
                                 .schema = self->schema,
                                 .format = self->format,
                                 .state = known,
                                 .view = view,
                                 .base = base,
                                 .disk = disk,
                                 .writer = {{(uint8_t)device}},
                                 .sequence = ms,
                                 .time = {.ms = ms}};
    for (char *row; (row = strsep(&rest, ";"));)
        if (*row)
            disk[input->disk_count++] = made_row(row, &self->arena);
    cf_row_diff_run(input, &self->arena, &made);
    cf_row_view_destroy(&view);
    return made;
}

static cf_dot dot_of(const cf_row_diff *made)
{
    return (cf_dot){.writer = made->input->writer, .sequence = made->input->sequence};
}

void rule_world_publish(rule_world *self, const cf_row_diff *made)
{
    cf_dot dot = dot_of(made);

    cf_state_apply(self->state, &dot, made->input->time, made->changes, made->count, NULL);
}

cf_row_diff rule_world_write(rule_world *self, cf_rows *base, char device, uint64_t ms,
                             const char *rows)
{
    cf_row_diff made = rule_world_scan(self, self->state, base, device, ms, rows);

    rule_world_publish(self, &made);
    return made;
}

void rule_world_rebase(rule_world *self, cf_rows *base, const cf_row_diff *made)
{
    cf_dot *dots = cf_arena_allocate(&self->arena, made->count, sizeof *dots);
    cf_row_rebase after;

    for (size_t i = 0; i < made->count; i++)
        dots[i] = dot_of(made);
    cf_row_diff_rebase(made, dots, &self->arena, &after);
    for (size_t i = 0; i < after.gone_count; i++)
        cf_rows_drop(base, after.gone[i].table, after.gone[i].key);
    for (size_t i = 0; i < after.row_count; i++)
        cf_rows_put(base, &after.rows[i]);
}

void rule_world_write_apart(rule_world *self, char device, uint64_t ms, const char *rows)
{
    cf_state *nothing = cf_state_new();
    cf_rows *base = cf_rows_new();
    cf_row_diff made = rule_world_scan(self, nothing, base, device, ms, rows);

    rule_world_publish(self, &made);
    cf_rows_destroy(&base);
    cf_state_destroy(&nothing);
}

cf_rows *rule_world_applied(rule_world *self)
{
    cf_row_view *view = cf_row_view_new(self->state, self->schema);
    cf_rows *base = cf_rows_new();

    for (size_t i = 0; i < cf_row_view_count(view); i++) {
        cf_row row = cf_row_view_agree(view, cf_row_view_at(view, i), &self->arena);

        cf_rows_put(base, &row);
    }
    cf_row_view_destroy(&view);
    return base;
}
