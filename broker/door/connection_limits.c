/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come, and who goes. A connection costs its address one, a failure ten, a wait in silence
 * three, a session nothing; what it may have refills by the minute, eightfold where a member was
 * within a day. Of strangers the longest silent goes, where they are too many at one address or in
 * all. */
#include "broker/door/connection_limits.h"

#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

enum {
    MINUTE_MS = 60000,
    DAY_MS = CF_DOOR_MEMBER_MS,
    NEWS_MS = 60 * MINUTE_MS, /* a session that long after the last one is worth noting */
    MEMBERS_SHARE = 8, /* times as many connections for an address from which a member came */
    FAILURE_COST = 10, /* connections */
    SILENCE_COST = 3,  /* of one that was waited for to the end: there are few such at once */
    ADDRESSES_MAX = 16384,
    ADDRESS_SIZE = 16,
};

/* Strangers that may be shut, the longest silent first, by their number + 1 (0: none); in the order
 * in which they were heard, since a busy broker hears of many in one ms. Each is in the queue of
 * all, and in the queue of its address. */
typedef struct {
    size_t first, last;
} queue;
enum { OF_ALL, OF_ADDRESS, QUEUES };

typedef struct {
    size_t before, after;
} neighbours;

typedef struct {
    uint8_t name[ADDRESS_SIZE];
    uint64_t debt; /* see has_credit; at `since_ms` */
    uint64_t since_ms;
    uint64_t members_ms; /* until then it is one from which a member came; 0: none did */
    size_t strangers;
    queue silent;
} address;

typedef struct {
    bool is_open, is_stranger, is_told; /* told: it was named as overdue */
    bool had_session;
    bool has_paid;   /* for having come to nothing */
    bool was_silent; /* too long */
    uint64_t paid;   /* connections, until it has a session */
    uint8_t address[ADDRESS_SIZE];
    uint64_t said_ms; /* or came */
    bool is_queued;
    neighbours in[QUEUES];
} connection;

struct cf_connection_limits {
    cf_allowances allowances;
    address *addresses; /* ascending by name */
    size_t address_count, address_capacity;
    connection *connections; /* by their number */
    size_t count, capacity;
    size_t strangers;
    size_t crowded; /* addresses with more of them than they may have */
    queue silent;
    uint64_t news;
};

cf_connection_limits *cf_connection_limits_new(const cf_allowances *allowances)
{
    cf_connection_limits *keeper = cf_allocate(1, sizeof *keeper);

    keeper->allowances = *allowances;
    return keeper;
}

static bool is_crowded(const cf_connection_limits *keeper, const address *it)
{
    const uint64_t most = keeper->allowances.strangers_per_address;

    return most && it->strangers > most;
}

void cf_connection_limits_set(cf_connection_limits *keeper, const cf_allowances *allowances)
{
    keeper->allowances = *allowances;
    keeper->crowded = 0;
    for (size_t i = 0; i < keeper->address_count; i++)
        keeper->crowded += is_crowded(keeper, &keeper->addresses[i]);
}

void cf_connection_limits_destroy(cf_connection_limits **limits)
{
    if (!*limits)
        return;
    free((*limits)->addresses);
    free((*limits)->connections);
    free(*limits);
    *limits = NULL;
}

