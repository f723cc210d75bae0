/* SPDX-License-Identifier: Apache-2.0 */
/* Databases through many edits of two or three devices apart: places swapped under UNIQUE(list_id,
 * pos), one name given twice, two covers given to one list, lists deleted with their items while
 * others work on these, and an older copy put in a database's place. No row leaves anybody's view
 * that nobody deleted, and all come to the same. */
#include "tests/peer/small/small_database.h"

#include "tests/peer/small/small_checks.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 600,
    LISTS = 3,
    ITEMS = 8,
    NAMES = 7,
    STEPS = 60,
    PHASE = 20, /* so many steps, and all come to rest */
    CALM_STEPS = 14,
    SINCE = 8, /* acts behind an older copy */
    SEEDS = CF_SANITIZED ? 3 : 6,
};

static const char tables[] =
    "CREATE TABLE lists (id INTEGER PRIMARY KEY, token INTEGER NOT NULL, name TEXT NOT NULL"
    " UNIQUE);"
    "CREATE TABLE items (id INTEGER PRIMARY KEY, token INTEGER NOT NULL, list_id INTEGER NOT NULL"
    " REFERENCES lists(id) ON DELETE CASCADE, pos INTEGER NOT NULL, what TEXT NOT NULL,"
    " UNIQUE (list_id, pos));"
    "CREATE TABLE covers (id INTEGER PRIMARY KEY, token INTEGER NOT NULL, list_id INTEGER UNIQUE"
    " REFERENCES lists(id) ON DELETE SET NULL);";
static const char all_tokens[] = "SELECT token FROM lists UNION ALL SELECT token FROM items"
                                 " UNION ALL SELECT token FROM covers";
static const char all_rows[] =
    "SELECT 'list', id, token, name, NULL, NULL FROM lists UNION ALL"
    " SELECT 'item', id, token, list_id, pos, what FROM items UNION ALL"
    " SELECT 'cover', id, token, list_id, NULL, NULL FROM covers ORDER BY 1, 2";

/* A row is known by its token, which nobody changes. */
typedef struct {
    small_world *w;
    unsigned long seed;
    bool is_calm;                           /* all are in sync after each act */
    long made;                              /* tokens, from 1 */
    long written;                           /* texts */
    bool deleted[ROWS_MAX], dead[ROWS_MAX]; /* by somebody; and gone everywhere since */
} history;

/* What happened in all of them. */
static struct {
    long names, places; /* that gave way, at rest */
    long back;          /* rows that somebody deleted, and others brought back */
} met;

/* ---- What is there ---- */

typedef struct {
    int count[ROWS_MAX]; /* of rows with this token */
} view;

static void take_view(const history *self, const small_device *one, view *out)
{
    cf_buffer text = {0};

    *out = (view){0};
    user_lists(one, &text, "%s", all_tokens);
    cf_buffer_append(&text, "", 1);
    for (char *line = strtok((char *)text.data, "\n"); line; line = strtok(NULL, "\n")) {
        const long token = strtol(line, NULL, 10);

        cr_assert_gt(token, 0, "seed %lu: no token: %s", self->seed, line);
        cr_assert_leq(token, self->made, "seed %lu: nobody made %s", self->seed, line);
        out->count[token]++;
    }
    cf_buffer_release(&text);
}

static bool is_same(const small_device *a, const small_device *b, cf_buffer *difference)
{
    cf_buffer first = {0}, other = {0};

    user_lists(a, &first, "%s", all_rows);
    user_lists(b, &other, "%s", all_rows);
    const bool same = cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&other));
    if (!same)
        cf_buffer_append_text(difference, "device %d:\n%.*sdevice %d:\n%.*s", a->number,
                              (int)first.size, (const char *)first.data, b->number, (int)other.size,
                              (const char *)other.data);
    cf_buffer_release(&first);
    cf_buffer_release(&other);
    return same;
}

static bool databases_equal(small_world *w, cf_buffer *difference)
{
    for (int i = 1; i < w->count; i++)
        if (!is_same(&w->devices[0], &w->devices[i], difference))
            return false;
    return true;
}

/* ---- Acts ---- */

static uint64_t below(history *self, uint64_t end)
{
    return chance_below(&self->w->chance, end);
}

