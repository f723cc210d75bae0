/* SPDX-License-Identifier: Apache-2.0 */
/* Over a slow line whose steps are counted: what is less goes between the parts of what is more, at
 * who sends and at who receives. */
#include "tests/peer/small/small_checks.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

TestSuite(engine_turns, .timeout = 240);

enum {
    FILM = 24 << 20,
    PHOTO = 1 << 20,
    PAGE = 100000,
    STEP = 32 * CF_KIB,
    WINDOW = 4 * STEP, /* goes in one turn of the world, at most */
    TURNS = 10,        /* at a time */
    ROUNDS = 1000,
    UNDER_WAY = 2 << 20,
    BETWEEN_CUTS = 1 << 20,
    CUTS = 8,
    SHARE = 4, /* times what is less: a quarter beside is the film's, and what was under way */
    SHORT_FILM = 20 << 20,
    SLICE = 8 * CF_KIB,
    SLICES =
        4 * SLICE, /* go in one turn, at most, over a line that carries a mebibyte in a second */
    TURN_MS = SLICES * 1000 / CF_MIB,
    CUT_MS = 3000, /* so often it is cut */
    HALF_OPEN_FROM_MS = 10000,
    HALF_OPEN_MS = 20000, /* for so long nothing passes, and nobody is told */
    AWAY_FROM_MS = 40000,
    AWAY_MS = 600000,
    SOON_MS = 10000,
};

typedef struct {
    cf_buffer film, photo, page;
} contents;

static contents contents_of(small_world *in)
{
    return (contents){small_world_noise(in, FILM), small_world_noise(in, PHOTO),
                      small_world_noise(in, PAGE)};
}

static void release(contents *self)
{
    cf_buffer_release(&self->film);
    cf_buffer_release(&self->photo);
    cf_buffer_release(&self->page);
}