static size_t place_of(const cf_connection_limits *keeper, const uint8_t name[ADDRESS_SIZE])
{
    size_t low = 0, high = keeper->address_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(keeper->addresses[middle].name, name, ADDRESS_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static address *find(const cf_connection_limits *keeper, const uint8_t name[ADDRESS_SIZE])
{
    size_t at = place_of(keeper, name);
    bool found =
        at < keeper->address_count && memcmp(keeper->addresses[at].name, name, ADDRESS_SIZE) == 0;

    return found ? &keeper->addresses[at] : NULL;
}

static bool is_members(const address *it, uint64_t now_ms)
{
    return now_ms < it->members_ms;
}

/* How many connections it may bring in a minute; 0 is no bound. */
static uint64_t budget_of(const cf_connection_limits *keeper, const address *it, uint64_t now_ms)
{
    return keeper->allowances.connections_per_minute * (is_members(it, now_ms) ? MEMBERS_SHARE : 1);
}

/* A connection costs MINUTE_MS, the budget is paid back in each ms, and as much as in a minute may
 * be owed. */
static void pay_back(const cf_connection_limits *keeper, address *it, uint64_t now_ms)
{
    uint64_t passed = now_ms > it->since_ms ? now_ms - it->since_ms : 0;
    uint64_t paid = (passed < MINUTE_MS ? passed : MINUTE_MS) * budget_of(keeper, it, now_ms);

    it->debt -= it->debt < paid ? it->debt : paid;
    it->since_ms = now_ms;
}

static void forget_below(cf_connection_limits *keeper, uint64_t debt, bool forgets_members,
                         uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < keeper->address_count; i++)
        if (keeper->addresses[i].debt > debt || keeper->addresses[i].strangers ||
            (is_members(&keeper->addresses[i], now_ms) && !forgets_members))
            keeper->addresses[kept++] = keeper->addresses[i];
    keeper->address_count = kept;
}

/* Forgets who owes least, and then from where members came: an eighth at least, so that this is
 * rare. Who has connections stays. */
static void make_room(cf_connection_limits *keeper, uint64_t now_ms)
{
    uint64_t most = 2 * MEMBERS_SHARE * keeper->allowances.connections_per_minute * MINUTE_MS;

    for (size_t i = 0; i < keeper->address_count; i++)
        pay_back(keeper, &keeper->addresses[i], now_ms);
    for (int forgets_members = 0; forgets_members < 2; forgets_members++)
        for (uint64_t debt = 0; keeper->address_count > ADDRESSES_MAX / 8 * 7 && debt <= most;
             debt = 2 * debt + MINUTE_MS)
            forget_below(keeper, debt, forgets_members, now_ms);
}

static address *find_or_add(cf_connection_limits *keeper, const uint8_t name[ADDRESS_SIZE],
                            uint64_t now_ms)
{
    address *found = find(keeper, name);

    if (found)
        return found;
    if (keeper->address_count >= ADDRESSES_MAX)
        make_room(keeper, now_ms);
    size_t at = place_of(keeper, name);
    address *made =
        cf_one_more_at(keeper->addresses, keeper->address_count, keeper->address_capacity, at);
    *made = (address){.since_ms = now_ms};
    memcpy(made->name, name, ADDRESS_SIZE);
    return made;
}

static void charge(const cf_connection_limits *keeper, address *it, uint64_t connections,
                   uint64_t now_ms)
{
    uint64_t most = budget_of(keeper, it, now_ms) * MINUTE_MS;

    it->debt += connections * MINUTE_MS;
    if (it->debt > 2 * most) /* a minute of nothing, and one has credit again */
        it->debt = 2 * most;
}

static void name_of(const uint8_t given[ADDRESS_SIZE], uint8_t out[ADDRESS_SIZE])
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

    memcpy(out, given, ADDRESS_SIZE);
    if (memcmp(given, mapped, sizeof mapped) != 0)
        memset(out + ADDRESS_SIZE / 2, 0, ADDRESS_SIZE / 2);
}

static connection *connection_of(const cf_connection_limits *keeper, int number)
{
    bool known =
        number >= 0 && (size_t)number < keeper->count && keeper->connections[number].is_open;

    return known ? &keeper->connections[number] : NULL;
}

static neighbours *beside(const cf_connection_limits *keeper, size_t number, int which)
{
    return &keeper->connections[number - 1].in[which];
}

static void join(const cf_connection_limits *keeper, queue *of, int which, size_t number)
{
    *beside(keeper, number, which) = (neighbours){.before = of->last};
    *(of->last ? &beside(keeper, of->last, which)->after : &of->first) = number;
    of->last = number;
}

static void leave(const cf_connection_limits *keeper, queue *of, int which, size_t number)
{
    const neighbours was = *beside(keeper, number, which);

    *(was.before ? &beside(keeper, was.before, which)->after : &of->first) = was.after;
    *(was.after ? &beside(keeper, was.after, which)->before : &of->last) = was.before;
}

