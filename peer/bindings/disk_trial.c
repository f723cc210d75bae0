/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/disk_trial.h"

#include "peer/adapters/spellings.h"

#include <errno.h>
#include <string.h>

enum { TIMES = 3, ATTEMPTS = 3 };
#define SECOND INT64_C(1000000000)

/* é as one letter, and as an e with its accent. */
static const char COMPOSED[] = "trial-\xc3\xa9", DECOMPOSED[] = "trial-e\xcc\x81";
static const char FILE_NAME[] = "trial", OTHER_CASE[] = "TRIAL", LINK_NAME[] = "trial-link";
static const char HARD_NAME[] = "trial-hard", FOLDER_NAME[] = "trial-folder";
/* What Windows takes off the end of a name, a letter that its names don't have, and letters that
 * others write otherwise, or not at all. */
static const char *const changed_names[] = {"trial-end.", "trial-end ", "trial-a:b",
                                            "trial-Case", COMPOSED,     DECOMPOSED};
enum { CHANGED_NAMES = sizeof changed_names / sizeof changed_names[0] };

typedef struct {
    cf_files *files;
    const cf_folder *folder;
    cf_disk_traits *traits;
    cf_error *error;
} trial;

/* A disk may refuse a name: it changes none into another. */
static bool is_refusal(const cf_error *error)
{
    return cf_error_is_unsupported(error) || error->number == EILSEQ || error->number == ENOENT;
}

static void remove_file(const trial *self, const char *name, cf_status *status)
{
    cf_error error;

    cf_status gone = self->files->unlink(self->files, self->folder, cf_bytes_of_text(name), &error);
    if (!*status && gone && !is_refusal(&error))
        *self->error = error, *status = gone;
}

static void remove_folder(const trial *self, cf_status *status)
{
    const cf_bytes name = cf_bytes_of_text(FOLDER_NAME);
    cf_folder *made = NULL;
    cf_error error;

    if (self->files->open_folder(self->files, self->folder, name, &made, &error) == CF_OK)
        self->files->unlink(self->files, made, cf_bytes_of_text(FILE_NAME), &error);
    self->files->close_folder(self->files, &made);
    cf_status gone = self->files->remove_folder(self->files, self->folder, name, &error);
    if (!*status && gone && !is_refusal(&error))
        *self->error = error, *status = gone;
}

static cf_status remove_trial(const trial *self)
{
    cf_status status = CF_OK;

    remove_folder(self, &status);
    remove_file(self, FILE_NAME, &status);
    remove_file(self, LINK_NAME, &status);
    remove_file(self, HARD_NAME, &status);
    for (size_t i = 0; i < CHANGED_NAMES; i++)
        remove_file(self, changed_names[i], &status);
    return status;
}

static cf_status make_file(const trial *self, const char *name)
{
    cf_file *file = NULL;

    cf_status status = self->files->create_file(self->files, self->folder, cf_bytes_of_text(name),
                                                0600, &file, self->error);
    self->files->close_file(self->files, &file);
    return status;
}

static cf_status stat_file(const trial *self, const char *name, cf_stat *out)
{
    return self->files->stat(self->files, self->folder, cf_bytes_of_text(name), out, self->error);
}

/* A disk that is full, fails or became read-only says nothing of what it keeps (EIO of set_mode:
 * the trial ends, and is made again; EPERM: no modes). A fault may come once. */
static bool is_answer(const trial *self, cf_status status)
{
    return status == CF_OK || cf_error_is_unsupported(self->error);
}

static cf_status keeps_mode(const trial *self, uint32_t mode, bool *keeps)
{
    cf_stat now = {0};
    cf_status set = CF_IO;

    for (int i = 0; i < ATTEMPTS && (i == 0 || !is_answer(self, set)); i++)
        set = self->files->set_mode(self->files, self->folder, cf_bytes_of_text(FILE_NAME), mode,
                                    self->error);
    if (!is_answer(self, set))
        return set;
    *keeps = set == CF_OK;
    cf_status status = set ? CF_OK : stat_file(self, FILE_NAME, &now);
    *keeps = *keeps && (now.mode & 0777) == mode;
    return status;
}

static cf_status try_modes(const trial *self)
{
    bool keeps = true;

    cf_status status = keeps_mode(self, 0610, &keeps);
    if (!status && keeps)
        status = keeps_mode(self, 0751, &keeps);
    self->traits->loses_modes = !keeps;
    return status;
}

