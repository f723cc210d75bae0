/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in tests of the adapters, printed so that one can compare them. */
#ifndef CF_TESTS_PEER_ADAPTERS_ROWS_H
#define CF_TESTS_PEER_ADAPTERS_ROWS_H
#include "peer/adapters/json_value.h"
#include "peer/adapters/record_file.h"
#include "tests/peer/adapters/text.h"

/* "KEY NAME=VALUE,VALUE NAME=VALUE\n" for each row, values as JSON. */
static inline void print_rows(const cf_record_file *file, cf_buffer *out)
{
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *row = &file->rows[i];

        cf_value_json(row->key, out);
        for (size_t j = 0; j < row->field_count; j++) {
            cf_buffer_append_text(out, " %.*s=", (int)row->fields[j].name.size,
                                  (const char *)row->fields[j].name.data);
            for (size_t k = 0; k < row->fields[j].count; k++) {
                cf_buffer_append_text(out, k ? "," : "");
                cf_value_json(row->fields[j].values[k], out);
            }
        }
        cf_buffer_append_text(out, "\n");
    }
}

#define expect_rows(file, text)                                                                    \
    do {                                                                                           \
        cf_buffer expect_rows_ = {0};                                                              \
        print_rows(file, &expect_rows_);                                                           \
        expect_written(&expect_rows_, text);                                                       \
    } while (0)

/* "LINE KEY|? TEXT\n" for each trouble. */
static inline void print_troubles(const cf_record_file *file, cf_buffer *out)
{
    for (size_t i = 0; i < file->trouble_count; i++) {
        const cf_record_trouble *trouble = &file->troubles[i];

        cf_buffer_append_text(out, "%zu ", trouble->line);
        if (trouble->known)
            cf_value_json(trouble->key, out);
        else
            cf_buffer_append_text(out, "?");
        cf_buffer_append_text(out, " %s\n", trouble->text);
    }
}

#define expect_troubles(file, text)                                                                \
    do {                                                                                           \
        cf_buffer expect_troubles_ = {0};                                                          \
        print_troubles(file, &expect_troubles_);                                                   \
        expect_written(&expect_troubles_, text);                                                   \
    } while (0)

#endif