static void set_queued(cf_connection_limits *keeper, connection *it, address *from, bool is_queued)
{
    const size_t number = (size_t)(it - keeper->connections) + 1;

    if (it->is_queued == is_queued)
        return;
    it->is_queued = is_queued;
    if (is_queued) {
        join(keeper, &keeper->silent, OF_ALL, number);
        join(keeper, &from->silent, OF_ADDRESS, number);
    } else {
        leave(keeper, &keeper->silent, OF_ALL, number);
        leave(keeper, &from->silent, OF_ADDRESS, number);
    }
}

/* The address of a stranger is known. */
static void set_stranger(cf_connection_limits *keeper, connection *it, bool is_stranger)
{
    address *from = find(keeper, it->address);

    if (it->is_stranger == is_stranger)
        return;
    it->is_stranger = is_stranger;
    keeper->crowded -= is_crowded(keeper, from);
    from->strangers += is_stranger ? 1 : (size_t)-1;
    keeper->crowded += is_crowded(keeper, from);
    keeper->strangers += is_stranger ? 1 : (size_t)-1;
    set_queued(keeper, it, from, is_stranger && !it->is_told);
}

static bool take_credit(const cf_connection_limits *keeper, connection *it, address *from,
                        uint64_t now_ms)
{
    uint64_t most = budget_of(keeper, from, now_ms);

    pay_back(keeper, from, now_ms);
    if (most && from->debt + MINUTE_MS > most * MINUTE_MS)
        return false;
    charge(keeper, from, 1, now_ms);
    it->paid++;
    return true;
}

/* It was a member's, and its address gets back what it cost. */
static void welcome(cf_connection_limits *keeper, connection *it, uint64_t now_ms)
{
    address *from = find(keeper, it->address);

    if (!from)
        return;
    pay_back(keeper, from, now_ms);
    from->debt -= from->debt < it->paid * MINUTE_MS ? from->debt : it->paid * MINUTE_MS;
    keeper->news += from->members_ms < now_ms + DAY_MS - NEWS_MS;
    from->members_ms = now_ms + DAY_MS;
    it->paid = 0;
}

bool cf_connection_limits_opened(cf_connection_limits *keeper, int number, const uint8_t given[16],
                                 uint64_t now_ms)
{
    if (number < 0)
        return false;
    cf_connection_limits_closed(keeper, number, now_ms);
    while (keeper->count <= (size_t)number) {
        *cf_one_more(keeper->connections, keeper->count, keeper->capacity) = (connection){0};
    }
    connection *it = &keeper->connections[number];
    *it = (connection){.is_open = true, .said_ms = now_ms};
    name_of(given, it->address);
    address *from = find_or_add(keeper, it->address, now_ms);
    bool may_come = take_credit(keeper, it, from, now_ms);
    if (!may_come)
        it->had_session = it->is_told = true; /* it had no chance to come to anything */
    set_stranger(keeper, it, true);
    return may_come;
}

bool cf_connection_limits_said(cf_connection_limits *keeper, int number, uint64_t now_ms)
{
    connection *it = connection_of(keeper, number);
    address *from = it ? find(keeper, it->address) : NULL;

    if (!it || !it->is_stranger)
        return true;
    it->said_ms = now_ms;
    set_queued(keeper, it, from, false);
    set_queued(keeper, it, from, !it->is_told);
    return take_credit(keeper, it, from, now_ms);
}

void cf_connection_limits_greeting_refused(cf_connection_limits *keeper, int number,
                                           uint64_t now_ms)
{
    connection *it = connection_of(keeper, number);
    address *from = it ? find(keeper, it->address) : NULL;

    if (!from || !it->is_stranger)
        return;
    it->has_paid = true;
    pay_back(keeper, from, now_ms);
    charge(keeper, from, FAILURE_COST, now_ms);
}

