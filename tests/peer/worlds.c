/* SPDX-License-Identifier: Apache-2.0 */
/* Random worlds: devices that work apart, over connections that break, with crashes of devices and
 * of the broker; then everybody syncs. All folders must be equal then, stay as they are, and hold
 * every content that nobody who saw it replaced or deleted.
 *
 *     worlds [FIRST-SEED [COUNT]]     WORLD_LOUD=1 tells what the devices report
 */
#include "tests/peer/small_world.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 6, WRITTEN_MAX = 512 };

static const char *const names[NAMES] = {"a", "b.txt", "d", "d/a", "d/e", "d/e/c"};

/* What was written, and may be missing at the end: it was edited or deleted by someone. */
typedef struct {
    char text[32];
    bool may_go;
} written;

typedef struct {
    world *in;
    written all[WRITTEN_MAX];
    int count;
    bool trace;
} history;

static void let_go(history *self, const device *who, const char *path)
{
    cf_buffer bytes = {0};

    if (user_reads(who, path, &bytes))
        for (int i = 0; i < self->count; i++)
            if (cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(self->all[i].text)))
                self->all[i].may_go = true;
    cf_buffer_release(&bytes);
}

static void let_go_below(history *self, const device *who, const char *path)
{
    let_go(self, who, path);
    for (int i = 0; i < NAMES; i++)
        if (strncmp(names[i], path, strlen(path)) == 0 && names[i][strlen(path)] == '/')
            let_go(self, who, names[i]);
}

static void write_new(history *self, device *who, const char *path)
{
    written *one = &self->all[self->count % WRITTEN_MAX];

    snprintf(one->text, sizeof one->text, "content %d", self->count++);
    one->may_go = false;
    let_go(self, who, path);
    user_writes_text(who, path, one->text);
    cf_buffer bytes = {0};
    if (!user_reads(who, path, &bytes) ||
        !cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(one->text)))
        one->may_go = true; /* a directory stands there, or there is none for it */
    cf_buffer_release(&bytes);
}

static void act(history *self)
{
    world *in = self->in;
    device *who = &in->devices[world_random(in, (uint64_t)in->count)];
    const char *path = names[world_random(in, NAMES)], *to = names[world_random(in, NAMES)];
    uint64_t kind = world_random(in, 12);

    if (self->trace)
        printf("  device %d: act %d %s %s\n", who->number, (int)kind, path, to);
    switch (kind) {
    case 0:
    case 1:
    case 2:
        write_new(self, who, path);
        break;
    case 3:
        user_makes(who, path);
        break;
    case 4:
        let_go_below(self, who, path);
        user_removes(who, path);
        break;
    case 5:
        let_go_below(self, who, to);
        user_moves(who, path, to);
        break;
    case 6:
    case 7:
    case 8:
        device_sync(who);
        break;
    case 9:
        device_crash(who);
        break;
    case 10:
        broker_crash(in);
        break;
    default:
        who->offline = !who->offline;
    }
}

static bool is_somewhere(const cf_buffer *tree, const char *text)
{
    size_t size = strlen(text);
    char line[64];

    snprintf(line, sizeof line, " %s\n", text);
    return memmem(tree->data, tree->size, line, size + 2) != NULL;
}

static bool print_head(void *context, const cf_head *head)
{
    char text[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(head->hash.bytes, 6), text);
    printf("    %s %02x%02x %llu %s\n", (const char *)context, head->writer.bytes[0],
           head->writer.bytes[1], (unsigned long long)head->sequence, text);
    return true;
}

static void print_pending(world *in)
{
    cf_error error;

    in->store->heads(in->store, cf_peer_user(cf_engine_peer(in->devices[0].engine)), print_head,
                     "broker", &error);
    for (int i = 0; i < in->count; i++) {
        cf_arena arena = {0};
        cf_binding_status status;

        cf_engine_status(in->devices[i].engine, cf_engine_binding_at(in->devices[i].engine, 0),
                         &arena, &status);
        printf("device %d: trouble %d %s\n", i, (int)status.trouble, status.trouble_text);
        cf_store *store = cf_home_store(in->devices[i].home);
        store->heads(store, cf_peer_user(cf_engine_peer(in->devices[i].engine)), print_head,
                     "device", &error);
        for (size_t k = 0; k < status.pending_count; k++)
            printf("  %.*s: %s\n", (int)status.pending[k].path.size,
                   (const char *)status.pending[k].path.data, status.pending[k].reason);
        cf_arena_release(&arena);
    }
}

static bool check(history *self)
{
    cf_buffer difference = {0}, tree = {0};
    bool good = world_settle(self->in);

    if (!good)
        printf("does not come to rest\n");
    if (good && !world_equal(self->in, &difference)) {
        printf("not equal:\n%.*s", (int)difference.size, (const char *)difference.data);
        good = false;
    }
    device_tree(&self->in->devices[0], &tree);
    for (int i = 0; i < self->count && i < WRITTEN_MAX && good; i++)
        if (!self->all[i].may_go && !is_somewhere(&tree, self->all[i].text)) {
            printf("lost: %s\n%.*s", self->all[i].text, (int)tree.size, (const char *)tree.data);
            good = false;
        }
    if (!good)
        print_pending(self->in);
    cf_buffer_release(&difference);
    cf_buffer_release(&tree);
    return good;
}

static bool run(uint64_t seed, bool trace)
{
    history self = {.in = world_new(seed, 2 + (int)(seed % 2)), .trace = trace};
    uint64_t acts = 5 + world_random(self.in, 40);

    self.in->loss = seed % 3 == 0 ? 30 : 0;
    for (uint64_t i = 0; i < acts; i++)
        act(&self);
    bool good = check(&self);
    world_destroy(&self.in);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
             count = argc > 2 ? strtoull(argv[2], NULL, 10) : 40;
    uint64_t bad = 0;

    for (uint64_t i = 0; i < count; i++)
        if (!run(seed + i, count == 1)) {
            printf("seed %llu failed: worlds %llu 1\n", (unsigned long long)(seed + i),
                   (unsigned long long)(seed + i));
            fflush(stdout);
            bad++;
        }
    printf("%llu worlds, %llu failed\n", (unsigned long long)count, (unsigned long long)bad);
    return bad != 0;
}
