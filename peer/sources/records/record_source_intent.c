/* SPDX-License-Identifier: Apache-2.0 */
/* What the base becomes by a write is kept before the write. Else, after a crash in between, what
 * stands there would look like a user's work as soon as others have changed it again:
 *
 *     base Ann; Anna is written here, and the process ends; another device makes it Anne
 *     with the intent [Anna]: what is here is Anna as intended, base Anna, and Anne is written
 *     without it: Anna is not what the base has, and would be published as an edit beside Anne */
#include "peer/sources/records/record_source_inside.h"

#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/row_dependants.h"

static cf_bytes key_of(cf_record_run *run)
{
    return cf_key_source(&run->arena, CF_TABLE_AGREED, run->source->binding->number);
}

static void pack_row(cf_buffer *out, const cf_row *row)
{
    cf_buffer packed = {0};

    cf_row_pack(row, &packed);
    cf_pack_bin(out, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
}

/* The row of the view that a dropped row of the base is, and that goes from here only; NULL: it was
 * deleted elsewhere. */
static const cf_row *hidden_by(const cf_record_run *run, const cf_row_place *drop)
{
    const cf_row *base = cf_rows_find(run->source->binding->rows, drop->table, drop->key);
    const cf_row *viewed = cf_row_view_of_item(run->view, &base->item);

    return viewed && !cf_record_selected(&run->selection, viewed) ? viewed : NULL;
}

/* What is known of rows that go from here only, as of dependants. Nothing while any row is in
 * doubt: its user acted before he could know that. */
static void pack_hidden(cf_record_run *run, const cf_record_agreement *agreement, cf_buffer *out)
{
    size_t drop_count = run->doubt_count ? 0 : agreement->drop_count, count = 0;

    for (size_t i = 0; i < drop_count; i++)
        count += hidden_by(run, &agreement->drops[i]) != NULL;
    cf_pack_array(out, count);
    for (size_t i = 0; i < drop_count; i++) {
        const cf_row *viewed = hidden_by(run, &agreement->drops[i]);
        cf_arena arena = {0};

        if (viewed) {
            cf_row known = cf_row_view_dependant(run->view, viewed, &arena);

            pack_row(out, &known);
        }
        cf_arena_release(&arena);
    }
}

cf_status cf_record_run_intend(cf_record_run *run, const cf_record_agreement *agreement,
                               cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    const cf_rows *base = run->source->binding->rows;
    cf_buffer value = {0};

    cf_pack_array(&value, agreement->put_count);
    for (size_t i = 0; i < agreement->put_count; i++)
        pack_row(&value, &agreement->puts[i]);
    cf_pack_array(&value, agreement->drop_count);
    for (size_t i = 0; i < agreement->drop_count; i++)
        pack_row(&value, cf_rows_find(base, agreement->drops[i].table, agreement->drops[i].key));
    pack_hidden(run, agreement, &value);
    const cf_kv record = {key_of(run), cf_buffer_view(&value)};
    cf_status status = store->write(store, cf_peer_user(peer), &record, 1, true, error);
    run->source->settled = false;
    cf_buffer_release(&value);
    return status;
}

void cf_record_run_settled(cf_record_run *run)
{
    if (!run->source->settled)
        cf_kv_list_delete(&run->records, key_of(run));
    run->source->settled = true;
}

/* ---- Afterwards ---- */

/* A row that was about to be shown. */
typedef struct {
    cf_row row;
    bool is_here; /* just so */
    bool moves;   /* its key was another item's, or its item had another key */
} intended;

/* What is read of the intent. */
typedef struct {
    cf_record_run *run;
    intended *puts;
    size_t count, capacity;
    bool any_moved; /* one that moves is where it was to be */
} recollection;

/* A row that was about to be shown: whether it is here just so, and whether by the write an item
 * got a key that was another's, or another key. */
static void read_put(recollection *self, const cf_row *row)
{
    cf_record_run *run = self->run;
    const cf_rows *rows = run->source->binding->rows;
    const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);
    const cf_row *at_key = cf_rows_find(rows, row->table, row->key);
    const cf_row *before = cf_rows_of_item(rows, &row->item);
    intended read = {.row = *row, .is_here = here && cf_record_run_same(run, here, row)};

    read.moves = (at_key && !cf_id_equal(&at_key->item, &row->item)) ||
                 (before && !cf_bytes_equal(before->key, row->key));
    self->any_moved |= read.moves && read.is_here;
    *cf_one_more(self->puts, self->count, self->capacity) = read;
}