void cf_connection_limits_settled(cf_connection_limits *keeper, int number, bool has_session,
                                  uint64_t now_ms)
{
    connection *it = connection_of(keeper, number);

    if (!it)
        return;
    if (!has_session && !it->is_stranger) {
        it->said_ms = now_ms;
        find_or_add(keeper, it->address, now_ms);
    }
    if (has_session)
        welcome(keeper, it, now_ms);
    it->had_session = it->had_session || has_session;
    set_stranger(keeper, it, !has_session);
}

void cf_connection_limits_closed(cf_connection_limits *keeper, int number, uint64_t now_ms)
{
    connection *it = connection_of(keeper, number);
    address *from = it ? find(keeper, it->address) : NULL;

    if (!it)
        return;
    set_stranger(keeper, it, false);
    it->is_open = false;
    if (!from || it->had_session || it->has_paid)
        return;
    pay_back(keeper, from, now_ms);
    charge(keeper, from, it->was_silent ? SILENCE_COST : FAILURE_COST, now_ms);
}

/* ---- From where members came ---- */

uint64_t cf_connection_limits_news(const cf_connection_limits *keeper)
{
    return keeper->news;
}

static int latest_first(const void *a, const void *b)
{
    const cf_door_member *first = a, *second = b;

    if (first->left_ms != second->left_ms)
        return first->left_ms > second->left_ms ? -1 : 1;
    return memcmp(first->address, second->address, ADDRESS_SIZE);
}

size_t cf_connection_limits_members(const cf_connection_limits *keeper, uint64_t now_ms,
                                    cf_door_member out[CF_DOOR_MEMBERS_MAX])
{
    cf_door_member *all = cf_allocate(keeper->address_count + 1, sizeof *all);
    size_t count = 0;

    for (size_t i = 0; i < keeper->address_count; i++) {
        const address *it = &keeper->addresses[i];

        if (!is_members(it, now_ms))
            continue;
        memcpy(all[count].address, it->name, ADDRESS_SIZE);
        all[count++].left_ms = it->members_ms - now_ms;
    }
    if (count > 1)
        qsort(all, count, sizeof *all, latest_first);
    count = count < CF_DOOR_MEMBERS_MAX ? count : CF_DOOR_MEMBERS_MAX;
    if (count)
        memcpy(out, all, count * sizeof *all);
    free(all);
    return count;
}

void cf_connection_limits_expect(cf_connection_limits *keeper, const cf_door_member *member,
                                 uint64_t now_ms)
{
    const uint64_t left_ms = member->left_ms < DAY_MS ? member->left_ms : DAY_MS;
    uint8_t name[ADDRESS_SIZE];

    name_of(member->address, name);
    address *from = find_or_add(keeper, name, now_ms);
    if (from->members_ms < now_ms + left_ms)
        from->members_ms = now_ms + left_ms;
}

/* ---- Who is to be shut ---- */

static int tell(cf_connection_limits *keeper, connection *it, const char **why, const char *text)
{
    it->is_told = true;
    set_stranger(keeper, it, false);
    *why = text;
    return (int)(it - keeper->connections);
}

int cf_connection_limits_overdue(cf_connection_limits *keeper, uint64_t now_ms, const char **why)
{
    uint64_t patience_ms = keeper->allowances.silence * 1000;

    if (!keeper->silent.first)
        return -1;
    connection *it = &keeper->connections[keeper->silent.first - 1];
    if (patience_ms && now_ms > it->said_ms && now_ms - it->said_ms >= patience_ms) {
        it->was_silent = true;
        return tell(keeper, it, why, "it was silent too long");
    }
    if (keeper->allowances.strangers && keeper->strangers > keeper->allowances.strangers)
        return tell(keeper, it, why, "too many connections without a session");
    for (size_t i = 0; keeper->crowded && i < keeper->address_count; i++) {
        const address *from = &keeper->addresses[i];

        if (is_crowded(keeper, from) && from->silent.first)
            return tell(keeper, &keeper->connections[from->silent.first - 1], why,
                        "too many connections of this address without a session");
    }
    return -1;
}
