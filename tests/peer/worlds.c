/* SPDX-License-Identifier: Apache-2.0 */
/* Random worlds: devices that work apart, over connections that break, with crashes of devices and
 * of the broker; then everybody syncs. All folders must be equal then, stay as they are, and hold
 * every content that nobody who saw it replaced or deleted.
 *
 *     worlds [FIRST-SEED [COUNT]]     WORLD_LOUD=1 tells what the devices report
 */
#include "tests/peer/history.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_somewhere(const cf_buffer *tree, const char *token)
{
    return memmem(tree->data, tree->size, token, strlen(token)) != NULL;
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

/* Looking again finds nothing to say: what was put there by us is not taken for a user's work. */
static bool stays_quiet(history *self)
{
    uint64_t entries = world_entries(self->in);

    for (int i = 0; i < 2 * self->in->count; i++) {
        device_crash(&self->in->devices[i % self->in->count]);
        device_sync(&self->in->devices[i % self->in->count]);
    }
    return world_entries(self->in) == entries;
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
    for (int i = 0; i < self->count && good; i++)
        if (!self->all[i].may_go && !is_somewhere(&tree, self->all[i].token)) {
            printf("lost: %s\n%.*s", self->all[i].token, (int)tree.size, (const char *)tree.data);
            good = false;
        }
    if (good && !stays_quiet(self)) {
        printf("is not quiet\n");
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
    self.large = seed % 4 == 0;
    for (uint64_t i = 0; i < acts; i++)
        history_act(&self);
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