/* Odd and even seconds, with all digits. */
static const int64_t times_set[TIMES] = {1000000001 * SECOND + 123456789,
                                         1000000002 * SECOND + 999999999,
                                         1000000003 * SECOND + 987654321};

/* The least of the steps that file systems have which explains what is there; 0: none does. */
static int64_t step_of(const int64_t shown[TIMES])
{
    static const int64_t steps[] = {1, 100, 1000, 1000000, 10000000, 100000000, SECOND, 2 * SECOND};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cf_disk_traits cutting = cf_disk_traits_untried;
        bool explains = true;

        cutting.time_step_ns = steps[i];
        for (size_t k = 0; k < TIMES; k++)
            explains &= shown[k] == cf_disk_time(&cutting, times_set[k]);
        if (explains)
            return steps[i];
    }
    return 0;
}

#define NOT_SET INT64_MIN

/* `*shown`: NOT_SET where the disk says that it doesn't set this one. */
static cf_status show_time(const trial *self, int64_t time_ns, int64_t *shown)
{
    cf_stat now = {0};
    cf_status set = CF_IO;

    for (int k = 0; k < ATTEMPTS && (k == 0 || !is_answer(self, set)); k++)
        set = self->files->set_mtime(self->files, self->folder, cf_bytes_of_text(FILE_NAME),
                                     time_ns, self->error);
    cf_status status = is_answer(self, set) ? stat_file(self, FILE_NAME, &now) : set;
    *shown = set ? NOT_SET : now.mtime_ns;
    return status;
}

/* `*end` is what is shown of two times so far away that no file has them, if that is one time, and
 * not the one that was set before. */
static cf_status try_end(const trial *self, int64_t far_ns, int64_t *end)
{
    int64_t shown[2];

    cf_status status = show_time(self, far_ns, &shown[0]);
    if (!status)
        status = show_time(self, far_ns / 9 * 8, &shown[1]);
    if (!status && shown[0] == shown[1] && shown[0] != NOT_SET &&
        (far_ns < 0 ? shown[0] < times_set[0] : shown[0] > times_set[TIMES - 1]))
        *end = shown[0];
    return status;
}

/* A daemon of FUSE shows what it was told until it is asked again after the next mount, and has no
 * name. Those of FAT and exFAT show whole seconds; of others that do so, nothing else follows. */
static cf_status suppose_fat(const trial *self)
{
    cf_disk_traits *traits = self->traits;
    cf_filesystem system;

    cf_status status = self->files->filesystem(self->files, self->folder, &system, self->error);
    if (status || !system.is_fuse || traits->time_step_ns < SECOND)
        return status;
    if (traits->earliest_ns < CF_DISK_FAT_FIRST_NS)
        traits->earliest_ns = CF_DISK_FAT_FIRST_NS;
    if (traits->latest_ns > CF_DISK_FAT_FIRST_NS + CF_DISK_FAT_SPAN_NS - SECOND)
        traits->latest_ns = CF_DISK_FAT_FIRST_NS + CF_DISK_FAT_SPAN_NS - SECOND;
    return CF_OK;
}

/* It gets a time that is no present one, and then loses a file: where it tells, it shows another.
 */
static cf_status lose_a_file(const trial *self, const cf_folder *made)
{
    const cf_bytes file_name = cf_bytes_of_text(FILE_NAME);
    cf_files *files = self->files;
    cf_file *file = NULL;
    cf_stat before, after;

    cf_status status = files->create_file(files, made, file_name, 0600, &file, self->error);
    files->close_file(files, &file);
    if (!status)
        status = files->set_mtime(files, self->folder, cf_bytes_of_text(FOLDER_NAME), times_set[0],
                                  self->error);
    if (!status)
        status = files->stat_folder(files, made, &before, self->error);
    if (!status)
        status = files->unlink(files, made, file_name, self->error);
    if (!status)
        status = files->stat_folder(files, made, &after, self->error);
    if (!status)
        self->traits->dates_folders = after.mtime_ns != before.mtime_ns;
    if (!status)
        self->traits->keeps_ctimes = before.ctime_ns != before.mtime_ns;
    return status;
}

