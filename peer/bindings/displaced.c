/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/displaced.h"

#include "codec/content.h"
#include "codec/limits.h"
#include "peer/bindings/files_read.h"
#include "peer/merge/node_stat.h"
#include "peer/merge/rules.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_TRIED = 1000 };

/* The disk's own word that something is not there, or no file, is an answer. */
static cf_status if_failed(cf_status status, const cf_error *error)
{
    return status && cf_files_has_failed(error) ? status : CF_OK;
}

/* A rename has changed its ctime. A link can't be opened, nor be written to. */
cf_status cf_displaced_holds(const cf_displaced *displaced, const cf_node_stat *stat, bool *holds,
                             cf_error *error)
{
    cf_files *files = displaced->files;
    cf_file *file = NULL;
    cf_stat now;

    *holds = false;
    cf_status status =
        files->stat(files, displaced->temporary, displaced->temporary_name, &now, error);
    if (status || !cf_node_stat_same_bytes(stat, &now))
        return if_failed(status, error);
    status = files->open_file(files, displaced->temporary, displaced->temporary_name, &file, error);
    if (status && cf_files_has_failed(error))
        return status;
    *holds = status || files->writer(files, file) != CF_WRITER_OPEN;
    files->close_file(files, &file);
    return CF_OK;
}

static cf_status has_target(cf_files *files, const cf_folder *folder, cf_bytes name,
                            const cf_hash *expected, bool *has, cf_error *error)
{
    cf_buffer target = {0};

    cf_status status = files->read_link(files, folder, name, &target, error);
    if (!status) {
        cf_hash hash = cf_content_hash(cf_buffer_view(&target));

        *has = cf_hash_equal(&hash, expected);
    }
    cf_buffer_release(&target);
    return if_failed(status, error);
}

cf_status cf_displaced_has_content(cf_files *files, const cf_folder *folder, cf_bytes name,
                                   const cf_node *node, bool *has, cf_error *error)
{
    const cf_read_options options = {
        .files = files, .folder = folder, .name = name, .now_ns = INT64_MAX};
    cf_read_answer answer;
    cf_read read = {0};
    cf_hash hash;
    uint64_t size;

    *has = false;
    if (cf_content_identity_read(node->content, &hash, &size, error))
        return CF_OK;
    if (node->kind == CF_KIND_SYMLINK)
        return has_target(files, folder, name, &hash, has, error);
    cf_status status = cf_read_file(&options, &read, &answer, error);
    *has = !status && cf_hash_equal(&read.content, &hash);
    cf_read_release(&read);
    return if_failed(status, error);
}

cf_status cf_displaced_is_base(const cf_displaced *displaced, const cf_node *node, bool *is,
                               cf_error *error)
{
    cf_status status = cf_displaced_holds(displaced, &node->stat, is, error);

    if (status || !*is || !node->stat.is_racy) /* of a racy file the stat tells nothing */
        return status;
    return cf_displaced_has_content(displaced->files, displaced->temporary,
                                    displaced->temporary_name, node, is, error);
}

/* `NAME (saved N)`, cut so that it fits. */
static void name_beside(cf_bytes name, unsigned number, cf_buffer *out)
{
    char suffix[24];
    size_t length = (size_t)snprintf(suffix, sizeof suffix, " (saved %u)", number);
    size_t kept = name.size + length <= CF_NAME_MAX ? name.size : CF_NAME_MAX - length;

    cf_buffer_clear(out);
    cf_buffer_append(out, name.data, kept);
    cf_buffer_append(out, suffix, length);
}

static cf_status return_to(const cf_displaced *displaced, cf_bytes name, cf_error *error)
{
    cf_files *files = displaced->files;

    return cf_files_place(files, displaced->temporary, displaced->temporary_name, displaced->folder,
                          name, error);
}

/* A crash while it was put in place left both names. */
static bool has_returned(const cf_displaced *displaced)
{
    cf_files *files = displaced->files;
    cf_stat there, aside;
    cf_error ignored;

    return files->stat(files, displaced->folder, displaced->name, &there, &ignored) == CF_OK &&
           files->stat(files, displaced->temporary, displaced->temporary_name, &aside, &ignored) ==
               CF_OK &&
           cf_stat_same_file(&there, &aside);
}

cf_status cf_displaced_return(const cf_displaced *displaced, cf_error *error)
{
    cf_buffer beside = {0};

    cf_status status = return_to(displaced, displaced->name, error);
    if (status == CF_CHANGED && has_returned(displaced))
        status = displaced->files->unlink(displaced->files, displaced->temporary,
                                          displaced->temporary_name, error);
    for (unsigned number = 1; status == CF_CHANGED && number <= NAMES_TRIED; number++) {
        name_beside(displaced->name, number, &beside);
        status = return_to(displaced, cf_buffer_view(&beside), error);
    }
    if (!status)
        status = displaced->files->sync_folder(displaced->files, displaced->folder, error);
    cf_buffer_release(&beside);
    return status;
}

/* ---- Changing places ---- */

cf_bytes cf_displaced_aside(const cf_displaced *displaced, char room[CF_SWAPPED_NAME])
{
    static const char SUFFIX[] = ".old";
    cf_bytes name = displaced->temporary_name;
    size_t kept =
        name.size + sizeof SUFFIX - 1 <= CF_NAME_MAX ? name.size : CF_NAME_MAX - sizeof SUFFIX + 1;

    memcpy(room, name.data, kept);
    memcpy(room + kept, SUFFIX, sizeof SUFFIX - 1);
    return cf_bytes_of(room, kept + sizeof SUFFIX - 1);
}