/* So many turns of a sync; true when nothing is left to do. */
static bool goes_on(small_device *self, unsigned turns)
{
    return small_device_round(self, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
}

static uint64_t bytes_moved(const small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_sent + traffic.bytes_received;
}

/* Goes on until no less than `bytes` more have gone or come. */
static void moves(small_device *self, uint64_t bytes)
{
    const uint64_t until = bytes_moved(self) + bytes;

    for (int i = 0; i < ROUNDS && bytes_moved(self) < until; i++)
        cr_assert_not(goes_on(self, TURNS), "the film has gone, too");
}

/* The film is not begun anew each time, and is there in the end. */
static void ends_equal(small_world *w)
{
    for (int i = 0; i < w->count; i++) {
        cf_link_carries(cf_engine_link(w->devices[i].engine), CF_BLOB_STEP, CF_WINDOW, CF_WINDOW);
        cf_link_brings(cf_engine_link(w->devices[i].engine), CF_BLOB_STEP, CF_WINDOW);
    }
    settles_equal(w);
}

Test(engine_turns, a_photo_and_a_page_are_published_while_a_film_is_sent)
{
    small_world *w = small_world_new(31, 2);
    small_device *a = &w->devices[0];
    contents all = contents_of(w);

    settles_equal(w);
    cf_link_carries(cf_engine_link(a->engine), STEP, WINDOW, WINDOW);
    user_writes(a, "film", all.film.data, all.film.size);
    moves(a, UNDER_WAY);
    user_writes(a, "photo", all.photo.data, all.photo.size);
    user_writes(a, "page", all.page.data, all.page.size);
    const uint64_t entries = small_world_entries(w);
    moves(a, SHARE * (PHOTO + PAGE));
    cr_expect_eq(small_world_entries(w) - entries, 2, "they wait for the film");
    ends_equal(w);
    release(&all);
    small_world_destroy(&w);
}

Test(engine_turns, a_photo_and_a_page_come_while_a_film_is_fetched)
{
    small_world *w = small_world_new(32, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    contents all = contents_of(w);

    settles_equal(w);
    user_writes(a, "film", all.film.data, all.film.size);
    cr_assert(small_device_sync(a));
    cf_link_brings(cf_engine_link(b->engine), CF_BLOB_STEP, 1); /* two pieces at a time */
    moves(b, UNDER_WAY);
    user_writes(a, "photo", all.photo.data, all.photo.size);
    user_writes(a, "page", all.page.data, all.page.size);
    cr_assert(small_device_sync(a));
    moves(b, SHARE * (PHOTO + PAGE));
    cr_expect(holds_bytes(b, "photo", cf_buffer_view(&all.photo)));
    cr_expect(holds_bytes(b, "page", cf_buffer_view(&all.page)));
    ends_equal(w);
    release(&all);
    small_world_destroy(&w);
}

/* The line is cut again and again, and once it is dead without a word: with each new connection the
 * film is there again, first of all that is asked of. */
Test(engine_turns, a_photo_and_a_page_pass_a_film_over_a_line_that_is_cut_all_the_time)
{
    small_world *w = small_world_new(33, 2);
    small_device *a = &w->devices[0];
    contents all = contents_of(w);
    uint64_t moved = 0;

    settles_equal(w);
    cf_link_carries(cf_engine_link(a->engine), STEP, WINDOW, WINDOW);
    user_writes(a, "film", all.film.data, all.film.size);
    moves(a, UNDER_WAY);
    small_device_unplug(a);
    user_writes(a, "photo", all.photo.data, all.photo.size);
    user_writes(a, "page", all.page.data, all.page.size);
    a->offline = false;
    const uint64_t entries = small_world_entries(w);
    for (int cut = 0; cut < CUTS && small_world_entries(w) - entries < 2; cut++) {
        const uint64_t before = bytes_moved(a);

        moves(a, BETWEEN_CUTS);
        moved += bytes_moved(a) - before;
        if (cut == 0)
            a->dead = a->session; /* who waits for an answer notices */
        else
            small_device_unplug(a);
        a->offline = false;
    }
    cr_expect_eq(small_world_entries(w) - entries, 2, "they wait for the film");
    cr_expect_leq(moved, SHARE * (PHOTO + PAGE) + BETWEEN_CUTS, "%llu bytes went before them",
                  (unsigned long long)moved);
    ends_equal(w);
    release(&all);
    small_world_destroy(&w);
}

/* ---- By the clock ---- */

typedef struct {
    small_world *w;
    small_device *a;
    uint64_t half_open_from_ms, away_from_ms, cut_ms;
    bool works;
} bad_line;

/* Connections that are begun while it is half open are dead, too. */
static void carry(bad_line *self)
{
    small_device *a = self->a;
    const uint64_t now_ms = self->w->now_ms;
    const bool is_half_open = now_ms - self->half_open_from_ms < HALF_OPEN_MS;
    const bool is_away = now_ms - self->away_from_ms < AWAY_MS;

    self->works = !is_half_open && !is_away;
    if (is_half_open)
        a->dead = a->session;
    if (is_away || (now_ms >= self->cut_ms && a->dead != a->session))
        small_device_unplug(a);
    a->offline = is_away;
    if (now_ms >= self->cut_ms)
        self->cut_ms = now_ms + CUT_MS;
}

/* The clock goes on by what the line needs for all that may go in a turn. */
static void turn(bad_line *self)
{
    carry(self);
    cf_link_carries(cf_engine_link(self->a->engine), SLICE, SLICES, SLICES);
    small_device_passes(self->a, SMALL_TURN_MS);
    self->w->now_ms += TURN_MS - SMALL_TURN_MS;
}

static bool is_uploading(const small_device *self)
{
    cf_flows flows;

    cf_engine_flows(self->engine, &flows);
    return flows.up.left > 0;
}

/* For how long the line worked from the save of a page, so late, until that was published. */
static uint64_t page_takes(uint64_t saved_ms)
{
    small_world *w = small_world_new(34, 1);
    bad_line line = {.w = w, .a = &w->devices[0]};
    cf_buffer film = small_world_noise(w, SHORT_FILM), page = small_world_noise(w, PAGE);
    uint64_t worked_ms = 0;

    small_device_serves(line.a);
    settles_equal(w);
    saved_ms += w->now_ms;
    line.cut_ms = w->now_ms + CUT_MS;
    line.half_open_from_ms = w->now_ms + HALF_OPEN_FROM_MS;
    line.away_from_ms = w->now_ms + AWAY_FROM_MS;
    user_writes(line.a, "film", film.data, film.size);
    while (w->now_ms < saved_ms)
        turn(&line);
    const uint64_t entries = small_world_entries(w);
    user_writes(line.a, "page", page.data, page.size);
    while (small_world_entries(w) == entries && worked_ms <= SOON_MS) {
        turn(&line);
        worked_ms += line.works ? TURN_MS : 0;
    }
    cr_expect(is_uploading(line.a), "nothing large is on its way");
    cf_buffer_release(&film);
    cf_buffer_release(&page);
    small_world_destroy(&w);
    return worked_ms;
}

Test(engine_turns, a_page_passes_a_film_within_ten_seconds_of_a_line_that_works)
{
    static const uint64_t saved_ms[] = {
        CUT_MS - 4 * TURN_MS,                       /* just before a cut */
        HALF_OPEN_FROM_MS,                          /* and nothing passes from then on */
        HALF_OPEN_FROM_MS + HALF_OPEN_MS / 2,       /* in the midst of that */
        HALF_OPEN_FROM_MS + HALF_OPEN_MS + TURN_MS, /* as soon as something would */
        AWAY_FROM_MS + AWAY_MS / 2,                 /* while no connection can be made */
        AWAY_FROM_MS + AWAY_MS - TURN_MS,
    };

    for (size_t i = 0; i < sizeof saved_ms / sizeof saved_ms[0]; i++) {
        const uint64_t took_ms = page_takes(saved_ms[i]);
        cr_expect_leq(took_ms, SOON_MS, "saved after %llu ms, published %llu ms later",
                      (unsigned long long)saved_ms[i], (unsigned long long)took_ms);
    }
}
