/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/log_now.h"

#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/program/loop.h"

enum { DEPTH_MAX = 512 };

void cf_log_now_release(cf_log_now *self)
{
    cf_hidden_names_release(&self->hidden);
    cf_buffer_release(&self->directory_path);
    *self = (cf_log_now){.run = self->run};
}

static void know(cf_log_now *self, const cf_id *collection)
{
    cf_error ignored;

    if (cf_id_equal(&self->collection, collection))
        return;
    cf_log_now_release(self);
    self->collection = *collection;
    if (cf_peer_collection(cf_loop_peer(self->run->loop), collection, &self->held, &ignored))
        self->held = NULL;
}

/* ---- Records ---- */

/* NULL: nothing is known of them. */
static const cf_row_view *know_rows(cf_log_now *self)
{
    cf_error error;

    if (self->held && !cf_id_equal(&self->hidden.collection, &self->collection) &&
        cf_hidden_names_know(self->run, &self->collection, &self->hidden, &error))
        cf_report(cf_loop_env(self->run->loop), CF_REPORT_DETAIL, "%s", error.text);
    return self->hidden.view;
}

cf_bytes cf_log_now_hidden(cf_log_now *self, const cf_event *event)
{
    if (!cf_item_is_record(&event->item) || cf_id_equal(&event->collection, &cf_catalog_id))
        return (cf_bytes){0};
    know(self, &event->collection);
    return know_rows(self) ? cf_hidden_names_path(&self->hidden, &event->item) : (cf_bytes){0};
}

static bool append_record(cf_log_now *self, const cf_id *item, cf_buffer *out)
{
    const cf_row_view *rows = know_rows(self);
    const cf_row *row = rows ? cf_row_view_of_item(rows, item) : NULL;

    if (row)
        cf_record_path(item->bytes[0], row->table, row->key, out);
    return row != NULL;
}

/* ---- Files ---- */

/* Appends the names down to it; false: it is shown nowhere. */
static bool append_file(cf_log_now *self, const cf_id *item, unsigned depth, cf_buffer *out);

static bool append_directory(cf_log_now *self, const cf_id *item, unsigned depth, cf_buffer *out)
{
    bool is_shown = cf_id_equal(&self->directory, item);

    if (is_shown) {
        cf_buffer_append(out, self->directory_path.data, self->directory_path.size);
        return true;
    }
    const size_t begin = out->size;
    is_shown = append_file(self, item, depth, out);
    if (is_shown) {
        self->directory = *item;
        cf_buffer_clear(&self->directory_path);
        cf_buffer_append(&self->directory_path, out->data + begin, out->size - begin);
    }
    return is_shown;
}

static bool append_file(cf_log_now *self, const cf_id *item, unsigned depth, cf_buffer *out)
{
    cf_arena arena = {0};
    cf_tree_place place;

    bool is_shown =
        depth < DEPTH_MAX && self->held && cf_view_find(self->held->view, item, &arena, &place);
    if (is_shown && !cf_id_equal(&place.directory, &cf_root_item)) {
        is_shown = append_directory(self, &place.directory, depth + 1, out);
        cf_buffer_append(out, "/", 1);
    }
    if (is_shown)
        cf_buffer_append(out, place.shown->name.data, place.shown->name.size);
    cf_arena_release(&arena);
    return is_shown;
}

bool cf_log_now_path(cf_log_now *self, const cf_event *event, cf_buffer *out)
{
    static const cf_id none;
    const bool is_record = cf_item_is_record(&event->item);
    cf_buffer path = {0};

    if (cf_id_equal(&event->item, &none) || cf_id_equal(&event->collection, &cf_catalog_id))
        return false;
    know(self, &event->collection);
    const bool differs = (is_record ? append_record(self, &event->item, &path)
                                    : append_file(self, &event->item, 0, &path)) &&
                         path.size && !cf_bytes_equal(cf_buffer_view(&path), event->path);
    if (differs)
        cf_buffer_append(out, path.data, path.size);
    cf_buffer_release(&path);
    return differs;
}
