/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of one batch: all files are made, one commit keeps what is about to be done with each, then
 * each is put into its place, and the folder is brought to the disk once. An intent is [name, hash
 * of what it will be, hash of what it was]: neither is news if it lies in the temporary folder. */
#include "codec/clock.h"
#include "codec/content.h"
#include "codec/pack.h"
#include "peer/bindings/displaced.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

enum { PARTS = 3, HASHES = 2, TOGETHER = 64 /* files that are open at one time */ };

void cf_folder_step_release(cf_folder_step *step)
{
    cf_record_disk_release(&step->disk);
    cf_buffer_release(&step->name);
    cf_buffer_release(&step->temporary);
    cf_buffer_release(&step->after);
    free(step->rows);
    *step = (cf_folder_step){0};
}

/* Refuses all rows that depend on the step. */
static void refuse(const cf_folder_step *step, const cf_error *error, cf_medium_outcome *out)
{
    for (size_t i = 0; i < step->row_count; i++)
        cf_medium_refuse(out, step->rows[i].table, step->rows[i].key, error->status, error->text);
}

static cf_bytes intent_key(const cf_folder_medium *self, uint64_t number, cf_arena *arena)
{
    return cf_key_numbered(arena, CF_TABLE_INTENT, self->medium.binding->number, number);
}

static void put_intent(const cf_folder_medium *self, const cf_folder_step *step,
                       cf_kv_list *records)
{
    const cf_bytes sides[HASHES] = {cf_buffer_view(&step->after),
                                    cf_buffer_view(&step->disk.bytes)};
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, PARTS);
    cf_pack_bin(&value, cf_buffer_view(&step->name));
    for (int i = 0; i < HASHES; i++) {
        cf_hash hash = cf_content_hash(sides[i]);

        cf_pack_bin(&value, cf_bytes_of(hash.bytes, CF_HASH_SIZE));
    }
    cf_kv_list_put(records, intent_key(self, step->number, &arena), cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static void name_temporary(uint64_t number, cf_buffer *out)
{
    cf_buffer_append_text(out, "record-%llu", (unsigned long long)number);
}

/* Makes the step's new file in the temporary folder, not durable yet. */
static void begin(cf_folder_medium *self, cf_folder_step *step, cf_medium_outcome *out)
{
    cf_error error;

    step->number = ++self->intents;
    name_temporary(step->number, &step->temporary);
    step->disk.name = cf_buffer_view(&step->name);
    step->by = (cf_record_replacement){.folder = self->temporary,
                                       .name = cf_buffer_view(&step->temporary)};
    step->made = step->deletes;
    if (!step->deletes && cf_record_disk_begin(&step->disk, &step->by, cf_buffer_view(&step->after),
                                               &step->file, &error))
        refuse(step, &error, out);
}

/* Makes at most TOGETHER of the files, durable together. */
static void make(cf_folder_medium *self, cf_folder_step *steps, size_t count,
                 cf_medium_outcome *out)
{
    cf_file_sync syncs[TOGETHER];
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        begin(self, &steps[i], out);
        if (steps[i].file)
            syncs[open++] = (cf_file_sync){.file = steps[i].file};
    }
    self->medium.files->sync_files(self->medium.files, syncs, open);
    open = 0;
    for (size_t i = 0; i < count; i++) {
        cf_folder_step *step = &steps[i];

        if (!step->file)
            continue;
        cf_file_sync *sync = &syncs[open++];
        step->made = cf_record_disk_end(&step->disk, &step->by, &step->file, sync) == CF_OK;
        if (!step->made)
            refuse(step, &sync->error, out);
    }
}

