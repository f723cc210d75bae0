/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_read.h"

#include <stdlib.h>
#include <string.h>

#include "broker/platform/names.h"
#include "codec/clock.h"
#include "codec/content.h"
#include "peer/merge/node_stat.h"

typedef struct {
    const cf_read_options *options;
    cf_file *file;
    cf_content_hasher *hasher;
    cf_content_hasher *again; /* of the second reading */
    uint8_t *window;
    size_t room; /* bytes of the window */
    bool is_fresh;
    cf_read read;
    cf_read_answer answer;
    cf_error *error;
} reading;

/* Ends the reading with CF_CHANGED, and what is to be said of the file. */
static cf_status not_now(reading *self, cf_read_answer answer, const char *why)
{
    self->answer = answer;
    return cf_fail(self->error, CF_CHANGED, "it %s", why);
}

/* By whom has it open, who may do so again at once; or once. */
static cf_status changed(reading *self, const char *why)
{
    return not_now(self, self->read.writer == CF_WRITER_OPEN ? CF_READ_WRITER : CF_READ_CHANGED,
                   why);
}

/* A change within two ticks of the last one may leave no trace in the times. A time in the future
 * (the clock was set back) would make us wait for it: it counts as old. */
static bool is_fresh(const reading *self)
{
    static const int64_t SECOND_NS = 1000000000;
    int64_t age = self->options->now_ns - self->read.stat.ctime_ns;

    return age <= 2 * self->options->files->tick_ns && age > -SECOND_NS;
}

/* ---- A file that is open for writing ---- */

/* A database, its write-ahead log (of either order of bytes) with its index, its rollback journal.
 */
