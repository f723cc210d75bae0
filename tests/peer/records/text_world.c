/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/text_world.h"

#include <string.h>

#include "peer/adapters/icalendar.h"
#include "peer/adapters/vcard.h"
#include "tests/support/expect.h"

cf_row_diff text_world_scan(rule_world *self, cf_state *known, cf_rows *base, char device,
                            uint64_t ms, const char *text)
{
    cf_row_diff_input *input = cf_arena_allocate(&self->arena, 1, sizeof *input);
    bool card = self->schema == &cf_schema_contacts;
    cf_record_file file = {0};
    cf_bytes bytes = cf_bytes_of_text(text);
    cf_row_view *view = cf_row_view_new(known, self->schema);
    cf_row_diff made;
    cf_error error;

    expect_ok(card ? cf_vcard_rows_read(bytes, &file, &error)
                   : cf_icalendar_rows_read(bytes, &file, &error),
              error);
    cf_row *disk = cf_arena_allocate(&self->arena, file.count, sizeof *disk);
    for (size_t i = 0; i < file.count; i++)
        disk[i] = cf_row_copy(&file.rows[i], &self->arena);
    *input = (cf_row_diff_input){.ids = &cf_record_ids_product,
                                 .schema = self->schema,
                                 .format = self->format,
                                 .state = known,
                                 .view = view,
                                 .base = base,
                                 .disk = disk,
                                 .disk_count = file.count,
                                 .writer = {{(uint8_t)device}},
                                 .sequence = ms,
                                 .time = {.ms = ms}};
    cf_row_diff_run(input, &self->arena, &made);
    cf_row_view_destroy(&view);
    cf_record_file_release(&file);
    return made;
}

void text_world_write(rule_world *self, char device, uint64_t ms, const char *text)
{
    cf_rows *base = rule_world_applied(self);
    const cf_row_diff made = text_world_scan(self, self->state, base, device, ms, text);

    rule_world_publish(self, &made);
    cf_rows_destroy(&base);
}

void text_world_both(rule_world *self, const char *before, const char *one, const char *other,
                     bool knows)
{
    cf_rows *none = cf_rows_new();
    const cf_row_diff made = text_world_scan(self, self->state, none, 'A', 10, before);

    rule_world_publish(self, &made);
    cf_rows *base = rule_world_applied(self);
    const cf_row_diff first = text_world_scan(self, self->state, base, 'A', 20, one);
    if (knows)
        rule_world_publish(self, &first);
    const cf_row_diff second = text_world_scan(self, self->state, base, 'B', 30, other);
    if (!knows)
        rule_world_publish(self, &first);
    rule_world_publish(self, &second);
    cf_rows_destroy(&base);
    cf_rows_destroy(&none);
}

size_t text_world_show(rule_world *self, cf_buffer *text)
{
    cf_row_view *view = cf_row_view_new(self->state, self->schema);
    bool card = self->schema == &cf_schema_contacts;
    size_t count;
    cf_row shown;
    cf_arena arena = {0};
    cf_error error;

    cr_assert_eq(cf_row_view_count(view), 1);
    cr_assert(cf_row_show(self->format, cf_row_view_at(view, 0), &arena, &shown));
    expect_ok(card ? cf_vcard_rows_write(cf_bytes_of_text("VERSION:4.0\n"), &shown, 1, text, &error)
                   : cf_icalendar_rows_write((cf_bytes){0}, &shown, 1, text, &error),
              error);
    *cf_buffer_reserve(text, 1) = '\0';
    (void)cf_row_view_conflicts(view, &count);
    cf_arena_release(&arena);
    cf_row_view_destroy(&view);
    return count;
}

void text_world_expect(rule_world *self, const char *const *names, const char *lines, size_t listed,
                       const char *why)
{
    cf_buffer text = {0}, found = {0};

    const size_t count = text_world_show(self, &text);
    for (char *rest = strstr((char *)text.data, "UID:") /* behind the zones */, *line;
         (line = strsep(&rest, "\r\n"));)
        for (const char *const *name = names; *name; name++)
            if (strncmp(line, *name, strlen(*name)) == 0)
                cf_buffer_append_text(&found, "%s\n", line);
    cf_buffer_append(&found, "", 1);
    cr_assert_str_eq((char *)found.data, lines, "%s:\n%s, not\n%s", why, (char *)found.data, lines);
    cr_assert_eq(count, listed, "%s: %zu are listed", why, count);
    cf_buffer_release(&text);
    cf_buffer_release(&found);
}