/* The id of one of the rows; 0: there is none. */
static long draw_row(history *self, const small_device *one, const char *table)
{
    const long count = user_counts(one, 0, "SELECT count(*) FROM %s", table);

    return count ? user_counts(one, 0, "SELECT id FROM %s ORDER BY id LIMIT 1 OFFSET %lu", table,
                               (unsigned long)below(self, (uint64_t)count))
                 : 0;
}

static void add_list(history *self, small_device *one)
{
    if (self->made + 1 < ROWS_MAX &&
        user_runs(one, "INSERT INTO lists (token, name) VALUES (%ld, 'n%lu')", self->made + 1,
                  (unsigned long)below(self, NAMES)))
        self->made++;
}

/* Behind the last one, as it is at each device: two that are apart choose the same place. */
static void add_item(history *self, small_device *one)
{
    const long list = draw_row(self, one, "lists");

    if (!list || self->made + 1 >= ROWS_MAX)
        return;
    self->made++;
    cr_assert(user_runs(one,
                        "INSERT INTO items (token, list_id, pos, what) SELECT %ld, %ld,"
                        " coalesce(max(pos), 0) + 1, '%ld-0' FROM items WHERE list_id = %ld",
                        self->made, list, self->made, list));
}

/* For a list that has none here. */
static void add_cover(history *self, small_device *one)
{
    if (self->made + 1 < ROWS_MAX &&
        user_runs(one, "INSERT INTO covers (token, list_id) VALUES (%ld, nullif(%ld, 0))",
                  self->made + 1, draw_row(self, one, "lists")))
        self->made++;
}

/* As an application does it that has such a constraint: over a place that is free. */
static void swap(history *self, small_device *one)
{
    const long item = draw_row(self, one, "items");
    const long other = user_counts(one, 0,
                                   "SELECT b.id FROM items a JOIN items b USING (list_id)"
                                   " WHERE a.id = %ld AND b.id <> a.id ORDER BY b.id %s LIMIT 1",
                                   item, below(self, 2) ? "DESC" : "ASC");
    if (!other)
        return;
    const long here = user_counts(one, 0, "SELECT pos FROM items WHERE id = %ld", item);
    const long there = user_counts(one, 0, "SELECT pos FROM items WHERE id = %ld", other);

    cr_assert(user_runs(one,
                        "UPDATE items SET pos = -9 WHERE id = %ld;"
                        "UPDATE items SET pos = %ld WHERE id = %ld;"
                        "UPDATE items SET pos = %ld WHERE id = %ld",
                        item, here, other, there, item));
}

/* To another list, behind its last one. */
static void move(history *self, small_device *one)
{
    const long item = draw_row(self, one, "items"), list = draw_row(self, one, "lists");

    if (item && list)
        user_runs(one,
                  "UPDATE items SET list_id = %ld, pos = (SELECT coalesce(max(pos), 0) + 1 FROM"
                  " items WHERE list_id = %ld) WHERE id = %ld",
                  list, list, item);
}

static void remove_row(history *self, small_device *one, const char *table)
{
    const long row = draw_row(self, one, table);
    view before, after;

    take_view(self, one, &before);
    if (row)
        cr_assert(user_runs(one, "DELETE FROM %s WHERE id = %ld", table, row));
    take_view(self, one, &after);
    for (long token = 1; token <= self->made; token++)
        self->deleted[token] |= before.count[token] && !after.count[token];
}

static void act(history *self, small_device *one, bool may_remove)
{
    switch (below(self, may_remove ? 18 : 14)) {
    case 0:
    case 1:
        add_list(self, one);
        break;
    case 2:
    case 3:
        add_item(self, one);
        break;
    case 4:
    case 5:
    case 6:
        swap(self, one);
        break;
    case 7:
    case 8: /* a name that another list has elsewhere; one that has it here is in the way */
        user_runs(one, "UPDATE lists SET name = 'n%lu' WHERE id = %ld",
                  (unsigned long)below(self, NAMES), draw_row(self, one, "lists"));
        break;
    case 9:
        move(self, one);
        break;
    case 10:
    case 11:
        user_runs(one, "UPDATE items SET what = token || '-%ld' WHERE id = %ld", ++self->written,
                  draw_row(self, one, "items"));
        break;
    case 12:
        add_cover(self, one);
        break;
    case 13: /* to a list that has a cover elsewhere; one that has one here is in the way */
        user_runs(one, "UPDATE covers SET list_id = nullif(%ld, 0) WHERE id = %ld",
                  draw_row(self, one, "lists"), draw_row(self, one, "covers"));
        break;
    case 14:
    case 15:
        remove_row(self, one, "items");
        break;
    case 16:
        remove_row(self, one, "covers");
        break;
    default:
        if (user_counts(one, 0, "SELECT count(*) FROM lists") > LISTS - 1)
            remove_row(self, one, "lists");
    }
}