/* Where this can't be tried, directories tell nothing. */
static cf_status try_folder(const trial *self)
{
    const cf_bytes name = cf_bytes_of_text(FOLDER_NAME);
    cf_folder *made = NULL;
    cf_filesystem system;

    cf_status status = self->files->filesystem(self->files, self->folder, &system, self->error);
    if (status || system.is_union)
        return status;
    status = self->files->make_folder(self->files, self->folder, name, 0700, self->error);
    if (!status)
        status = self->files->open_folder(self->files, self->folder, name, &made, self->error);
    if (!status)
        status = lose_a_file(self, made);
    self->files->close_folder(self->files, &made);
    return is_answer(self, status) ? CF_OK : status;
}

/* Some set the time of what is renamed, as everything is that comes from others. */
static cf_status try_rename(const trial *self, int64_t *shown)
{
    const cf_bytes from = cf_bytes_of_text(FILE_NAME), to = cf_bytes_of_text(HARD_NAME);
    cf_stat now;

    cf_status status =
        cf_files_place(self->files, self->folder, from, self->folder, to, self->error);
    if (status)
        return is_answer(self, status) ? CF_OK : status;
    status = cf_files_place(self->files, self->folder, to, self->folder, from, self->error);
    if (!status)
        status = stat_file(self, FILE_NAME, &now);
    if (!status && *shown != NOT_SET)
        *shown = now.mtime_ns;
    return status;
}

static cf_status try_times(const trial *self)
{
    cf_disk_traits *traits = self->traits;
    int64_t shown[TIMES] = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < TIMES; i++)
        status = show_time(self, times_set[i], &shown[i]);
    if (!status)
        status = try_rename(self, &shown[TIMES - 1]);
    if (status)
        return status;
    const int64_t step_ns = step_of(shown);
    traits->loses_times = step_ns == 0;
    traits->time_step_ns = step_ns ? step_ns : 1;
    if (traits->loses_times)
        return CF_OK;
    status = try_end(self, -9000000000 * SECOND, &traits->earliest_ns);
    if (!status)
        status = try_end(self, 9000000000 * SECOND, &traits->latest_ns);
    return status ? status : suppose_fat(self);
}

static cf_status try_symlinks(const trial *self)
{
    cf_status made = CF_IO;

    for (int i = 0; i < ATTEMPTS && (i == 0 || !is_answer(self, made)); i++)
        made = self->files->make_link(self->files, self->folder, cf_bytes_of_text(LINK_NAME),
                                      cf_bytes_of_text(FILE_NAME), self->error);
    self->traits->loses_symlinks = made != CF_OK;
    return is_answer(self, made) ? CF_OK : made;
}

static cf_status try_hardlinks(const trial *self)
{
    const cf_bytes from = cf_bytes_of_text(FILE_NAME), to = cf_bytes_of_text(HARD_NAME);
    cf_status made = CF_IO;

    for (int i = 0; i < ATTEMPTS && (i == 0 || !is_answer(self, made)); i++)
        made = self->files->link(self->files, self->folder, from, self->folder, to, self->error);
    self->traits->loses_hardlinks = made != CF_OK;
    return is_answer(self, made) || made == CF_UNSAFE ? CF_OK : made;
}

/* Nobody made that one. Inode numbers don't say that it is the same: many FUSE file systems have
 * one for each name. */