static bool begins_as_sqlite(cf_bytes head)
{
    static const struct {
        const char *bytes;
        size_t size;
    } signs[] = {{"SQLite format 3", 16},
                 {"\x37\x7f\x06\x82", 4},
                 {"\x37\x7f\x06\x83", 4},
                 {"\x18\xe2\x2d\x00", 4},
                 {"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (head.size >= signs[i].size && memcmp(head.data, signs[i].bytes, signs[i].size) == 0)
            return true;
    return false;
}

static cf_status check_kind(reading *self)
{
    cf_files *files = self->options->files;
    uint8_t head[16];
    size_t got;

    cf_status status = files->read_at(files, self->file, 0, head, sizeof head, &got, self->error);
    if (!status && begins_as_sqlite(cf_bytes_of(head, got)))
        status = not_now(self, CF_READ_WRITER,
                         "is a database that a program has open, and waits until that is closed");
    return status;
}

static bool has_rested(const reading *self)
{
    return self->options->past.may_be_open &&
           self->options->now_ns - self->read.stat.ctime_ns >= cf_ns_of_ms(CF_READ_REST_MS);
}

static bool may_have_grown(const reading *self)
{
    return self->options->past.may_be_open && self->options->past.known_size &&
           self->read.stat.size > self->options->past.known_size;
}

static cf_status wait_for_writer(reading *self)
{
    return not_now(self, CF_READ_WRITER,
                   "is open for writing: it goes when it is closed, or in a minute");
}

/* What was stored through a mapping is in the times only after a sync, and what is from then on is
 * at once. */
static cf_status check_open(reading *self)
{
    cf_files *files = self->options->files;

    if (!self->options->past.insists && !has_rested(self) && !may_have_grown(self))
        return wait_for_writer(self);
    cf_status status = check_kind(self);
    if (status == CF_OK)
        status = files->sync_file(files, self->file, self->error);
    return status ? status : files->stat_file(files, self->file, &self->read.stat, self->error);
}

static cf_status open_and_check(reading *self)
{
    const cf_read_options *options = self->options;
    cf_files *files = options->files;

    cf_status status =
        files->open_file(files, options->folder, options->name, &self->file, self->error);
    if (status == CF_MISSING || status == CF_CHANGED)
        return not_now(self, CF_READ_CHANGED, "is gone, or no file any more");
    if (status == CF_OK)
        status = files->stat_file(files, self->file, &self->read.stat, self->error);
    if (status)
        return status;
    self->read.writer = files->writer(files, self->file);
    if (self->read.writer == CF_WRITER_OPEN)
        status = check_open(self);
    if (status)
        return status;
    if (self->read.stat.size > CF_FILE_MAX)
        return cf_fail(self->error, CF_TOO_LARGE, "larger than 256 GiB");
    self->is_fresh = is_fresh(self);
    if (self->is_fresh && !options->past.insists && self->read.writer != CF_WRITER_OPEN)
        return not_now(self, CF_READ_FRESH, "was changed just now");
    return CF_OK;
}

/* ---- Reading ---- */

static cf_status pass_on(reading *self, uint64_t offset, cf_bytes bytes)
{
    const cf_read_options *options = self->options;

    if (!self->again && bytes.size && options->window &&
        !options->window(options->context, offset, bytes))
        return not_now(self, CF_READ_CHANGED, "reading it was ended");
    return CF_OK;
}

static bool keeps_whole(const reading *self)
{
    return !self->again && self->read.stat.size <= CF_INLINE_MAX;
}

static cf_status take_hole(reading *self, uint64_t from, uint64_t to)
{
    cf_content_hasher_zeros(self->again ? self->again : self->hasher, to - from);
    if (keeps_whole(self)) {
        memset(cf_buffer_reserve(&self->read.whole, to - from), 0, to - from);
        self->read.whole.size += to - from;
    }
    return pass_on(self, from, (cf_bytes){.size = to - from});
}

static cf_status take_data(reading *self, uint64_t from, uint64_t to)
{
    cf_files *files = self->options->files;

    while (from < to) {
        size_t wanted = to - from < self->room ? to - from : self->room, got;

        cf_status status =
            files->read_at(files, self->file, from, self->window, wanted, &got, self->error);
        if (status)
            return status;
        if (got < wanted)
            return changed(self, "became shorter while it was read");
        cf_bytes bytes = cf_bytes_of(self->window, got);
        cf_content_hasher_update(self->again ? self->again : self->hasher, bytes);
        if (keeps_whole(self))
            cf_buffer_append(&self->read.whole, bytes.data, bytes.size);
        status = pass_on(self, from, bytes);
        if (status)
            return status;
        from += got;
    }
    return CF_OK;
}

/* Exactly the bytes up to the size that the last stat told. */
static cf_status read_from(reading *self, uint64_t at)
{
    cf_files *files = self->options->files;
    uint64_t size = self->read.stat.size;

    while (at < size) {
        uint64_t from, to;

        cf_status status = files->next_data(files, self->file, at, &from, &to, self->error);
        if (status)
            return status;
        if (to <= at)
            return changed(self, "became shorter while it was read");
        from = from < size ? from : size;
        to = to < size ? to : size;
        if (from > at)
            status = take_hole(self, at, from);
        if (status == CF_OK && from < to)
            status = take_data(self, from, to);
        if (status)
            return status;
        at = to;
    }
    return CF_OK;
}

/* ---- One moment ---- */

enum { SETTLE_MAX = 64 };

/* The file was only appended to since it was known. */
static bool begins_with_known(const reading *self)
{
    const cf_read_options *options = self->options;
    size_t tail = options->past.known_size % CF_LEAF_SIZE, got;
    size_t whole = options->past.known_size / CF_LEAF_SIZE * CF_HASH_SIZE;
    cf_buffer leaves = {0};
    cf_error ignored;

    if (!may_have_grown(self) || self->read.leaves.size < whole)
        return false;
    uint8_t *bytes = cf_allocate(tail, 1);
    bool is_read =
        options->files->read_at(options->files, self->file, options->past.known_size - tail, bytes,
                                tail, &got, &ignored) == CF_OK &&
        got == tail;
    cf_buffer_append(&leaves, self->read.leaves.data, whole);
    if (is_read && tail) {
        cf_hash last = cf_leaf_hash(cf_bytes_of(bytes, tail));

        cf_buffer_append(&leaves, last.bytes, CF_HASH_SIZE);
    }
    bool begins = is_read && cf_leaves_check(cf_buffer_view(&leaves), options->past.known_size,
                                             &options->past.known, &ignored) == CF_OK;
    cf_buffer_release(&leaves);
    free(bytes);
    return begins;
}

/* Until it is as long as what was read of it: that is the moment. */
static cf_status read_to_end(reading *self)
{
    cf_files *files = self->options->files;

    for (int i = 0; i < SETTLE_MAX; i++) {
        uint64_t end = self->read.stat.size;

        cf_status status = files->stat_file(files, self->file, &self->read.stat, self->error);
        if (status || self->read.stat.size == end)
            return status;
        if (self->read.stat.size < end)
            return changed(self, "became shorter while it was read");
        if (self->read.stat.size > CF_INLINE_MAX)
            cf_buffer_release(&self->read.whole);
        status = read_from(self, end);
        if (status)
            return status;
    }
    return changed(self, "grows as fast as it is read");
}

static cf_status read_again(reading *self)
{
    uint64_t size;

    self->read.content = cf_content_hasher_finish(self->hasher, &size);
    self->again = cf_content_hasher_new(NULL);
    cf_status status = read_from(self, 0);
    if (status)
        return status;
    cf_hash again = cf_content_hasher_finish(self->again, &size);
    if (!cf_hash_equal(&again, &self->read.content))
        return changed(self, "is overwritten while it is read, and goes when it rests for so long");
    return CF_OK;
}

static cf_status find_moment(reading *self)
{
    const cf_read_options *options = self->options;
    bool is_open = self->read.writer == CF_WRITER_OPEN;
    uint64_t size;
    cf_stat after;

    cf_status status = options->files->stat_file(options->files, self->file, &after, self->error);
    if (status)
        return status;
    if (after.size < self->read.stat.size)
        return changed(self, "became shorter while it was read");
    self->read.moves = self->is_fresh || !cf_stat_unchanged(&after, &self->read.stat);
    if ((self->read.moves || (is_open && !has_rested(self))) && !options->past.insists &&
        !begins_with_known(self))
        return is_open ? wait_for_writer(self)
                       : not_now(self, CF_READ_CHANGED, "was changed while it was read");
    if (!self->read.moves) {
        self->read.content = cf_content_hasher_finish(self->hasher, &size);
        return CF_OK;
    }
    status = read_to_end(self);
    return status ? status : read_again(self);
}

/* Who has opened it meanwhile writes to it, though nothing shows yet. */
static cf_status check_writer(reading *self)
{
    cf_files *files = self->options->files;

    if (self->read.writer == CF_WRITER_OPEN || self->read.moves)
        return CF_OK;
    self->read.writer = files->writer(files, self->file);
    return self->read.writer == CF_WRITER_OPEN && !self->options->past.insists
               ? wait_for_writer(self)
               : CF_OK;
}

static cf_status make_durable(reading *self)
{
    cf_files *files = self->options->files;

    return files->sync_file(files, self->file, self->error);
}

static cf_status check_name(reading *self)
{
    const cf_read_options *options = self->options;
    cf_files *files = options->files;
    cf_stat named;

    cf_status status = files->stat(files, options->folder, options->name, &named, self->error);
    if (status == CF_MISSING || (status == CF_OK && !cf_stat_same_file(&named, &self->read.stat)))
        return not_now(self, CF_READ_CHANGED, "was replaced while it was read");
    return status;
}

static uint32_t racy_ms(const reading *self)
{
    uint32_t wait_ms = cf_racy_wait_ms(&self->read.stat, self->options->disk_ns);

    return self->read.moves && wait_ms < CF_READ_MOVES_MS ? CF_READ_MOVES_MS : wait_ms;
}

cf_status cf_read_file(const cf_read_options *options, cf_read *out, cf_read_answer *answer,
                       cf_error *error)
{
    reading self = {.options = options, .answer = CF_READ_FAILED, .error = error};

    cf_status status = open_and_check(&self);
    if (status)
        goto done;
    self.hasher = cf_content_hasher_new(&self.read.leaves);
    self.room = self.read.stat.size < CF_READ_WINDOW ? self.read.stat.size : CF_READ_WINDOW;
    self.room = self.room < CF_LEAF_SIZE ? CF_LEAF_SIZE : self.room; /* it may grow */
    self.window = cf_allocate(self.room, 1);
    status = read_from(&self, 0);
    if (status == CF_OK)
        status = make_durable(&self);
    if (status == CF_OK)
        status = find_moment(&self);
    if (status == CF_OK && self.read.moves)
        status = make_durable(&self);
    if (status == CF_OK)
        status = check_writer(&self);
    if (status == CF_OK)
        status = check_name(&self);
    if (status)
        goto done;
    self.read.racy_ms = racy_ms(&self);
    self.answer = CF_READ_DONE;
    *out = self.read;
    self.read = (cf_read){0};
done:
    *answer = self.answer;
    cf_content_hasher_destroy(&self.hasher);
    cf_content_hasher_destroy(&self.again);
    free(self.window);
    cf_read_release(&self.read);
    options->files->close_file(options->files, &self.file);
    return status;
}

void cf_read_release(cf_read *read)
{
    cf_buffer_release(&read->leaves);
    cf_buffer_release(&read->whole);
    *read = (cf_read){0};
}
