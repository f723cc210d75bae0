/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_folder.h"

#include "tests/peer/small/small_inside.h"
#include "tests/support/remove_tree.h"
#include "tests/support/sum.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, NAMES_MAX = 4096, TARGET_MAX = 48, SHOWN_MAX = 40 };

/* ---- What is there ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_names(const char *path, char **names)
{
    size_t count = 0;
    DIR *folder = opendir(path);

    for (struct dirent *entry; folder && (entry = readdir(folder)) && count < NAMES_MAX;)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            strcmp(entry->d_name, ".counterfoil"))
            names[count++] = strdup(entry->d_name);
    if (folder)
        closedir(folder);
    if (count)
        qsort(names, count, sizeof *names, by_text);
    return count;
}

/* Room for one byte more than there is, so that its end is seen at once. */
static bool read_path(const char *path, cf_buffer *out)
{
    int file = open(path, O_RDONLY | O_NOFOLLOW);
    struct stat stat;
    ssize_t size;

    if (file < 0)
        return false;
    size_t room = fstat(file, &stat) == 0 ? (size_t)stat.st_size + 1 : 65536;
    while ((size = read(file, cf_buffer_reserve(out, room), room)) > 0) {
        out->size += (size_t)size;
        room = (size_t)size < room ? room - (size_t)size : 65536;
    }
    close(file);
    return size == 0;
}

static bool token_of(const char *path, const struct stat *stat, char token[64])
{
    char target[TARGET_MAX];
    cf_buffer bytes = {0};

    if (S_ISLNK(stat->st_mode)) {
        ssize_t size = readlink(path, target, sizeof target);

        snprintf(token, 64, "-> %.*s", (int)size, target);
        return true;
    }
    if (!S_ISREG(stat->st_mode) || !read_path(path, &bytes))
        return false;
    snprintf(token, 64, "%zu %016llx", bytes.size,
             (unsigned long long)sum_of_bytes(cf_buffer_view(&bytes)));
    cf_buffer_release(&bytes);
    return true;
}

static void add_line(const char *path, const char *inner, const struct stat *stat, cf_buffer *out)
{
    char token[64] = "can't be read";
    cf_buffer bytes = {0};

    token_of(path, stat, token);
    if (S_ISREG(stat->st_mode) && stat->st_size < SHOWN_MAX)
        read_path(path, &bytes);
    cf_buffer_append_text(out, "%s %o %s %.*s\n", inner, stat->st_mode & 0777, token,
                          (int)bytes.size, bytes.size ? (const char *)bytes.data : "");
    cf_buffer_release(&bytes);
}

static void list_tree(const char *root, const char *below, cf_buffer *out)
{
    char path[2 * PATH_SIZE], inner[PATH_SIZE], *names[NAMES_MAX];

    snprintf(path, sizeof path, "%s/%s", root, below);
    size_t count = list_names(path, names);
    for (size_t i = 0; i < count; i++) {
        struct stat stat;

        snprintf(inner, sizeof inner, "%s%s%s", below, *below ? "/" : "", names[i]);
        snprintf(path, sizeof path, "%s/%s", root, inner);
        if (lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode)) {
            cf_buffer_append_text(out, "%s/ %o\n", inner, stat.st_mode & 0777);
            list_tree(root, inner, out);
        } else {
            add_line(path, inner, &stat, out);
        }
        free(names[i]);
    }
}

void small_device_tree(const small_device *self, cf_buffer *out)
{
    list_tree(self->folder, "", out);
}

bool small_world_equal(small_world *self, cf_buffer *difference)
{
    return small_world_alike(self, small_device_tree, difference);
}

/* ---- Users ---- */

typedef struct {
    char text[PATH_SIZE];
} place;

static place at(const small_device *self, const char *path)
{
    place out;

    snprintf(out.text, sizeof out.text, "%s/%s", self->folder, path);
    return out;
}

bool small_device_token(const small_device *self, const char *path, char token[64])
{
    place here = at(self, path);
    struct stat stat;

    return lstat(here.text, &stat) == 0 && token_of(here.text, &stat, token);
}

static bool write_file(const char *path, int flags, cf_bytes bytes)
{
    int file = open(path, O_WRONLY | O_NOFOLLOW | O_CREAT | flags, 0644);
    bool good = file >= 0;

    for (size_t done = 0; good && done < bytes.size;) {
        ssize_t written = write(file, bytes.data + done, bytes.size - done);

        good = written > 0;
        done += good ? (size_t)written : 0;
    }
    if (file >= 0)
        close(file);
    return good;
}

static bool is_folder(const char *path)
{
    struct stat stat;

    return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
}

