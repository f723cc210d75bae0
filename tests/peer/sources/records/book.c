/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/sources/records/book.h"

#include "broker/platform/jobs.h"
#include "codec/pack.h"
#include "peer/bindings/files_root.h"
#include "tests/support/quiet.h"

#include <stdio.h>
#include <stdlib.h>

static void some_random(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 7, size);
}

static uint64_t some_time(void *context)
{
    (void)context;
    return 1700000000000;
}

static void begin(book *self)
{
    self->medium = cf_medium_folder_new(self->env.files, &self->peer, self->binding);
}

static void open_home(book *self)
{
    char path[96];
    cf_hash user;

    memset(user.bytes, 'u', CF_HASH_SIZE);
    snprintf(path, sizeof path, "%s/home", self->disk->path);
    self->peer.env = &self->env;
    expect_ok(cf_home_open(&(cf_home_options){.env = &self->env, .path = path, .create = true},
                           &self->peer.home, &self->error),
              self->error);
    expect_ok(
        cf_log_open(cf_home_store(self->peer.home), &user, NULL, &self->peer.log, &self->error),
        self->error);
}

void book_open(book *self)
{
    cf_folder *root;
    char path[96];

    *self = (book){.disk = scratch_new()};
    self->env = (cf_env){.random = some_random,
                         .now_ms = some_time,
                         .report = no_report,
                         .files = faulty_files_new(self->disk->files, &self->faults),
                         .jobs = cf_jobs_inline_new(0)};
    open_home(self);
    scratch_mkdir(self->disk, "book");
    snprintf(path, sizeof path, "%s/book", self->disk->path);
    cf_binding_options options = {.number = 1, .path = path};
    expect_ok(cf_binding_new(&options, &self->binding, &self->error), self->error);
    self->binding->format = CF_FORMAT_VCARD;
    memset(self->binding->instance.bytes, 'i', CF_ID_SIZE);
    expect_ok(self->disk->files->open_root(self->disk->files, path, &root, &self->error),
              self->error);
    expect_ok(cf_root_make(self->disk->files, root, &self->binding->instance, &self->error),
              self->error);
    self->disk->files->close_folder(self->disk->files, &root);
    begin(self);
}

void book_close(book *self)
{
    cf_medium_content_release(&self->content);
    cf_medium_destroy(&self->medium);
    cf_binding_destroy(&self->binding, self->disk->files);
    cf_log_destroy(&self->peer.log);
    cf_home_close(&self->peer.home);
    cf_jobs_destroy(&self->env.jobs);
    free(self->env.files);
    scratch_destroy(&self->disk);
}

void book_put(const book *self, const char *file, const char *uid, const char *name)
{
    char path[64], text[200];

    snprintf(path, sizeof path, "book/%s", file);
    snprintf(text, sizeof text, "BEGIN:VCARD\nVERSION:3.0\nUID:%s\nFN:%s\nEND:VCARD\n", uid, name);
    scratch_write(self->disk, path, text);
}

void book_commit(book *self)
{
    cf_store *store = cf_home_store(self->peer.home);
    cf_kv_list records = {0};

    cf_medium_settled(self->medium, &records);
    if (records.count)
        expect_ok(store->write(store, cf_peer_user(&self->peer), records.at, records.count, true,
                               &self->error),
                  self->error);
    cf_kv_list_release(&records);
}

void book_look_at(book *self, uint64_t now_ms)
{
    cf_medium_content_release(&self->content);
    expect_ok(cf_medium_read(self->medium, now_ms, &self->content, &self->error), self->error);
}

void book_look(book *self)
{
    book_look_at(self, BOOK_LATER_MS);
    book_commit(self);
}

void book_agree(book *self)
{
    for (size_t i = 0; i < self->content.file.count; i++)
        cf_rows_put(self->binding->rows, &self->content.file.rows[i]);
}

void book_restart(book *self)
{
    cf_medium_content_release(&self->content);
    cf_medium_destroy(&self->medium);
    begin(self);
}

cf_bytes book_key(const char *uid, cf_buffer *out)
{
    cf_buffer_clear(out);
    cf_pack_text(out, cf_bytes_of_text(uid));
    return cf_buffer_view(out);
}

const cf_row *book_shown(const book *self, const char *uid)
{
    cf_buffer key = {0};
    const cf_row *found = NULL;

    book_key(uid, &key);
    for (size_t i = 0; i < self->content.file.count; i++)
        if (cf_bytes_equal(self->content.file.rows[i].key, cf_buffer_view(&key)))
            found = &self->content.file.rows[i];
    cf_buffer_release(&key);
    return found;
}

bool book_doubts(const book *self, const char *uid)
{
    cf_buffer key = {0};
    bool found = false;

    book_key(uid, &key);
    for (size_t i = 0; i < self->content.file.trouble_count; i++)
        found |= self->content.file.troubles[i].known &&
                 cf_bytes_equal(self->content.file.troubles[i].key, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return found;
}

bool book_names(const book *self, const char *file)
{
    for (size_t i = 0; i < self->content.file.trouble_count; i++)
        if (cf_bytes_equal(self->content.file.troubles[i].where, cf_bytes_of_text(file)))
            return true;
    return false;
}

cf_row book_row(const char *uid, const char *name, cf_arena *arena)
{
    static const char full[] = "/name/full";
    cf_buffer packed = {0};
    cf_row_field *field = cf_arena_allocate(arena, 1, sizeof *field);
    cf_bytes *value = cf_arena_allocate(arena, 1, sizeof *value);
    cf_row row = {.table = cf_bytes_of_text(CF_TABLE_CONTACTS), .fields = field, .field_count = 1};

    row.key = cf_arena_copy(arena, book_key(uid, &packed));
    *value = cf_arena_copy(arena, book_key(name, &packed));
    *field = (cf_row_field){cf_bytes_of_text(full), value, 1};
    cf_buffer_release(&packed);
    return row;
}
