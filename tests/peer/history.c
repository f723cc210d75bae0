/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/history.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 6, SMALL_MAX = 3000, LARGE_MIN = 70000, LARGE_MAX = 400000 };

static const char *const names[NAMES] = {"a", "b.txt", "d", "d/a", "d/e", "d/e/c"};

/* ---- What is owed to users ---- */

static void let_go_token(history *self, const char *token)
{
    for (int i = 0; i < self->count; i++)
        if (strcmp(self->all[i].token, token) == 0)
            self->all[i].may_go = true;
}

static void let_go(history *self, const device *who, const char *path)
{
    char token[64];

    if (device_token(who, path, token))
        let_go_token(self, token);
}

static void let_go_line(history *self, cf_bytes line)
{
    for (int i = 0; i < self->count; i++)
        if (memmem(line.data, line.size, self->all[i].token, strlen(self->all[i].token)))
            self->all[i].may_go = true;
}

/* A line of a tree begins with a path, and a slash or a space. */
static void let_go_below(history *self, const device *who, const char *path)
{
    cf_buffer tree = {0};
    size_t length = strlen(path);

    device_tree(who, &tree);
    cf_buffer_append(&tree, "", 1);
    for (char *line = (char *)tree.data, *end; (end = strchr(line, '\n')); line = end + 1)
        if (strncmp(line, path, length) == 0 && (line[length] == '/' || line[length] == ' '))
            let_go_line(self, cf_bytes_of(line, (size_t)(end - line)));
    cf_buffer_release(&tree);
}

/* What stands there now has to be somewhere at the end. */
static void keep(history *self, const device *who, const char *path)
{
    written *one = &self->all[self->count];

    if (self->count < WRITTEN_MAX && device_token(who, path, one->token)) {
        one->may_go = false;
        self->count++;
    }
}

/* ---- Acts ---- */

static device *someone(history *self)
{
    return &self->in->devices[world_random(self->in, (uint64_t)self->in->count)];
}

static const char *a_name(history *self)
{
    return names[world_random(self->in, NAMES)];
}

static void fill(history *self, cf_buffer *out, size_t size)
{
    uint64_t seed = world_random(self->in, UINT64_MAX);
    bool text = seed % 2;

    cf_buffer_clear(out);
    uint8_t *bytes = cf_buffer_reserve(out, size);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = text ? (uint8_t)('a' + (seed >> 60)) : (uint8_t)(seed >> 56);
    }
    out->size = size;
}

/* What a user makes of what is there: something new, or an edit. Every size is another one, so that
 * no two saves of one moment look the same to a stat. */
static void compose(history *self, const device *who, const char *path, cf_buffer *out)
{
    world *in = self->in;
    size_t size = 1 + world_random(in, SMALL_MAX);

    if (user_reads(who, path, out) && out->size && world_random(in, 4)) {
        size_t at = world_random(in, out->size), length = 1 + world_random(in, 200);
        cf_buffer piece = {0};

        fill(self, &piece, length);
        cf_buffer_append(out, piece.data, piece.size);
        memcpy(out->data + at, piece.data, length < out->size - at ? length : out->size - at);
        cf_buffer_release(&piece);
        return;
    }
    if (self->large && world_random(in, 2))
        size = LARGE_MIN + world_random(in, LARGE_MAX);
    fill(self, out, size);
}

static void write_new(history *self, device *who, const char *path)
{
    save_way how = (save_way)world_random(self->in, SAVE_WAYS);
    cf_buffer bytes = {0};
    char before[64] = "";

    compose(self, who, path, &bytes);
    bool had = device_token(who, path, before);
    if (how == SAVE_WITH_BACKUP) {
        char backup[64];

        snprintf(backup, sizeof backup, "%s~", path);
        let_go(self, who, backup);
    }
    if (user_saves(who, path, cf_buffer_view(&bytes), how)) {
        if (had)
            let_go_token(self, before);
        keep(self, who, path);
    }
    cf_buffer_release(&bytes);
}

static void write_sparse(history *self, device *who, const char *path)
{
    cf_buffer end = {0};

    fill(self, &end, 1 + world_random(self->in, 100));
    let_go(self, who, path);
    if (user_writes_sparse(who, path, 200000 + world_random(self->in, 2000000),
                           cf_buffer_view(&end)))
        keep(self, who, path);
    cf_buffer_release(&end);
}

static void write_twins(history *self)
{
    const char *path = a_name(self);
    cf_buffer bytes = {0};

    fill(self, &bytes, self->large ? LARGE_MIN : 100);
    for (int i = 0; i < self->in->count; i++) {
        device *who = &self->in->devices[i];

        let_go(self, who, path);
        if (user_saves(who, path, cf_buffer_view(&bytes), SAVE_IN_PLACE))
            keep(self, who, path);
    }
    cf_buffer_release(&bytes);
}

static void point(history *self, device *who, const char *path)
{
    char target[32];

    snprintf(target, sizeof target, "target %llu",
             (unsigned long long)world_random(self->in, 1000000));
    let_go_below(self, who, path);
    user_removes(who, path);
    if (user_points(who, path, target))
        keep(self, who, path);
}