/* The base takes the rows that were about to be shown, and are. Keys change hands all together:
 * where one has, what doesn't stand there as it was to be was changed or deleted since.
 *
 *     base 1 Ann, 2 Bob; intended 1 Bob, 2 Ann; here 1 Bob, 2 Anna
 *     1 is as intended, so the base becomes 1 Bob, 2 Ann: Ann is called Anna, and Bob is Bob */
static void take_puts(recollection *self)
{
    cf_record_run *run = self->run;
    cf_binding *binding = run->source->binding;

    for (size_t i = 0; i < self->count; i++) {
        const cf_row *row = &self->puts[i].row;
        const cf_row *before = cf_rows_of_item(binding->rows, &row->item);

        self->puts[i].is_here |= self->any_moved && self->puts[i].moves;
        if (self->puts[i].is_here && before && !cf_bytes_equal(before->key, row->key))
            cf_binding_drop_row(binding, before->table, before->key, &run->records);
    }
    for (size_t i = 0; i < self->count; i++)
        if (self->puts[i].is_here)
            cf_record_run_put(run, &self->puts[i].row);
}

/* The base drops the row if it was about to go, and is gone for certain. */
static void take_drop(recollection *self, const cf_row *row)
{
    cf_record_run *run = self->run;
    cf_binding *binding = run->source->binding;

    if (!cf_row_index_find(&run->here, row->table, row->key) &&
        !cf_record_run_troubles(run, row->table, row->key) &&
        cf_record_file_certain(&run->content.file) &&
        cf_rows_find(binding->rows, row->table, row->key))
        cf_binding_drop_row(binding, row->table, row->key, &run->records);
}

/* A row that is gone because it is not asked for any more: what is known of it is kept. */
static void take_hidden(recollection *self, const cf_row *row)
{
    cf_record_run *run = self->run;

    if (!cf_rows_of_item(run->source->binding->rows, &row->item))
        cf_binding_put_dependant(run->source->binding, row, &run->records);
}

static cf_status take_all(recollection *self, cf_reader *reader,
                          void (*take)(recollection *self, const cf_row *row), cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        cf_bytes packed;
        cf_row row;

        status = cf_read_bin(reader, &packed, error);
        if (!status)
            status = cf_row_read(packed, &self->run->arena, &row, error);
        if (!status)
            take(self, &row);
    }
    return status;
}

cf_status cf_record_run_take_intended(cf_record_run *run, cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    recollection self = {.run = run};
    cf_buffer value = {0};

    if (run->source->settled)
        return CF_OK;
    cf_status status = store->get(store, cf_peer_user(peer), key_of(run), &value, error);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        status = take_all(&self, &reader, read_put, error);
    if (!status) {
        take_puts(&self);
        status = take_all(&self, &reader, take_drop, error);
    }
    if (!status && reader.at < reader.end) /* of earlier programs there are none */
        status = take_all(&self, &reader, take_hidden, error);
    free(self.puts);
    if (status == CF_MALFORMED)
        status = error->status = CF_BROKEN;
    if (!status)
        cf_record_run_settled(run);
    if (status == CF_MISSING) {
        run->source->settled = true;
        status = CF_OK;
    }
    cf_buffer_release(&value);
    return status;
}
