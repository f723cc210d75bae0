/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/folding_disk.h"

#include "codec/limits.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

typedef struct {
    const folding_files *of;
    cf_bytes wanted;
    char found[CF_NAME_MAX];
    cf_bytes name;
} lookup;

static cf_files *inner_of(cf_files *files)
{
    return ((folding_files *)files)->inner;
}

/* Both forms of the letter as one. */
static size_t compose(const folding_files *self, cf_bytes name, char out[CF_NAME_MAX])
{
    size_t size = 0;

    for (size_t i = 0; i < name.size && size + 2 <= CF_NAME_MAX; i++)
        if (self->folds_unicode && name.size - i >= 3 && !memcmp(name.data + i, "e\xcc\x81", 3)) {
            out[size++] = '\xc3', out[size++] = '\xa9';
            i += 2;
        } else {
            out[size++] = (char)name.data[i];
        }
    return size;
}

static bool are_one(const folding_files *self, cf_bytes a, cf_bytes b)
{
    char a_text[CF_NAME_MAX], b_text[CF_NAME_MAX];
    const size_t a_size = compose(self, a, a_text), b_size = compose(self, b, b_text);

    return a_size == b_size && (self->keeps_case ? memcmp(a_text, b_text, a_size) == 0
                                                 : strncasecmp(a_text, b_text, a_size) == 0);
}

static bool compare(void *context, cf_bytes name)
{
    lookup *self = context;

    if (!are_one(self->of, name, self->wanted))
        return true;
    memcpy(self->found, name.data, name.size);
    self->name = cf_bytes_of(self->found, name.size);
    return false;
}

static cf_bytes without_end(cf_files *files, cf_bytes name)
{
    const char *stripped = ((folding_files *)files)->stripped;

    while (stripped && name.size > 1 && strchr(stripped, name.data[name.size - 1]))
        name.size--;
    return name;
}

/* As it is spelled there; as it would be made where nothing is. */
static cf_bytes spelled(cf_files *files, const cf_folder *folder, cf_bytes name, lookup *room)
{
    cf_error ignored;

    name = without_end(files, name);
    *room = (lookup){.of = (folding_files *)files, .wanted = name};
    if (name.size <= CF_NAME_MAX)
        inner_of(files)->list(inner_of(files), folder, compare, room, &ignored);
    return room->name.size ? room->name : name;
}

/* CF_OK: not at all. */
static cf_status refuse(cf_files *files, cf_bytes name, cf_error *error)
{
    const folding_files *self = (folding_files *)files;
    bool refused = false;

    if (self->longest && name.size > self->longest)
        return cf_fail_errno(error, ENAMETOOLONG, "a name that is long");
    for (size_t i = 0; self->refused && i < name.size; i++)
        refused |= strchr(self->refused, name.data[i]) != NULL;
    return refused ? cf_fail_errno(error, self->refusal ? self->refusal : ENOENT,
                                   "a name that is refused")
                   : CF_OK;
}

/* A call on a name that is there. */
#define AT(name, parameters, arguments)                                                            \
    static cf_status name##_at parameters                                                          \
    {                                                                                              \
        lookup room;                                                                               \
                                                                                                   \
        name_ = spelled(files, folder, name_, &room);                                              \
        files = inner_of(files);                                                                   \
        return files->name arguments;                                                              \
    }

AT(stat, (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_stat *out, cf_error *error),
   (files, folder, name_, out, error))
AT(stat_now,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_stat *out, cf_error *error),
   (files, folder, name_, out, error))
AT(open_folder,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_folder **out, cf_error *error),
   (files, folder, name_, out, error))
AT(read_link,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_buffer *target, cf_error *error),
   (files, folder, name_, target, error))
AT(unlink, (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_error *error),
   (files, folder, name_, error))
AT(remove_folder, (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_error *error),
   (files, folder, name_, error))
AT(set_mode,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, uint32_t mode, cf_error *error),
   (files, folder, name_, mode, error))
AT(set_mtime,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, int64_t mtime_ns, cf_error *error),
   (files, folder, name_, mtime_ns, error))
AT(open_file,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_file **out, cf_error *error),
   (files, folder, name_, out, error))
AT(reopen_file,
   (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_file **out, cf_error *error),
   (files, folder, name_, out, error))

static bool readable_at(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    lookup room;

    name = spelled(files, folder, name, &room);
    files = inner_of(files);
    return files->readable(files, folder, name);
}

/* A call that makes something. */
#define MAKE(name, parameters, arguments)                                                          \
    static cf_status name##_at parameters                                                          \
    {                                                                                              \
        lookup room;                                                                               \
                                                                                                   \
        if (refuse(files, name_, error))                                                           \
            return error->status;                                                                  \
        name_ = spelled(files, folder, name_, &room);                                              \
        files = inner_of(files);                                                                   \
        return files->name arguments;                                                              \
    }

MAKE(make_folder,
     (cf_files * files, const cf_folder *folder, cf_bytes name_, uint32_t mode, cf_error *error),
     (files, folder, name_, mode, error))
MAKE(make_link,
     (cf_files * files, const cf_folder *folder, cf_bytes name_, cf_bytes target, cf_error *error),
     (files, folder, name_, target, error))
MAKE(create_file,
     (cf_files * files, const cf_folder *folder, cf_bytes name_, uint32_t mode, cf_file **out,
      cf_error *error),
     (files, folder, name_, mode, out, error))

static cf_status flagless(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                          const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files, (void)from_folder, (void)from, (void)to_folder, (void)to;
    return cf_fail(error, CF_UNSAFE, "it takes no flags and no links");
}

static bool is_one_file(cf_files *inner, const cf_folder *from_folder, cf_bytes from,
                        const cf_folder *to_folder, cf_bytes to)
{
    cf_stat a, b;
    cf_error ignored;

    return inner->stat(inner, from_folder, from, &a, &ignored) == CF_OK &&
           inner->stat(inner, to_folder, to, &b, &ignored) == CF_OK && cf_stat_same_file(&a, &b);
}

/* What stood there goes, and what comes has the spelling that was asked for. Of one thing with
 * itself nothing is done, as Linux has it. */
static cf_status replace_at(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                            const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    lookup from_room, to_room;
    cf_files *inner = inner_of(files);

    if (refuse(files, to, error))
        return error->status;
    from = spelled(files, from_folder, from, &from_room);
    const cf_bytes there = spelled(files, to_folder, to, &to_room);
    to = without_end(files, to);
    if (is_one_file(inner, from_folder, from, to_folder, there))
        return CF_OK;
    cf_status status = inner->replace(inner, from_folder, from, to_folder, there, error);
    if (!status && !cf_bytes_equal(there, to))
        status = inner->replace(inner, to_folder, there, to_folder, to, error);
    return status;
}

void folding_files_put(folding_files *self, cf_files *inner, const char *refused)
{
    *self = (folding_files){.base = *inner, .inner = inner, .refused = refused};
    cf_files *base = &self->base;
    base->stat = stat_at;
    base->stat_now = stat_now_at;
    base->open_folder = open_folder_at;
    base->open_below = NULL; /* each name has a spelling of its own */
    base->make_folder = make_folder_at;
    base->readable = readable_at;
    base->read_link = read_link_at;
    base->make_link = make_link_at;
    base->link = flagless;
    base->rename = flagless;
    base->exchange = flagless;
    base->replace = replace_at;
    base->unlink = unlink_at;
    base->remove_folder = remove_folder_at;
    base->set_mode = set_mode_at;
    base->set_mtime = set_mtime_at;
    base->open_file = open_file_at;
    base->create_file = create_file_at;
    base->reopen_file = reopen_file_at;
}