/* Everything at a place makes room for a thing of another kind. */
static void replace_kind(history *self, device *who, const char *path)
{
    let_go_below(self, who, path);
    user_removes(who, path);
    if (world_random(self->in, 2))
        user_makes(who, path);
    else
        write_new(self, who, path);
}

static void crash_in_sync(history *self, device *who)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    device_round(who, &options, 1 + (unsigned)world_random(self->in, 60));
    device_crash(who);
}

static void fail_in_sync(history *self, device *who)
{
    world *in = self->in;

    who->faults.reads = world_random(in, 2);
    who->faults.at = who->faults.calls + 1 + world_random(in, who->faults.reads ? 120 : 30);
    who->faults.once = world_random(in, 2);
    who->faults.moves = !world_random(in, 4);
    who->faults.status = world_random(in, 2) ? CF_IO : CF_FULL;
    device_sync(who);
    if (!who->faults.once || world_random(in, 2))
        device_crash(who);
    who->faults = (disk_faults){.calls = who->faults.calls};
}

static void save_meanwhile(void *context)
{
    history *self = context;

    switch (world_random(self->in, 4)) {
    case 0:
        let_go_below(self, self->who, "d");
        user_removes(self->who, "d");
        break;
    case 1:
        user_moves(self->who, "a", "d/a2");
        break;
    default:
        write_new(self, self->who, a_name(self));
    }
    if (world_random(self->in, 3))
        return;
    /* And nothing returns to its place any more. */
    self->who->faults.at = 1;
    self->who->faults.moves = true;
    self->who->faults.status = CF_FULL;
}

static void work_in_sync(history *self, device *who)
{
    self->who = who;
    who->faults.reads = true;
    who->faults.meanwhile = save_meanwhile;
    who->faults.context = self;
    who->faults.at = who->faults.calls + 1 + world_random(self->in, 150);
    device_sync(who);
    if (!world_random(self->in, 4))
        device_crash(who);
    who->faults = (disk_faults){.calls = who->faults.calls};
}

typedef enum {
    WRITE,
    WRITE_TOO,
    SPARSE,
    TWINS,
    MAKE,
    REMOVE,
    MOVE,
    SWAP,
    POINT,
    LINK,
    MODE,
    STAMP,
    REPLACE_KIND,
    SYNC,
    SYNC_TOO,
    SYNC_MORE,
    CRASH,
    CRASH_IN_SYNC,
    FAIL_IN_SYNC,
    WORK_IN_SYNC,
    BROKER_CRASH,
    NETWORK,
    ACTS,
} act_kind;

static void change_disk(history *self, act_kind kind, device *who, const char *path)
{
    const char *to = a_name(self);
    char token[64];

    switch (kind) {
    case MAKE:
        user_makes(who, path);
        break;
    case REMOVE:
        let_go_below(self, who, path);
        user_removes(who, path);
        break;
    case MOVE:
        if (device_token(who, to, token) && strcmp(path, to) && user_moves(who, path, to))
            let_go_token(self, token);
        else
            user_moves(who, path, to);
        break;
    case SWAP:
        user_swaps(who, path, to);
        break;
    case LINK:
        user_links(who, path, to);
        break;
    case MODE:
        user_changes_mode(who, path, world_random(self->in, 2) ? 0755 : 0700);
        break;
    default:
        user_stamps(who, path, 1000000000 + world_random(self->in, 100000000));
    }
}

static const char *const act_names[ACTS] = {
    "write",        "write",        "sparse",       "twins",   "make",  "remove",
    "move",         "swap",         "point",        "link",    "mode",  "stamp",
    "replace kind", "sync",         "sync",         "sync",    "crash", "crash in sync",
    "fail in sync", "work in sync", "broker crash", "network",
};

static void trace(const device *who)
{
    cf_buffer tree = {0};

    device_tree(who, &tree);
    printf("%.*s", (int)tree.size, (const char *)tree.data);
    cf_buffer_release(&tree);
}

static void perform(history *self, device *who, act_kind kind, const char *path)
{
    switch (kind) {
    case WRITE:
    case WRITE_TOO:
        write_new(self, who, path);
        break;
    case SPARSE:
        if (self->large)
            write_sparse(self, who, path);
        break;
    case TWINS:
        write_twins(self);
        break;
    case POINT:
        point(self, who, path);
        break;
    case REPLACE_KIND:
        replace_kind(self, who, path);
        break;
    case SYNC:
    case SYNC_TOO:
    case SYNC_MORE:
        device_sync(who);
        break;
    case CRASH:
        device_crash(who);
        break;
    case CRASH_IN_SYNC:
        crash_in_sync(self, who);
        break;
    case FAIL_IN_SYNC:
        fail_in_sync(self, who);
        break;
    case WORK_IN_SYNC:
        work_in_sync(self, who);
        break;
    case BROKER_CRASH:
        broker_crash(self->in);
        break;
    case NETWORK:
        who->offline = !who->offline;
        break;
    default:
        change_disk(self, kind, who, path);
    }
}

void history_act(history *self)
{
    device *who = someone(self);
    const char *path = a_name(self);
    act_kind kind = (act_kind)world_random(self->in, ACTS);

    if (self->trace)
        printf("- device %d: %s %s\n", who->number, act_names[kind], path);
    perform(self, who, kind, path);
    if (self->trace)
        trace(who);
}
