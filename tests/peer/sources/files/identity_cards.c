/* SPDX-License-Identifier: Apache-2.0 */
/* Cards at a folder below the source's root, one after the other: which one lies there, and so
 * whether what is missing was deleted. "NAME SIZE TIME, ...", a directory as "NAME/". */
#include "peer/sources/files/files_identity.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

enum { MAX = 64 };
static const int64_t SECOND_NS = 1000000000;

typedef struct {
    cf_identity_node nodes[MAX]; /* the first one is where cards are put */
    size_t count;
    char names[4 * MAX][16];
    size_t name_count;
    uint64_t card;     /* that was found at the last look */
    size_t away, gone; /* in it, of those of the base */
    int64_t birth_ns;  /* of the card's root */
    uint64_t device;   /* the same */
    bool is_part;      /* of the source is listed */
} reader_of_cards;

static cf_bytes keep_name(reader_of_cards *self, const char *name)
{
    char *kept = self->names[self->name_count++ % (4 * MAX)];

    snprintf(kept, sizeof self->names[0], "%s", name);
    return cf_bytes_of_text(kept);
}

static cf_stat root_of(const reader_of_cards *self)
{
    return (cf_stat){.kind = CF_FILE_FOLDER,
                     .device = self->device,
                     .inode = 2,
                     .birth_ns = self->birth_ns,
                     .is_mount = true};
}

static reader_of_cards begin(void)
{
    reader_of_cards self = {.count = 1, .device = 7};

    self.nodes[0] = (cf_identity_node){.number = 1,
                                       .name = cf_bytes_of_text("card"),
                                       .kind = 'd',
                                       .stat = {.device = 1, .inode = 50, .birth_ns = 1}};
    return self;
}

static size_t read_card(reader_of_cards *self, const char *text, cf_listed *entries)
{
    size_t count = 0;

    while (*text) {
        char name[16], line[64];
        int size = 0, time = 0;
        const size_t length = strcspn(text, ",");

        snprintf(line, sizeof line, "%.*s", (int)length, text);
        cr_assert_geq(sscanf(line, " %15s %d %d", name, &size, &time), 1);
        const bool is_directory = name[strlen(name) - 1] == '/';
        name[strcspn(name, "/")] = '\0';
        entries[count] = (cf_listed){
            .name = keep_name(self, name),
            .folder = 1,
            .kind = is_directory ? 'd' : 'f',
            .readable = true,
            .stat = {.kind = is_directory ? CF_FILE_FOLDER : CF_FILE_REGULAR,
                     .device = self->device,
                     .inode = (uint64_t)name[0],
                     .size = (uint64_t)size,
                     .mtime_ns = time * SECOND_NS},
        };
        count++;
        text += length + (text[length] == ',');
    }
    return count;
}

/* The base has what was found; what is away stays, and what is gone goes. */
static void keep_as_base(reader_of_cards *self, const cf_listed *entries, size_t count,
                         const cf_identity *identity)
{
    cf_identity_node nodes[MAX];
    size_t kept = 0;
    uint64_t last = 1;

    nodes[kept] = self->nodes[0];
    nodes[kept].stat = entries[0].stat;
    nodes[kept++].disk = identity->disks[0];
    for (size_t i = 1; i < self->count; i++) {
        bool there = false, gone = false, away = false;

        last = self->nodes[i].number > last ? self->nodes[i].number : last;
        for (size_t e = 1; e < count; e++)
            there |= identity->tokens[e].how != CF_TOKEN_NEW &&
                     identity->tokens[e].node == self->nodes[i].number;
        for (size_t g = 0; g < identity->gone_count; g++)
            gone |= identity->gone[g] == self->nodes[i].number;
        for (size_t a = 0; a < identity->away_count; a++)
            away |= identity->away[a].number == self->nodes[i].number;
        if (!there && (away || !gone))
            nodes[kept++] = self->nodes[i];
    }
    for (size_t e = 1; e < count; e++) {
        const bool is_new = identity->tokens[e].how == CF_TOKEN_NEW;

        nodes[kept++] = (cf_identity_node){.number = is_new ? ++last : identity->tokens[e].node,
                                           .parent = 1,
                                           .name = entries[e].name,
                                           .kind = entries[e].kind,
                                           .stat = entries[e].stat,
                                           .disk = identity->disks[e]};
    }
    memcpy(self->nodes, nodes, sizeof nodes);
    self->count = kept;
}

/* NULL: nothing is mounted there. */
static void look(reader_of_cards *self, const char *card)
{
    static const cf_hash unread;
    const cf_hash *hashes[MAX];
    cf_listed entries[MAX] = {{.name = cf_bytes_of_text("card"), .kind = 'd', .readable = true}};
    cf_arena arena = {0};
    cf_identity identity;

    entries[0].stat = card ? root_of(self) : (cf_stat){.device = 1, .inode = 50, .birth_ns = 1};
    const size_t count = 1 + (card ? read_card(self, card, entries + 1) : 0);
    for (size_t e = 0; e < count; e++)
        hashes[e] = &unread;
    cf_listed_folder folders[MAX] = {
        {.entry = CF_LISTED_START, .complete = true, .count = 1},
        {.entry = 0, .complete = true, .first = 1, .count = count - 1, .stat = entries[0].stat}};
    size_t folder_count = 2;
    for (size_t e = 1; e < count; e++)
        if (entries[e].kind == 'd')
            folders[folder_count++] = (cf_listed_folder){
                .entry = e, .complete = true, .first = count, .stat = entries[e].stat};
    cf_listing listing = {
        .entries = entries, .entry_count = count, .folders = folders, .folder_count = folder_count};
    cf_identity_input input = {.nodes = self->nodes,
                               .node_count = self->count,
                               .listing = &listing,
                               .hashes = hashes,
                               .is_everything = !self->is_part};
    cf_identity_decide(&input, &arena, &identity);
    cr_assert(identity.hash_wanted_count == 0);
    cr_assert(identity.list_wanted_count == 0);
    self->card = identity.disks[0];
    self->away = identity.away_count;
    self->gone = identity.gone_count - identity.away_count;
    keep_as_base(self, entries, count, &identity);
    cf_arena_release(&arena);
}