/* ---- What must hold ---- */

static void expect_sound(const history *self, const small_device *one)
{
    cf_buffer said = {0};

    user_lists(one, &said, "PRAGMA integrity_check");
    cr_assert(cf_bytes_equal(cf_buffer_view(&said), cf_bytes_of_text("ok\n")), "seed %lu: %.*s",
              self->seed, (int)said.size, (const char *)said.data);
    cf_buffer_clear(&said);
    user_lists(one, &said, "PRAGMA foreign_key_check");
    user_lists(one, &said, "SELECT * FROM items WHERE what NOT LIKE token || '-%%'");
    user_lists(one, &said, "SELECT * FROM lists WHERE name NOT GLOB 'n[0-%d]*'", NAMES - 1);
    user_lists(one, &said, "SELECT list_id, pos FROM items GROUP BY 1, 2 HAVING count(*) > 1");
    user_lists(one, &said, "SELECT name FROM lists GROUP BY 1 HAVING count(*) > 1");
    user_lists(one, &said, "SELECT list_id FROM covers GROUP BY 1 HAVING count(list_id) > 1");
    cr_assert_eq(said.size, 0, "seed %lu, device %d: %.*s", self->seed, one->number, (int)said.size,
                 (const char *)said.data);
    cf_buffer_release(&said);
}

/* What was there before the device heard of others is there still, but for what was deleted. */
static void expect_in_view(const history *self, const small_device *one, const view *before)
{
    view now;

    take_view(self, one, &now);
    for (long token = 1; token <= self->made; token++) {
        cr_assert(now.count[token] || !before->count[token] || self->deleted[token],
                  "seed %lu: row %ld has left the view of device %d", self->seed, token,
                  one->number);
        cr_assert(now.count[token] <= 1, "seed %lu: row %ld is there twice", self->seed, token);
        cr_assert(!now.count[token] || !self->dead[token], "seed %lu: row %ld is back", self->seed,
                  token);
    }
}

static void sync_one(history *self, small_device *one)
{
    view before;

    take_view(self, one, &before);
    cr_assert(small_device_sync(one) || one->offline, "seed %lu", self->seed);
    expect_in_view(self, one, &before);
    expect_sound(self, one);
}

/* A name that gave way is told as a conflict. */
static void expect_told(const history *self, small_device *one)
{
    const long gave_way =
        user_counts(one, 0, "SELECT count(*) FROM lists WHERE name GLOB 'n[0-9] (*'");

    met.names += gave_way;
    met.places += database_conflicts(one) > (size_t)gave_way;

    cr_assert(!gave_way || database_conflicts(one),
              "seed %lu: %ld names gave way, and nobody says"
              " so",
              self->seed, gave_way);
}

/* All come to the same: each row that somebody made and nobody deleted. */
static void expect_rest(history *self)
{
    cf_buffer pending = {0};
    view all = {0};

    settles_equal_by(databases_equal, self->w, "seed", self->seed);
    for (int i = 0; i < self->w->count; i++) {
        small_device *one = &self->w->devices[i];

        expect_in_view(self, one, &all);
        expect_sound(self, one);
        expect_told(self, one);
        database_pending(one, &pending);
        cr_assert_eq(pending.size, 0, "seed %lu, device %d: %.*s", self->seed, i, (int)pending.size,
                     (const char *)pending.data);
    }
    take_view(self, &self->w->devices[0], &all);
    for (long token = 1; token <= self->made; token++) {
        cr_assert(all.count[token] || self->deleted[token], "seed %lu: row %ld is lost", self->seed,
                  token);
        self->dead[token] = !all.count[token];
        met.back += self->deleted[token] && all.count[token];
    }
    cf_buffer_release(&pending);
}

/* ---- One after the other ---- */

