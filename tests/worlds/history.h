/* SPDX-License-Identifier: Apache-2.0 */
/* A script as it happens in a world, and how the world is judged. */
#ifndef CF_TESTS_WORLDS_HISTORY_H
#define CF_TESTS_WORLDS_HISTORY_H
#include "tests/worlds/script.h"
#include "tests/worlds/notes.h"

/* What must hold, by name; NULL in a verdict: all of it does. */
typedef struct {
    const char *property;
    cf_buffer text;
} judgement;

/* The first violation counts. */
void verdict_fail(judgement *self, const char *property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A mistake that is made on purpose when everything has come to rest, so that the oracle has
 * something to find. */
typedef enum {
    SABOTAGE_NONE,
    SABOTAGE_LOSE,      /* a file vanishes everywhere */
    SABOTAGE_INVENT,    /* a byte changes everywhere */
    SABOTAGE_RESURRECT, /* something deleted is back everywhere */
    SABOTAGE_DIVERGE,   /* one device's folder is another */
    SABOTAGE_FORGET,    /* the broker lacks what it has acknowledged */
    SABOTAGE_DISTURB,   /* somebody works on after the end */
    SABOTAGE_LIE,       /* a device that is not in sync says that it is */
    SABOTAGE_LOSE_ROW,  /* a row vanishes everywhere */
    SABOTAGE_MIX_ROWS,  /* two rows have exchanged a value, everywhere */
    SABOTAGE_MISTAKE,   /* a file is elsewhere than its user put it, everywhere */
    SABOTAGE_QUARREL,   /* a conflict copy without a conflict, everywhere */
    SABOTAGE_FABRICATE, /* a device tells of a change that nobody made */
    SABOTAGE_LINGER,    /* somebody never comes to an end */
    SABOTAGE_BETRAY,    /* the broker sends an entry to who was shut out */
    SABOTAGE_SPOIL,     /* what a home keeps of the log is another's */
    SABOTAGE_SWEEP,     /* what a device doesn't ask for goes from its disk */
    SABOTAGE_WITHHOLD,  /* what a device asks for is not there */
    SABOTAGE_TWICE,     /* a card has two lines of what may be there once */
    SABOTAGE_ANSWER,    /* an attendee of an event is there twice, with two answers */
    SABOTAGE_CALL_OFF,  /* an event vanishes everywhere */
    SABOTAGES
} sabotage;
extern const char *const sabotage_names[SABOTAGES];

typedef struct {
    const story *script;
    world *w;
    sabotage sabotage;
    judgement verdict;
    device *worker; /* whose user is at it in the middle of a sync; NULL: nobody's is */
    uint64_t work;  /* the seed of that */
    bool is_pulled; /* whose disk goes in the middle of one */
} history;

/* Runs the script and judges. The digest is of everything that happened. */
typedef struct {
    sabotage sabotage;
    bool traced;
} run_options;
void history_run(const story *script, const run_options *options, judgement *out, uint64_t *digest);

/* ---- users.c, misfortunes.c, disk_fates.c, record_fates.c, record_clears.c, outcasts.c ---- */

/* The device that this act is of. */
device *act_device(history *self, const event *act);
/* False: it is none of a user. */
bool user_acts(history *self, device *who, const event *act);
/* After a power cut: saves, as they are, files that were spoiled though a sync had called them
 * durable, after one that failed. That no program can know: what it read, and gave to others, was
 * still in memory, and no stat tells that the disk has something else. Writing each file anew whose
 * sync fails would be the only help, which is for users to do. What such a file holds now is an
 * edit like any other then; and what it held is with the others, or in the log. */
void user_finds_spoiled(device *who);
void misfortune_happens(history *self, device *who, const event *act);
/* Its disk does not answer from some moment of a sync on, and does when that is over. */
void disk_hangs(history *self, chance *from, device *who);
/* An older copy of its whole disk lies there for a sync, of which nothing may come. */
void disk_is_older(history *self, chance *from, device *who);
/* One of its files of records ends early for a sync, of which nothing may come; nor may it say that
 * all is well. Then that is put back. */
void record_file_is_cut(history *self, chance *from, device *who);
/* The device has records, and what happens to them can be judged. */
bool record_may_be_spoiled(const device *who);
/* All values of a column are gone from one of its tables, of which nothing may come, whatever
 * others do. Then they are put back. */
void record_column_is_cleared(history *self, chance *from, device *who);
/* The same of all rows of a table: the line with the columns' names is left. */
void record_table_is_emptied(history *self, chance *from, device *who);
/* The same of a JSON document, of which `{}` is left. */
void record_document_is_emptied(history *self, chance *from, device *who);
/* The device is revoked, by the first one. */
void outcast_made(history *self, device *who);
/* What one that was revoked says reaches this device. */
void outcast_heard(history *self, chance *from, device *to);
/* Syncs, and takes down what devices say then. */
bool history_sync(history *self, unsigned set, unsigned turns);

/* ---- oracle.c: one function for each property ---- */

/* When all agree: what only one of them worked on at a time is what he made of it, without a
 * conflict copy. */
void oracle_meant(history *self);
/* At any moment: devices that hold the same log and say that they are in sync hold the same. */
void oracle_truthful(history *self);
/* At any moment: causes.h, nothing was changed on another disk (mounts.h), and revocations.h. */
void oracle_causes(history *self);
/* Before a broker's process ends and after. */
void oracle_acked(history *self, world_broker *of);
/* When everything has come to rest. */
void oracle_convergence(history *self);
void oracle_no_loss(history *self);
void oracle_no_invention(history *self);
void oracle_whole_rows(history *self);
/* At any moment. */
void oracle_rules(history *self);
void oracle_deletes_stay_dead(history *self);
void oracle_status(history *self);
/* A device of which there were two, and that signed a sequence number twice, is told by name; and
 * no other is. */
void oracle_forks(history *self);
/* What lies there at a device that asks for some only, and is not among that, is there afterwards,
 * whatever it heard and did meanwhile. */
typedef struct {
    sight of[DEVICES_MAX];
} looks;
void oracle_look(const history *self, looks *out);
void oracle_left(history *self, looks *before); /* takes it */
/* These go on with the world. */
void oracle_quiet(history *self);
void oracle_newcomer(history *self);
/* What every home keeps of its log is what the log says, the newcomer's too. */
void oracle_whole_homes(history *self);
/* In a calm world: all hold now what the user of this device made. */
void oracle_intent(history *self, device *of, cf_bytes tree);

#endif
