/* SPDX-License-Identifier: Apache-2.0 */
/* The way along a path, as users and open_root go it: through links. */
#include "tests/worlds/disk_inside.h"

#include <string.h>

enum { LINKS_MAX = 40, TARGET_ROOM = 4096 };

typedef struct {
    const disk *on;
    int links; /* followed so far */
} walk;

static int go(walk *self, disk_node **at, cf_bytes path, bool follow);

static int follow_link(walk *self, disk_node **at, const disk_node *link)
{
    uint8_t target[TARGET_ROOM];

    if (++self->links > LINKS_MAX)
        return ELOOP;
    size_t size = disk_content_read(&link->now.content, 0, target, sizeof target);
    return go(self, at, cf_bytes_of(target, size), true);
}

/* `*at` becomes what `name` is in it. */
static int step_to(walk *self, disk_node **at, cf_bytes name, bool follow)
{
    disk_node *next;

    if (name.size == 0 || cf_bytes_equal(name, cf_bytes_of_text(".")))
        return 0;
    if (cf_bytes_equal(name, cf_bytes_of_text(".."))) {
        *at = (*at)->parent ? (*at)->parent : *at;
        return 0;
    }
    int number = disk_find(self->on, (disk_place){*at, name}, &next);
    if (number)
        return number;
    if (next->kind == CF_FILE_LINK && follow)
        return follow_link(self, at, next);
    *at = next;
    return 0;
}

static int go(walk *self, disk_node **at, cf_bytes path, bool follow)
{
    int number = 0;

    if (path.size && path.data[0] == '/')
        *at = self->on->root;
    while (number == 0 && path.size) {
        const uint8_t *slash = memchr(path.data, '/', path.size);
        size_t size = slash ? (size_t)(slash - path.data) : path.size;
        size_t passed = slash ? size + 1 : size;

        number = step_to(self, at, cf_bytes_of(path.data, size), follow || passed < path.size);
        path = cf_bytes_of(path.data + passed, path.size - passed);
    }
    return number;
}

int disk_resolve(const disk *self, const char *path, bool follow, disk_node **out)
{
    walk way = {.on = self};

    *out = self->root;
    return go(&way, out, cf_bytes_of_text(path), follow);
}

int disk_locate(const disk *self, const char *path, disk_place *out)
{
    walk way = {.on = self};
    const char *slash = strrchr(path, '/');
    size_t above = slash ? (size_t)(slash - path) : 0;

    out->folder = self->root;
    out->name = cf_bytes_of_text(slash ? slash + 1 : path);
    if (!cf_name_valid(out->name))
        return EINVAL;
    int number = go(&way, &out->folder, cf_bytes_of(path, above), true);
    if (number == 0 && out->folder->kind != CF_FILE_FOLDER)
        number = ENOTDIR;
    return number;
}