static cf_status look_for(const trial *self, const char *name, bool *is_there)
{
    cf_stat found;

    cf_status status = stat_file(self, name, &found);
    *is_there = status == CF_OK;
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status try_unicode(const trial *self)
{
    cf_error ignored;

    cf_status status = make_file(self, COMPOSED);
    if (status)
        return is_refusal(self->error) ? CF_OK : status;
    status = look_for(self, DECOMPOSED, &self->traits->folds_unicode);
    self->files->unlink(self->files, self->folder, cf_bytes_of_text(COMPOSED), &ignored);
    return status;
}

/* What is listed otherwise is found under its name as well, or under none that is known: then it
 * stays until the folder is emptied. */
static cf_status look_listed(cf_files *files, const cf_folder *folder, cf_bytes name,
                             bool *otherwise, cf_error *error)
{
    cf_spellings listed;
    cf_file *file = NULL;
    cf_error ignored;

    cf_status status = files->create_file(files, folder, name, 0600, &file, error);
    if (status)
        return status;
    files->close_file(files, &file);
    status = cf_spellings_list(files, folder, &listed, error);
    if (!status) {
        *otherwise = !cf_spellings_have(&listed, name);
        cf_spellings_release(&listed);
    }
    files->unlink(files, folder, name, &ignored);
    return status;
}

static cf_status try_names(const trial *self)
{
    cf_status status = CF_OK;
    bool otherwise = false;

    for (size_t i = 0; !status && !otherwise && i < CHANGED_NAMES; i++) {
        status = look_listed(self->files, self->folder, cf_bytes_of_text(changed_names[i]),
                             &otherwise, self->error);
        if (status && is_refusal(self->error)) {
            self->traits->refuses_names = true;
            status = CF_OK;
        }
    }
    self->traits->changes_names = otherwise;
    return status;
}

/* No letter of it is of another kind than in those that were tried. */
static bool is_plain(cf_bytes name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_. ";
    const uint8_t first = name.data[0], last = name.data[name.size - 1];

    for (size_t i = 0; i < name.size; i++)
        if (!strchr(plain, name.data[i]))
            return false;
    return first != ' ' && last != ' ' && last != '.';
}

bool cf_disk_changes_name(const cf_disk_traits *traits, cf_files *files, const cf_folder *temporary,
                          cf_bytes name)
{
    bool otherwise = false;
    cf_error ignored;

    return traits->changes_names && !is_plain(name) &&
           look_listed(files, temporary, name, &otherwise, &ignored) == CF_OK && otherwise;
}

/* Whether it can be made; CF_CHANGED: something has the name. */
static cf_status make_for_a_moment(cf_files *files, const cf_folder *folder, cf_bytes name,
                                   cf_error *error)
{
    cf_file *file = NULL;
    cf_error ignored;

    cf_status status = files->create_file(files, folder, name, 0600, &file, error);
    files->close_file(files, &file);
    if (!status)
        files->unlink(files, folder, name, &ignored);
    return status;
}

bool cf_disk_refuses_name(cf_files *files, const cf_folder *temporary, cf_bytes name,
                          const cf_error *error)
{
    cf_error again;

    if ((!is_refusal(error) && error->number != ENAMETOOLONG) ||
        !make_for_a_moment(files, temporary, name, &again) || again.number != error->number)
        return false;
    cf_status status = make_for_a_moment(files, temporary, cf_bytes_of_text(FILE_NAME), &again);
    return status == CF_OK || status == CF_CHANGED;
}

cf_status cf_disk_try(cf_files *files, const cf_folder *temporary, cf_disk_traits *out,
                      cf_error *error)
{
    cf_disk_traits traits = cf_disk_traits_untried;
    const trial self = {files, temporary, &traits, error};
    cf_error ignored;

    cf_status status = remove_trial(&self);
    if (!status)
        status = make_file(&self, FILE_NAME);
    if (!status)
        status = try_modes(&self);
    if (!status)
        status = try_times(&self);
    if (!status)
        status = try_folder(&self);
    if (!status)
        status = try_symlinks(&self);
    if (!status)
        status = try_hardlinks(&self);
    if (!status)
        status = look_for(&self, OTHER_CASE, &traits.folds_case);
    if (!status)
        status = try_unicode(&self);
    if (!status)
        status = try_names(&self);
    traits.knows_all = true;
    if (!status)
        *out = traits;
    const trial end = {files, temporary, &traits, &ignored};
    remove_trial(&end);
    return status;
}

bool cf_disk_takes_size(cf_files *files, const cf_folder *temporary, uint64_t size)
{
    const cf_bytes name = cf_bytes_of_text(FILE_NAME);
    cf_file *file = NULL;
    cf_error error, ignored;

    if (files->create_file(files, temporary, name, 0600, &file, &error))
        return true;
    const bool refused = files->truncate(files, file, size, &error) && error.number == EFBIG;
    files->close_file(files, &file);
    files->unlink(files, temporary, name, &ignored);
    return !refused;
}

bool cf_disk_explain_size(cf_files *files, const cf_folder *temporary, uint64_t size,
                          cf_disk_traits *traits, cf_error *error)
{
    if (error->number != EFBIG)
        return false;
    const bool refused = !cf_disk_takes_size(files, temporary, size);
    if (refused && (!traits->size_refused || size < traits->size_refused))
        traits->size_refused = size;
    cf_fail(error, CF_TOO_LARGE, "%s too large for this disk",
            refused ? "it is" : "what it is made from is");
    return refused;
}