/* What one made of it, while all were in sync, is what all have. */
static void act_calmly(history *self, small_device *one)
{
    cf_buffer meant = {0}, now = {0};

    act(self, one, true);
    user_lists(one, &meant, "%s", all_rows);
    expect_rest(self);
    user_lists(&self->w->devices[self->w->count - 1], &now, "%s", all_rows);
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&now)),
              "seed %lu: device %d made\n%.*sand it is\n%.*s", self->seed, one->number,
              (int)meant.size, (const char *)meant.data, (int)now.size, (const char *)now.data);
    cr_assert_eq(database_conflicts(one), 0, "seed %lu: a conflict without two who differ",
                 self->seed);
    cf_buffer_release(&meant);
    cf_buffer_release(&now);
}

/* ---- An older copy ---- */

static small_device *draw_device(history *self)
{
    return &self->w->devices[below(self, (uint64_t)self->w->count)];
}

/* Nobody gives the word. */
static void expect_held(history *self, small_device *one, bool is_held, const char *when)
{
    self->w->guarded = true;
    cr_assert(small_device_sync(one), "seed %lu", self->seed);
    self->w->guarded = false;
    cr_assert_eq(database_trouble(one), is_held ? CF_UNSAFE : CF_OK, "seed %lu, device %d, %s: %d",
                 self->seed, one->number, when, database_trouble(one));
}

static void expect_unchanged(history *self, const small_device *stale, cf_bytes before)
{
    for (int i = 0; i < self->w->count; i++) {
        small_device *other = &self->w->devices[i];
        cf_buffer now = {0};

        if (other == stale)
            continue;
        sync_one(self, other);
        user_lists(other, &now, "%s", all_rows);
        cr_assert(cf_bytes_equal(cf_buffer_view(&now), before),
                  "seed %lu: an older copy took back\n%.*swhich is\n%.*s", self->seed,
                  (int)before.size, (const char *)before.data, (int)now.size,
                  (const char *)now.data);
        cf_buffer_release(&now);
    }
}

/* So much that nobody could take it for edits. */
static void go_on(history *self)
{
    for (int i = 0; i < SINCE; i++) {
        small_device *one = &self->w->devices[i % self->w->count];

        add_item(self, one);
        act(self, one, false);
        sync_one(self, one);
    }
    expect_rest(self);
}

static void others_go_on(history *self, const small_device *stale)
{
    for (int i = 0; i < self->w->count; i++) {
        small_device *other = &self->w->devices[i];

        if (other == stale)
            continue;
        act(self, other, false);
        sync_one(self, other);
    }
}

static void live_through_older_copy(history *self)
{
    small_device *stale = draw_device(self);
    small_device *other = &self->w->devices[stale->number ? 0 : 1];
    char old[COPY_PATH], newest[COPY_PATH];
    cf_buffer before = {0};

    name_copy(self->w, "old", old);
    name_copy(self->w, "newest", newest);
    expect_rest(self);
    user_copies_database(stale, old);
    go_on(self);
    user_copies_database(stale, newest);
    user_lists(other, &before, "%s", all_rows);
    user_puts_database(stale, old, below(self, 2));
    expect_held(self, stale, true, "put there");
    expect_unchanged(self, stale, cf_buffer_view(&before));
    others_go_on(self, stale);
    expect_held(self, stale, true, "others went on");
    user_puts_database(stale, newest, below(self, 2));
    expect_held(self, stale, false, "the newest is back");
    expect_rest(self);
    cf_buffer_release(&before);
}

/* ---- A history ---- */

static void begin(history *self, uint64_t seed)
{
    *self = (history){.w = small_world_new(seed, 2 + (int)(seed % 2)),
                      .seed = (unsigned long)seed,
                      .is_calm = seed % 4 == 0};
    const database_layout layout = {.tables = tables, .journal = below(self, 2) ? "WAL" : "DELETE"};

    small_world_bind_databases(self->w, &layout);
    while (self->made < LISTS)
        add_list(self, &self->w->devices[0]);
    for (int i = 0; i < ITEMS; i++)
        add_item(self, &self->w->devices[0]);
    expect_rest(self);
}

static void step(history *self)
{
    small_device *one = draw_device(self);

    switch (below(self, 8)) {
    case 0:
        small_device_unplug(one);
        break;
    case 1:
        one->offline = false;
        break;
    case 2:
        small_device_crash(one);
        break;
    case 3:
        sync_one(self, one);
        break;
    default:
        act(self, one, true);
        if (below(self, 2))
            sync_one(self, one);
    }
}