/* All files are made and intents kept before anything is in its place. */
static cf_status prepare(cf_folder_medium *self, cf_folder_step *steps, size_t count,
                         cf_medium_outcome *out, cf_error *error)
{
    cf_peer *peer = self->medium.peer;
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_status status = CF_OK;

    for (size_t at = 0; at < count; at += TOGETHER)
        make(self, steps + at, count - at < TOGETHER ? count - at : TOGETHER, out);
    for (size_t i = 0; i < count; i++)
        if (steps[i].made)
            put_intent(self, &steps[i], &records);
    if (records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_kv_list_release(&records);
    return status;
}

/* Where a step fails the folder's own file stays, and the new one goes, if that is still ours. */
static cf_status perform(cf_folder_step *step, cf_error *error)
{
    cf_status status = step->deletes ? cf_record_disk_delete(&step->disk, &step->by, error)
                                     : cf_record_disk_place(&step->disk, &step->by, error);

    if (status && !step->deletes)
        cf_record_disk_give_up(&step->disk, &step->by);
    return status;
}

/* What a file holds that was put in its place is kept, where a later save would show: it took its
 * place after it was written, as its times tell, so whoever saves over it has a later one. */
static void note_written(cf_folder_medium *self, const cf_folder_step *step)
{
    const cf_stat *stat = &step->disk.stat;

    if (step->made && !step->deletes && step->disk.there && step->row_count &&
        stat->ctime_ns - stat->mtime_ns > 2 * self->medium.files->tick_ns &&
        !cf_racy_by_clock(stat, cf_ns_of_ms(self->now_ms)))
        cf_folder_kept_note(self, &(cf_folder_written){step->disk.name,
                                                       cf_node_stat_of(stat),
                                                       {step->rows[0].table, step->rows[0].key}});
}

static void perform_all(cf_folder_medium *self, cf_folder_step *steps, size_t count,
                        cf_medium_outcome *out)
{
    cf_files *files = self->medium.files;
    bool wrote = false;
    cf_error error;

    cf_status status = prepare(self, steps, count, out, &error);
    for (size_t i = 0; i < count; i++) {
        if (!steps[i].made)
            continue;
        if (!status && perform(&steps[i], &error) == CF_OK) {
            wrote = true;
            continue;
        }
        out->torn |= !status;
        if (status && !steps[i].deletes)
            cf_record_disk_give_up(&steps[i].disk, &steps[i].by);
        refuse(&steps[i], &error, out);
        steps[i].made = false;
    }
    out->wrote |= wrote;
    if (wrote && files->sync_folder(files, self->root, &error)) {
        out->torn = true;
        for (size_t i = 0; i < count; i++)
            if (steps[i].made)
                refuse(&steps[i], &error, out);
        return;
    }
    for (size_t i = 0; i < count; i++)
        note_written(self, &steps[i]);
}

enum { BATCH_STEPS = 512, BATCH_BYTES = 64 << 20 };

void cf_folder_batch_perform(cf_folder_batch *batch, cf_folder_medium *self, cf_medium_outcome *out)
{
    if (batch->count)
        perform_all(self, batch->steps, batch->count, out);
    for (size_t i = 0; i < batch->count; i++)
        cf_folder_step_release(&batch->steps[i]);
    free(batch->steps);
    *batch = (cf_folder_batch){0};
}

void cf_folder_batch_add(cf_folder_batch *batch, cf_folder_medium *self, const cf_folder_step *step,
                         cf_medium_outcome *out)
{
    *cf_one_more(batch->steps, batch->count, batch->capacity) = *step;
    batch->bytes += step->after.size + step->disk.bytes.size;
    if (batch->count == BATCH_STEPS || batch->bytes > BATCH_BYTES)
        cf_folder_batch_perform(batch, self, out);
}

/* ---- What is settled ---- */

/* What could not be taken out of the temporary folder waits there for the next start, and its
 * intent stays. */
static bool is_left(const cf_folder_medium *self, uint64_t number)
{
    cf_files *files = self->medium.files;
    cf_buffer name = {0};
    cf_error ignored;
    cf_stat stat;

    name_temporary(number, &name);
    const cf_displaced displaced = {
        .files = files, .temporary = self->temporary, .temporary_name = cf_buffer_view(&name)};
    bool left = self->temporary && (files->stat(files, self->temporary, cf_buffer_view(&name),
                                                &stat, &ignored) != CF_MISSING ||
                                    cf_displaced_is_torn(&displaced));
    cf_buffer_release(&name);
    return left;
}

void cf_folder_intents_settle(cf_folder_medium *self, cf_kv_list *records)
{
    cf_arena arena = {0};
    bool left = false;

    for (uint64_t number = 1; number <= self->intents; number++)
        if (is_left(self, number))
            left = true;
        else
            cf_kv_list_delete(records, intent_key(self, number, &arena));
    if (!left)
        self->intents = 0; /* else numbers go on behind it */
    cf_arena_release(&arena);
}

/* ---- After a crash ---- */

typedef struct {
    cf_folder_medium *self;
    cf_kv_list *records; /* that drop the intents */
    bool saved;
    cf_status status;
    cf_error *error;
} recovering;

/* After a crash: what lies in the temporary folder under an intent's number goes, unless a user
 * saved it. */
static cf_status clear(recovering *self, uint64_t number, cf_bytes value)
{
    cf_folder_medium *folder = self->self;
    cf_record_disk disk = {.files = folder->medium.files, .folder = folder->root};
    cf_record_replacement left = {.folder = folder->temporary};
    cf_reader reader = cf_reader_of(value);
    cf_hash known[HASHES];
    cf_buffer name = {0};
    size_t parts;
    cf_record_left found;

    cf_status status = cf_read_array(&reader, &parts, self->error);
    if (!status && parts != PARTS)
        status = cf_fail(self->error, CF_BROKEN, "an intent of %zu parts", parts);
    if (!status)
        status = cf_read_bin(&reader, &disk.name, self->error);
    for (int i = 0; !status && i < HASHES; i++)
        status = cf_read_bin_exact(&reader, known[i].bytes, CF_HASH_SIZE, self->error);
    if (status)
        return status;
    name_temporary(number, &name);
    left.name = cf_buffer_view(&name);
    status = cf_record_disk_clear(&disk, &left, known, HASHES, &found, self->error);
    self->saved |= found != CF_RECORD_LEFT_NOTHING;
    cf_buffer_release(&name);
    return status;
}

/* An intent is dropped once nothing of its step is left in the temporary folder. */
static bool visit(void *context, cf_bytes key, cf_bytes value)
{
    recovering *self = context;

    self->status = clear(self, cf_get_u64(key.data + 5), value);
    if (!self->status)
        cf_kv_list_delete(self->records, key);
    return self->status == CF_OK;
}

/* What has no intent was not in any place yet. */
static bool remove_one(void *context, cf_bytes name)
{
    cf_folder_medium *self = context;
    cf_error ignored;

    self->medium.files->unlink(self->medium.files, self->temporary, name, &ignored);
    return true;
}

/* What has an intent is cleared first, then what has none; the intents go in one commit. */
static cf_status settle(recovering *self)
{
    cf_medium *medium = &self->self->medium;
    cf_store *store = cf_home_store(medium->peer->home);

    cf_status status =
        cf_binding_scan(medium->peer, medium->binding, CF_TABLE_INTENT, visit, self, self->error);
    if (!status)
        status = self->status;
    if (!status)
        status = medium->files->list(medium->files, self->self->temporary, remove_one, self->self,
                                     self->error);
    if (!status && self->records->count)
        status = store->write(store, cf_peer_user(medium->peer), self->records->at,
                              self->records->count, true, self->error);
    return status;
}

cf_status cf_folder_medium_recover(cf_medium *medium, cf_error *error)
{
    cf_folder_medium *folder = (cf_folder_medium *)medium;
    cf_kv_list records = {0};
    recovering self = {.self = folder, .records = &records, .error = error};

    cf_status status = cf_folder_medium_open(folder, error);
    if (status)
        return error->status = CF_MISSING; /* a read tells why */
    status = settle(&self);
    if (self.saved)
        cf_report(medium->peer->env, CF_REPORT_WARNING,
                  "a file in %s was saved, or made anew, while it was written here: what is not in "
                  "its place is kept beside it, as 'NAME (saved N)'",
                  medium->binding->path);
    cf_kv_list_release(&records);
    return status;
}