/* The three names of a swap. */
enum { OURS, PLACE, ASIDE, NAMES };

typedef struct {
    const cf_displaced *displaced;
    char room[CF_SWAPPED_NAME];
    cf_bytes aside;
    bool there[NAMES];
    cf_stat stat[NAMES];
} swap;

static cf_status look(swap *self, cf_error *error)
{
    const cf_displaced *displaced = self->displaced;
    cf_files *files = displaced->files;
    const cf_folder *folders[NAMES] = {displaced->temporary, displaced->folder,
                                       displaced->temporary};
    const cf_bytes names[NAMES] = {displaced->temporary_name, displaced->name, self->aside};
    cf_status status = CF_OK;

    for (int i = 0; !status && i < NAMES; i++) {
        status = files->stat(files, folders[i], names[i], &self->stat[i], error);
        self->there[i] = !status;
        if (status == CF_MISSING)
            status = CF_OK;
    }
    return status;
}

static bool are_one(const swap *self, int a, int b)
{
    return self->there[a] && self->there[b] && cf_stat_same_file(&self->stat[a], &self->stat[b]);
}

static bool is_known(const swap *self, int which, const cf_node_stat *ours)
{
    return ours && cf_node_stat_same_file(ours, &self->stat[which]);
}

static cf_status drop(const swap *self, cf_bytes name, cf_error *error)
{
    cf_files *files = self->displaced->files;

    return files->unlink(files, self->displaced->temporary, name, error);
}

/* What stood there is under the name that ours had. */
static cf_status end_swap(const swap *self, bool drops, bool *swapped, cf_error *error)
{
    const cf_displaced *displaced = self->displaced;
    cf_files *files = displaced->files;

    cf_status status = drops ? drop(self, displaced->temporary_name, error) : CF_OK;
    if (!status)
        status = files->replace(files, displaced->temporary, self->aside, displaced->temporary,
                                displaced->temporary_name, error);
    *swapped = !status;
    return status;
}

static cf_status put_back(const swap *self, cf_error *error)
{
    const cf_displaced *displaced = self->displaced;

    return cf_files_place(displaced->files, displaced->temporary, self->aside, displaced->folder,
                          displaced->name, error);
}

cf_status cf_displaced_finish(const cf_displaced *displaced, const cf_node_stat *ours,
                              bool *swapped, cf_error *error)
{
    swap self = {.displaced = displaced};

    *swapped = false;
    self.aside = cf_displaced_aside(displaced, self.room);
    cf_status status = look(&self, error);
    if (status || !self.there[ASIDE])
        return status;
    if (!self.there[PLACE])
        return put_back(&self, error);
    if (!self.there[OURS])
        return end_swap(&self, false, swapped, error);
    if (are_one(&self, PLACE, ASIDE) || is_known(&self, ASIDE, ours))
        return drop(&self, self.aside, error);
    if (are_one(&self, PLACE, OURS) || is_known(&self, OURS, ours))
        return end_swap(&self, true, swapped, error);
    return cf_fail(error, CF_CHANGED, "it was saved here while it was replaced");
}

bool cf_displaced_is_torn(const cf_displaced *displaced)
{
    cf_files *files = displaced->files;
    char room[CF_SWAPPED_NAME];
    cf_error ignored;
    cf_stat stat;

    return files->stat(files, displaced->temporary, cf_displaced_aside(displaced, room), &stat,
                       &ignored) != CF_MISSING;
}

/* Where the file system can't exchange two. */
static cf_status swap_in_steps(const cf_displaced *displaced, const cf_node_stat *ours,
                               cf_error *error)
{
    cf_files *files = displaced->files;
    swap self = {.displaced = displaced};
    cf_error ignored;
    bool swapped;

    self.aside = cf_displaced_aside(displaced, self.room);
    cf_status status = cf_files_rename(files, displaced->folder, displaced->name,
                                       displaced->temporary, self.aside, error);
    if (status)
        return status;
    status = cf_files_place(files, displaced->temporary, displaced->temporary_name,
                            displaced->folder, displaced->name, error);
    if (!status)
        status = end_swap(&self, false, &swapped, error);
    if (status && cf_displaced_finish(displaced, ours, &swapped, &ignored) == CF_OK && swapped)
        status = CF_OK;
    return status;
}

cf_status cf_displaced_swap(const cf_displaced *displaced, const cf_node_stat *ours,
                            cf_error *error)
{
    cf_files *files = displaced->files;
    cf_status status = files->exchange(files, displaced->temporary, displaced->temporary_name,
                                       displaced->folder, displaced->name, error);

    return status == CF_UNSAFE ? swap_in_steps(displaced, ours, error) : status;
}

cf_status cf_displaced_exchange(const cf_displaced *displaced, const cf_node_stat *ours,
                                cf_error *error)
{
    cf_files *files = displaced->files;
    bool holds = false;
    cf_error ignored;

    cf_status status = cf_displaced_swap(displaced, ours, error);
    if (!status)
        cf_displaced_holds(displaced, ours, &holds, &ignored);
    if (holds)
        return files->sync_folder(files, displaced->folder, error);
    if (!status)
        cf_displaced_swap(displaced, ours, &ignored);
    return cf_displaced_return(displaced, error);
}