static void live(history *self)
{
    for (int i = 0; self->is_calm && i < CALM_STEPS; i++)
        act_calmly(self, draw_device(self));
    for (int i = 1; !self->is_calm && i <= STEPS; i++) {
        step(self);
        if (i % PHASE == 0)
            expect_rest(self);
    }
    live_through_older_copy(self);
}

Test(engine_databases, lose_no_row_of_two_or_three_devices)
{
    const char *first = getenv("DATABASES_SEED"), *count = getenv("DATABASES_COUNT");
    const uint64_t from = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : SEEDS); i++) {
        history *self = cf_allocate(1, sizeof *self);

        begin(self, from + i);
        live(self);
        small_world_destroy(&self->w);
        free(self);
    }
    cr_expect(first || CF_SANITIZED || (met.names && met.places && met.back), "%ld, %ld, %ld",
              met.names, met.places, met.back);
}

/* ---- Named ---- */

static small_world *a_list_with_two_items(int devices, const char *exclude)
{
    small_world *w = small_world_new(7, devices);

    small_world_bind_databases(w, &(database_layout){tables, "DELETE", exclude});
    cr_assert(user_runs(&w->devices[0],
                        "INSERT INTO lists VALUES (1, 1, 'n1'), (2, 2, 'n2');"
                        "INSERT INTO items VALUES (1, 3, 2, 1, '3-0'), (2, 4, 2, 2, '4-0')"));
    cr_assert(small_world_settle(w));
    return w;
}

/* The first device deletes list 2 with its items, another one edits item 2: that is back, and the
 * list for it. */
static void bring_list_back(small_device *one, small_device *other)
{
    cr_assert(user_runs(one, "DELETE FROM lists WHERE id = 2"));
    cr_assert(user_runs(other, "UPDATE items SET what = '4-1' WHERE id = 2"));
    for (int i = 0; i < 2; i++) {
        cr_assert(small_device_sync(one));
        cr_assert(small_device_sync(other));
    }
}

/* Of so many of the devices. */
static void expect_rows(small_world *w, int count, const char *rows)
{
    cr_assert(small_world_settle(w));
    for (int i = 0; i < count; i++) {
        cf_buffer now = {0};

        user_lists(&w->devices[i], &now, "%s", all_rows);
        cr_expect(cf_bytes_equal(cf_buffer_view(&now), cf_bytes_of_text(rows)),
                  "device %d has\n%.*s", i, (int)now.size, (const char *)now.data);
        cf_buffer_release(&now);
    }
    small_world_destroy(&w);
}

static void expect_after(const char *sql, const char *rows)
{
    small_world *w = a_list_with_two_items(2, NULL);

    bring_list_back(&w->devices[0], &w->devices[1]);
    cr_assert(user_runs(&w->devices[0], "%s", sql));
    expect_rows(w, w->count, rows);
}

/* Item 1 went with the list, and both have seen that. */
Test(engine_databases, bring_back_no_item_of_a_list_that_was_back_for_another)
{
    expect_after("UPDATE lists SET name = 'n3' WHERE id = 2",
                 "item|2|4|2|2|4-1\nlist|1|1|n1|NULL|NULL\nlist|2|2|n3|NULL|NULL\n");
    expect_after("DELETE FROM items WHERE id = 2",
                 "list|1|1|n1|NULL|NULL\nlist|2|2|n2|NULL|NULL\n");
    expect_after("UPDATE items SET list_id = 1 WHERE id = 2",
                 "item|2|4|1|2|4-1\nlist|1|1|n1|NULL|NULL\nlist|2|2|n2|NULL|NULL\n");
}

/* His device has heard of all that, and could not show it to him yet; it shows him the items, or
 * not. */
static void expect_back(const char *exclude)
{
    small_world *w = a_list_with_two_items(3, exclude);
    small_device *late = &w->devices[2];

    cr_assert(user_runs(late, "UPDATE lists SET name = 'n3' WHERE id = 2"));
    bring_list_back(&w->devices[0], &w->devices[1]);
    struct sqlite3 *held = user_holds_database(late);
    small_device_sync(late);
    user_lets_go(held);
    expect_rows(w, exclude ? 2 : 3,
                "item|1|3|2|1|3-0\nitem|2|4|2|2|4-1\nlist|1|1|n1|NULL|NULL\n"
                "list|2|2|n3|NULL|NULL\n");
}

Test(engine_databases, bring_back_all_items_of_a_list_whose_user_had_not_seen_them_go)
{
    expect_back(NULL);
    expect_back("items");
}