#define expect(self, is_gone, is_away)                                                             \
    do {                                                                                           \
        cr_expect_eq((self)->gone, (size_t)(is_gone), "%zu gone", (self)->gone);                   \
        cr_expect_eq((self)->away, (size_t)(is_away), "%zu away", (self)->away);                   \
    } while (0)

static const char ONE[] = "a 1 1, b 2 2, c 3 3, d 4 4, e 5 5";
static const char OTHER[] = "x 1 1, y 2 2, z 3 3";

static void expect_in_turn(int64_t birth_ns)
{
    reader_of_cards self = begin();

    self.birth_ns = birth_ns;
    look(&self, ONE);
    const uint64_t one = self.card;
    look(&self, OTHER);
    expect(&self, 0, 5);
    const uint64_t other = self.card;
    cr_expect_neq(one, other);
    look(&self, ONE);
    expect(&self, 0, 3);
    cr_expect_eq(self.card, one);
    look(&self, NULL);
    expect(&self, 0, 8);
    look(&self, OTHER);
    expect(&self, 0, 5);
    cr_expect_eq(self.card, other);
    look(&self, "a 1 1, b 2 2, d 4 4, e 5 5");
    expect(&self, 1, 3);
    cr_expect_eq(self.card, one);
}

Test(identity_cards, two_in_turn_are_two_though_their_roots_look_the_same)
{
    expect_in_turn(0);
    expect_in_turn(1700000000 * SECOND_NS);
}

Test(identity_cards, one_that_gets_another_device_is_the_same)
{
    reader_of_cards self = begin();

    look(&self, ONE);
    look(&self, NULL);
    self.device = 8;
    look(&self, "a 1 1, b 2 2, c 3 3, d 4 4");
    expect(&self, 1, 0);
}

Test(identity_cards, one_that_tells_its_birth_is_told_by_that_alone)
{
    reader_of_cards self = begin();

    self.birth_ns = 1700000000 * SECOND_NS + 5;
    look(&self, ONE);
    const uint64_t one = self.card;
    self.device = 8;
    look(&self, "");
    expect(&self, 5, 0);
    cr_expect_eq(self.card, one);
    look(&self, ONE);
    self.birth_ns++;
    look(&self, "a 1 1, b 2 2, c 3 3, d 4 4");
    expect(&self, 0, 1);
}

/* Over half of what was on it. */
Test(identity_cards, most_of_it_tells)
{
    static const struct {
        const char *card;
        size_t gone, away;
    } cases[] = {
        {"a 1 1, b 2 2, c 3 3", 2, 0},
        {"a 1 1, b 2 2", 0, 3},
        {"a 1 1, b 2 2, c 3 4, d 9 4", 0, 1},
        {"a 1 1, b 2 2, c 3 3, d 9 4, new 1 1", 1, 0},
        {"a 1 1, x 2 2, y 3 3, z 4 4", 0, 4},
        {"a 1 9, b 2 9, c 3 9", 0, 2},
        {"", 0, 5},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reader_of_cards self = begin();

        look(&self, ONE);
        look(&self, cases[i].card);
        expect(&self, cases[i].gone, cases[i].away);
    }
}

Test(identity_cards, directories_tell_where_there_were_no_files)
{
    reader_of_cards self = begin();

    look(&self, "p/, q/, r/");
    look(&self, "p/, r/");
    expect(&self, 1, 0);
    look(&self, "s/, t/, a 1 1");
    expect(&self, 0, 2);
    look(&self, "p/, b 1 1, c 2 2");
    expect(&self, 0, 4);
}

Test(identity_cards, an_empty_one_takes_nothing_along)
{
    reader_of_cards self = begin();

    look(&self, "");
    const uint64_t empty = self.card;
    cr_expect_neq(empty, 0);
    look(&self, ONE);
    cr_expect_eq(self.card, empty);
    look(&self, "");
    expect(&self, 0, 5);
    const uint64_t other = self.card;
    look(&self, "");
    cr_expect_eq(self.card, other, "nothing is said at each look");
}

/* What is there is the same as at the look at everything; what was put there since is not known. */
Test(identity_cards, a_look_at_a_part_takes_it_for_the_one_before)
{
    reader_of_cards self = begin();

    look(&self, ONE);
    self.is_part = true;
    look(&self, "a 1 1");
    expect(&self, 4, 0);
    look(&self, NULL);
    expect(&self, 0, 1);
    look(&self, "");
    expect(&self, 0, 1);
    look(&self, OTHER);
    look(&self, "");
    expect(&self, 0, 4);
}
