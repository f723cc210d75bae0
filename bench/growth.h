/* SPDX-License-Identifier: Apache-2.0 */
/* Acts whose cost is measured while there is more and more of a thing: two devices serve one
 * source, the author (device 0) acts, the receiver follows. */
#ifndef CF_BENCH_GROWTH_H
#define CF_BENCH_GROWTH_H
#include "bench/caller.h"
#include "bench/scene.h"
#include "bench/swept.h"

enum { CF_GROWTH_STEPS = 3, CF_GROWTH_SEVERAL = 4 }; /* 1 ×, 4 ×, 16 × */

/* Whose cost; or'ed. */
typedef enum {
    CF_GROWTH_AUTHOR = 1,
    CF_GROWTH_RECEIVER = 2,
    CF_GROWTH_BROKER = 4,
    CF_GROWTH_DEVICES = CF_GROWTH_AUTHOR | CF_GROWTH_RECEIVER,
} cf_growth_who;

typedef enum {
    CF_GROWTH_PROCESSOR,
    CF_GROWTH_MEMORY,
    CF_GROWTH_CALLS,   /* reads and writes */
    CF_GROWTH_LOOKUPS, /* bench/lookups.h */
    CF_GROWTH_WRITTEN, /* bytes */
    CF_GROWTH_FIGURES,
} cf_growth_figure;

typedef struct {
    cf_scene scene;
    uint64_t seed;
    size_t made;       /* numbers what units make */
    cf_address broker; /* where sessions go */
    cf_caller **sessions;
    size_t session_count, session_capacity;
    cf_swept *swept; /* NULL: nothing is to be swept */
} cf_growth;

typedef struct {
    const char *name, *thing;
    size_t least, quick; /* things at 1 ×; with --quick; 0: not then */
    size_t units;        /* of which the mean is taken, with --quick; 0: some */
    /* Makes of `from` things `to`, or only what the act wants before the first one. */
    cf_status (*prepare)(cf_growth *growth, size_t from, size_t to, cf_error *error);
    /* Acts once, with so many things, and waits until the receiver shows what was done. */
    cf_status (*act)(cf_growth *growth, size_t things, cf_error *error);
    void (*end)(cf_growth *growth); /* NULL: nothing is to be undone */
    /* Before each unit, and not counted; the broker may be another process then. NULL: nothing. */
    cf_status (*begin)(cf_growth *growth, cf_error *error);
    bool each; /* an act is done to all things: a figure is of one of them */
    bool runs; /* an act runs verbs: their lookups, reads and writes are the author's, too */
    cf_growth_who who;
    unsigned limited;  /* figures that may not grow, as bits */
    size_t thing_size; /* bytes; 0: `shares` are not looked at */
    double shares[2];  /* of the bytes of all things that author and receiver may write */
} cf_growth_act;

/* Two devices that serve an empty source, at rest. To be closed also when it failed. */
cf_status cf_growth_open(const cf_bench *bench, cf_growth *out, cf_error *error);
void cf_growth_close(cf_growth *growth);

/* The folder of the file that is saved, and saves of it until there were `to`, each of which the
 * receiver has shown. */
cf_status cf_growth_make_saves(cf_growth *growth, size_t from, size_t to, cf_error *error);
/* Sessions of others at the broker. */
cf_status cf_growth_make_sessions(cf_growth *growth, size_t from, size_t to, cf_error *error);

/* ---- What acts are made of ---- */

/* A name in a device's source, and one with a number in the author's. */
cf_bench_path cf_growth_in_source(const cf_growth *growth, size_t device, const char *name);
cf_bench_path cf_growth_numbered(const cf_growth *growth, const char *format, size_t number);
/* Until both devices have all. */
cf_status cf_growth_settle(cf_growth *growth, cf_error *error);
/* Until the receiver has this, as it is here. */
cf_status cf_growth_wait_for(const cf_growth *growth, const char *name, cf_error *error);
cf_status cf_growth_wait_until_equal(const char *here, const char *there, cf_error *error);
cf_status cf_growth_save(cf_growth *growth, size_t things, cf_error *error);
cf_status cf_growth_ask_status(cf_growth *growth, size_t things, cf_error *error);
/* Contents over 64 KiB: so many, and one more that the receiver has shown. */
cf_status cf_growth_make_blobs(cf_growth *growth, size_t from, size_t to, cf_error *error);
cf_status cf_growth_send_content(cf_growth *growth, size_t things, cf_error *error);

#define CF_GROWTH_BIT(figure) (1U << CF_GROWTH_##figure)
#define CF_GROWTH_COUNTS CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS) | CF_GROWTH_BIT(WRITTEN)

/* Beside files, beside what is none, and on what does not rest. */
extern const cf_growth_act cf_growth_acts[], cf_growth_beside[], cf_growth_unrest[];
extern const size_t cf_growth_act_count, cf_growth_beside_count, cf_growth_unrest_count;

#endif
