/* SPDX-License-Identifier: Apache-2.0 */
/* What an author names in `after` where a member has opened more chains than fit. */
#include "broker/store/store.h"
#include "codec/content.h"
#include "codec/limits.h"
#include "peer/log/author.h"
#include "tests/broker/people/diary.h"

#include <stdlib.h>

enum { MOST = 8, CHAINS = 30 };

/* The desk as an author, in the log where the lap has opened chains. */
typedef struct {
    cf_env env;
    diary d;
    cf_ring *ring;
    cf_author *author;
    cf_head chains[CHAINS]; /* their only entries */
} desk;

static void some_random(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 77, size);
}

static void open_author(desk *self)
{
    cf_error error;

    expect_ok(
        cf_author_open(&(cf_author_options){&self->env, self->d.log, self->d.desk.keys, self->ring},
                       &self->author, &error),
        error);
    cf_author_bound_after(self->author, MOST);
}

static void a_desk(desk *self)
{
    const uint8_t key[32] = {7}; /* of first_entry */
    cf_error error;

    *self = (desk){.env.random = some_random, .d = a_diary()};
    found(&self->d);
    for (size_t i = 0; i < CHAINS; i++) {
        begin_chain(&self->d.lap, &papers, &self->d.account.head);
        write_change(&self->d.lap, "one entry", NULL, 0);
        cr_assert_eq(offer(&self->d, &self->d.lap, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW);
        self->chains[i] = self->d.lap.head;
    }
    commit(&self->d);
    self->ring = cf_ring_new(&self->d.account.user);
    const cf_hash commitment = cf_commitment(&self->d.account.user, key);
    cf_ring_expect(self->ring, &self->d.desk.epoch, &commitment);
    expect_ok(cf_ring_give(self->ring, &self->d.desk.epoch, key, &error), error);
    open_author(self);
}

static void desk_ends(desk *self)
{
    cf_author_destroy(&self->author);
    cf_ring_destroy(&self->ring);
    diary_end(&self->d);
}

static cf_dot dot_of(const cf_head *head)
{
    cf_dot dot = {.writer = head->writer, .sequence = head->sequence};

    memcpy(dot.hash, head->hash.bytes, sizeof dot.hash);
    return dot;
}

/* A body that replaces what these chains wrote. */
static cf_body body_over(const cf_dot *over, size_t count, cf_change *change)
{
    *change = (cf_change){.item = {"f"}, .field = cf_bytes_of_text("/x"), .over = over};
    change->over_count = count;
    change->value = cf_bytes_of("\x01", 1);
    return (cf_body){.part = 1, .parts = 1, .changes = change, .change_count = 1};
}

static cf_draft draft_of(const desk *self, const cf_body *body)
{
    return (cf_draft){.collection = papers,
                      .type = CF_ENTRY_CHANGE,
                      .epoch = self->d.desk.epoch,
                      .plain = cf_bytes_of_text("sealed"),
                      .body = body};
}

/* The next entry, which the log takes; what its `after` names. */
static cf_heads write_next(desk *self, const cf_body *body)
{
    const cf_draft draft = draft_of(self, body);
    const cf_offer offer = {.bringer = CF_BRINGER_SELF};
    cf_buffer wire = {0};
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_heads named = {0};
    cf_verdict verdict;
    cf_entry entry;
    cf_error error;

    expect_ok(cf_author_entry(self->author, &draft, &wire, &records, &error), error);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    expect_ok(cf_log_check(self->d.log, &entry, &offer, &verdict, &error), error);
    cr_assert_eq(verdict.answer, CF_OFFER_NEW, "%s", verdict.text);
    cf_author_took(self->author, &entry);
    cf_log_append(self->d.log, &entry, &offer, records.at, records.count, NULL, NULL);
    commit(&self->d);
    cf_heads_add(&named, entry.header.after, entry.header.after_count);
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return named;
}

/* The sixth chain holds what the body replaces: it goes before newer ones. */
Test(author_after, names_the_member_log_then_what_the_body_needs_then_the_newest)
{
    desk self;
    cf_change change;

    a_desk(&self);
    const cf_dot over = dot_of(&self.chains[5]);
    const cf_body body = body_over(&over, 1, &change);
    cf_heads named = write_next(&self, &body);
    cr_expect_eq(named.count, MOST);
    cr_expect(cf_heads_contain(&named, &self.d.account.head));
    cr_expect(cf_heads_contain(&named, &self.chains[5]));
    for (size_t i = 0; i < MOST - 2; i++)
        cr_expect(cf_heads_contain(&named, &self.chains[CHAINS - 1 - i]), "%zu", i);
    cf_heads_release(&named);
    desk_ends(&self);
}

/* Also where the program begins anew in between: each is named once, and none is forgotten. */
Test(author_after, names_what_is_left_over_in_the_next_entries)
{
    desk self;
    cf_change change;
    cf_heads all = {0};
    size_t sum = 0;

    a_desk(&self);
    const cf_body body = body_over(NULL, 0, &change);
    for (size_t i = 0; i < 5; i++) {
        cf_heads named = write_next(&self, &body);

        cr_expect_leq(named.count, MOST);
        sum += named.count;
        cf_heads_add(&all, named.heads, named.count);
        cf_heads_release(&named);
        cf_author_destroy(&self.author);
        open_author(&self);
    }
    cr_expect_eq(sum, CHAINS + 1, "%zu", sum); /* and the account's */
    cr_expect_eq(all.count, CHAINS + 1);
    cf_heads_release(&all);
    desk_ends(&self);
}

/* What was told with an earlier head of its writer needs no newer one. */
Test(author_after, needs_nothing_for_what_it_has_told)
{
    desk self;
    cf_change change;
    cf_dot over[CHAINS];

    a_desk(&self);
    for (size_t i = 0; i < CHAINS; i++)
        over[i] = dot_of(&self.chains[i]);
    const cf_body few = body_over(over, MOST / 2, &change);
    cf_draft draft = draft_of(&self, &few);
    cr_expect_not(cf_author_tells_first(self.author, &draft, false));
    cr_expect(cf_author_tells_first(self.author, &draft, true));
    cf_change long_change;
    const cf_body many = body_over(over, MOST / 2 + 1, &long_change);
    draft = draft_of(&self, &many);
    cr_expect(cf_author_tells_first(self.author, &draft, false));
    cf_heads named = write_next(&self, &many);
    cr_expect_not(cf_author_tells_first(self.author, &draft, false));
    cf_heads_release(&named);
    desk_ends(&self);
}
