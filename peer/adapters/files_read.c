/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_read.h"

#include <stdlib.h>
#include <string.h>

#include "broker/names.h"
#include "codec/content.h"

typedef struct {
    const cf_read_options *options;
    cf_file *file;
    cf_content_hasher *hasher;
    uint8_t *window;
    cf_read read;
    cf_read_answer answer;
    cf_error *error;
} reading;

/* Ends the reading with CF_CHANGED. */
static cf_status not_now(reading *self, cf_read_answer answer, const char *why)
{
    const cf_read_options *options = self->options;
    char shown[CF_NAME_SHOWN];

    cf_name_show(options->name, shown);
    self->answer = answer;
    return cf_fail(self->error, CF_CHANGED, "%s: %s", shown, why);
}

static cf_status check_writer(reading *self)
{
    cf_files *files = self->options->files;

    self->read.writer = files->writer(files, self->file);
    if (self->read.writer == CF_WRITER_OPEN)
        return not_now(self, CF_READ_WRITER, "is being written");
    return CF_OK;
}

/* A change within two ticks of the last one may leave no trace in the times. A time in the future
 * (the clock was set back) would make us wait for it: it counts as old. */
static bool is_fresh(const reading *self)
{
    static const int64_t SECOND_NS = 1000000000;
    int64_t age = self->options->now_ns - self->read.stat.ctime_ns;

    return age <= 2 * self->options->files->tick_ns && age > -SECOND_NS;
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
    if (self->read.stat.size > CF_FILE_MAX)
        return cf_fail(self->error, CF_TOO_LARGE, "larger than 256 GiB");
    status = check_writer(self);
    if (status == CF_OK && is_fresh(self))
        status = not_now(self, CF_READ_FRESH, "was changed just now");
    return status;
}

static cf_status pass_on(reading *self, uint64_t offset, cf_bytes bytes)
{
    const cf_read_options *options = self->options;

    if (bytes.size && options->window && !options->window(options->context, offset, bytes))
        return not_now(self, CF_READ_CHANGED, "reading it was ended");
    return CF_OK;
}

static cf_status take_hole(reading *self, uint64_t from, uint64_t to)
{
    cf_content_hasher_zeros(self->hasher, to - from);
    if (self->read.stat.size <= CF_INLINE_MAX) {
        memset(cf_buffer_reserve(&self->read.whole, to - from), 0, to - from);
        self->read.whole.size += to - from;
    }
    return pass_on(self, from, (cf_bytes){.size = to - from});
}

static cf_status take_data(reading *self, uint64_t from, uint64_t to)
{
    cf_files *files = self->options->files;

    while (from < to) {
        size_t wanted = to - from < CF_READ_WINDOW ? to - from : CF_READ_WINDOW, got;

        cf_status status =
            files->read_at(files, self->file, from, self->window, wanted, &got, self->error);
        if (status)
            return status;
        if (got < wanted)
            return not_now(self, CF_READ_CHANGED, "became shorter while it was read");
        cf_bytes bytes = cf_bytes_of(self->window, got);
        cf_content_hasher_update(self->hasher, bytes);
        if (self->read.stat.size <= CF_INLINE_MAX)
            cf_buffer_append(&self->read.whole, bytes.data, bytes.size);
        status = pass_on(self, from, bytes);
        if (status)
            return status;
        from += got;
    }
    return CF_OK;
}

/* Exactly the bytes up to the size that the first stat told. */
static cf_status read_all(reading *self)
{
    cf_files *files = self->options->files;
    uint64_t size = self->read.stat.size, at = 0;

    while (at < size) {
        uint64_t from, to;

        cf_status status = files->next_data(files, self->file, at, &from, &to, self->error);
        if (status)
            return status;
        if (to <= at)
            return not_now(self, CF_READ_CHANGED, "became shorter while it was read");
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

static cf_status check_again(reading *self)
{
    const cf_read_options *options = self->options;
    cf_files *files = options->files;
    cf_stat after, named;

    cf_status status = files->sync_file(files, self->file, self->error);
    if (status == CF_OK)
        status = check_writer(self);
    if (status == CF_OK)
        status = files->stat_file(files, self->file, &after, self->error);
    if (status)
        return status;
    if (!cf_stat_unchanged(&after, &self->read.stat))
        return not_now(self, CF_READ_CHANGED, "was changed while it was read");
    status = files->stat(files, options->folder, options->name, &named, self->error);
    if (status == CF_MISSING || (status == CF_OK && !cf_stat_same_file(&named, &after)))
        return not_now(self, CF_READ_CHANGED, "was replaced while it was read");
    return status;
}

cf_status cf_read_file(const cf_read_options *options, cf_read *out, cf_read_answer *answer,
                       cf_error *error)
{
    reading self = {.options = options, .answer = CF_READ_FAILED, .error = error};

    cf_status status = open_and_check(&self);
    uint64_t size = self.read.stat.size;
    if (status)
        goto done;
    self.hasher = cf_content_hasher_new(&self.read.leaves);
    self.window = cf_allocate(size < CF_READ_WINDOW ? size : CF_READ_WINDOW, 1);
    status = read_all(&self);
    if (status == CF_OK)
        status = check_again(&self);
    if (status)
        goto done;
    self.read.content = cf_content_hasher_finish(self.hasher, &size);
    self.answer = CF_READ_DONE;
    *out = self.read;
    self.read = (cf_read){0};
done:
    *answer = self.answer;
    cf_content_hasher_destroy(&self.hasher);
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