bool user_saves(small_device *self, const char *path, cf_bytes bytes, save_way how)
{
    place here = at(self, path), beside = here;

    if (how == SAVE_IN_PLACE)
        return write_file(here.text, O_TRUNC, bytes);
    if (is_folder(here.text))
        return false;
    strcat(beside.text, how == SAVE_BY_RENAME ? ".new" : "~");
    if (how == SAVE_BY_RENAME)
        return write_file(beside.text, O_TRUNC, bytes) && rename(beside.text, here.text) == 0;
    rename(here.text, beside.text);
    return write_file(here.text, O_EXCL, bytes);
}

cf_buffer small_world_noise(small_world *in, size_t size)
{
    cf_buffer bytes = {0};
    uint8_t *at = cf_buffer_reserve(&bytes, size);

    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        const uint64_t eight = chance_next(&in->chance);

        memcpy(at + i, &eight, size - i < sizeof eight ? size - i : sizeof eight);
    }
    bytes.size = size;
    return bytes;
}

void user_writes(small_device *self, const char *path, const void *bytes, size_t size)
{
    user_saves(self, path, cf_bytes_of(bytes, size), SAVE_IN_PLACE);
}

void user_writes_text(small_device *self, const char *path, const char *text)
{
    user_saves(self, path, cf_bytes_of_text(text), SAVE_IN_PLACE);
}

bool user_writes_sparse(small_device *self, const char *path, uint64_t size, cf_bytes end)
{
    place here = at(self, path);
    int file = open(here.text, O_WRONLY | O_NOFOLLOW | O_CREAT | O_TRUNC, 0644);

    if (file < 0)
        return false;
    bool good = pwrite(file, end.data, end.size, (off_t)(size - end.size)) == (ssize_t)end.size;
    close(file);
    return good;
}

void user_makes(small_device *self, const char *path)
{
    mkdir(at(self, path).text, 0755);
}

bool user_points(small_device *self, const char *path, const char *target)
{
    return symlink(target, at(self, path).text) == 0;
}

bool user_moves(small_device *self, const char *from, const char *to)
{
    return rename(at(self, from).text, at(self, to).text) == 0;
}

bool user_swaps(small_device *self, const char *a, const char *b)
{
    place here = at(self, a), there = at(self, b);

    return renameat2(AT_FDCWD, here.text, AT_FDCWD, there.text, RENAME_EXCHANGE) == 0;
}

bool user_links(small_device *self, const char *from, const char *to)
{
    return link(at(self, from).text, at(self, to).text) == 0;
}

void user_changes_mode(small_device *self, const char *path, unsigned mode)
{
    place here = at(self, path);
    struct stat stat;

    if (lstat(here.text, &stat) == 0 && !S_ISLNK(stat.st_mode))
        chmod(here.text, mode);
}

void user_stamps(small_device *self, const char *path, uint64_t seconds)
{
    struct timespec times[2] = {{(time_t)seconds, 0}, {(time_t)seconds, 0}};

    utimensat(AT_FDCWD, at(self, path).text, times, AT_SYMLINK_NOFOLLOW);
}

void folder_remove(const char *path)
{
    remove_tree(path);
}

void user_removes(small_device *self, const char *path)
{
    folder_remove(at(self, path).text);
}

bool user_reads(const small_device *self, const char *path, cf_buffer *out)
{
    return read_path(at(self, path).text, out);
}

bool user_reads_as(const small_device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};

    bool same = user_reads(self, path, &bytes) &&
                cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text));
    cf_buffer_release(&bytes);
    return same;
}

small_device folder_beside(small_device *self, const char *pattern)
{
    small_device beside = {.in = self->in, .number = self->number};

    snprintf(beside.folder, sizeof beside.folder, "%.100s-beside", self->folder);
    if (mkdir(beside.folder, 0755))
        abort();
    small_device_take_folder(self, &(cf_binding_options){.number = FOLDER_BESIDE,
                                                         .collection = self->in->collection,
                                                         .path = beside.folder,
                                                         .include = &pattern,
                                                         .include_count = pattern != NULL});
    return beside;
}

bool small_device_has_line(const small_device *self, const char *line)
{
    cf_buffer tree = {0};

    small_device_tree(self, &tree);
    bool found = memmem(tree.data, tree.size, line, strlen(line));
    cf_buffer_release(&tree);
    return found;
}

void user_makes_pipes(const small_device *self, const char *letters, int count)
{
    char name[32];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s%d", letters, i);
        if (mkfifo(at(self, name).text, 0600))
            abort();
    }
}

void insert_in_front(cf_buffer *bytes)
{
    cf_buffer_append(bytes, "", 1);
    memmove(bytes->data + 1, bytes->data, bytes->size - 1);
    bytes->data[0] = 'x';
}
