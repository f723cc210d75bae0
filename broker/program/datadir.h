/* SPDX-License-Identifier: Apache-2.0 */
/* A broker's data directory: who holds it, the broker's key, the address it is reached at. One
 * process at a time.
 *
 * It has `key`, `store` and `blobs`, or nothing of them: whoever makes a broker writes `making`
 * before the first of them and removes it after the last, so that one of which something is gone is
 * told from one that was never finished. */
#ifndef CF_BROKER_PROGRAM_DATADIR_H
#define CF_BROKER_PROGRAM_DATADIR_H
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "broker/store/store_room.h"
#include "codec/address.h"
#include "broker/program/broker_key.h"

typedef struct cf_datadir cf_datadir;

/* A store that a repair made, while it puts it in the place of the damaged one. */
#define CF_DATADIR_MENDED "store.mended"

/* Behind what a user is not permitted there. */
#define CF_DATADIR_OTHERS_TEXT ": it is for whoever runs the broker: try as that user"

typedef enum {
    CF_DATADIR_EXISTING, /* never made: CF_MISSING where there is none */
    CF_DATADIR_EITHER,   /* made in a directory that is missing or empty */
    /* The same, and around a key that lies there alone; CF_CHANGED where there is a broker. */
    CF_DATADIR_NEW,
} cf_datadir_way;

/* Takes the directory. CF_LOCKED while another process has it; CF_USAGE where something else than a
 * broker would be made in the midst of other files; CF_BROKEN when it has a part of a broker, of
 * which the text names what is gone. What it can't open it leaves as it was. Where a repair was
 * killed between its renames, it puts the mended store in place first. `env->files` is used, and
 * set in the process. */
cf_status cf_datadir_open(const cf_env *env, const char *path, cf_datadir_way way, cf_datadir **out,
                          cf_error *error);
void cf_datadir_destroy(cf_datadir **datadir);

/* What its holder does, for who is refused: "4321" becomes "4321, verify". Words: nothing depends
 * on them. */
void cf_datadir_tell(const cf_datadir *datadir, const char *doing);

/* Whether its path still leads to the directory that was opened, as far as can be told. */
bool cf_datadir_is_at_its_path(const cf_datadir *datadir);
/* The inode of the folder of blobs; 0: there is none. */
uint64_t cf_datadir_blobs(const cf_datadir *datadir);

const char *cf_datadir_path(const cf_datadir *datadir);
/* Of the directory that was opened, wherever its path leads by now. */
int cf_datadir_descriptor(const cf_datadir *datadir);
/* Others than its owner may read the broker's key. */
bool cf_datadir_is_key_open(const cf_datadir *datadir);
#define CF_DATADIR_KEY_OPEN_FORMAT                                                                 \
    "the broker's key can be read by others: chmod 600 %s/key, or make a new broker if somebody "  \
    "may have read it"
const cf_keys *cf_datadir_keys(const cf_datadir *datadir);
/* Where the key that is used is by now (broker_key.h). */
cf_broker_key_place cf_datadir_look_for_key(const cf_datadir *datadir);
/* Keeps it where it is not there any more. CF_CHANGED: it was not, and the error says what is there
 * now; others: it could not be written. */
cf_status cf_datadir_keep_key(const cf_datadir *datadir, cf_error *error);
/* It was empty: store and blobs are to be made, and then it is to be finished. */
bool cf_datadir_is_new(const cf_datadir *datadir);
cf_status cf_datadir_finish(cf_datadir *datadir, cf_error *error);
/* Of a new one: there was no key. */
bool cf_datadir_has_made_key(const cf_datadir *datadir);
/* It is on a file system that is mounted so: it can be read. */
bool cf_datadir_is_read_only(const cf_datadir *datadir);
/* CF_IO there, with what helps. */
cf_status cf_datadir_need_writes(const cf_datadir *datadir, cf_error *error);
/* Room left, and in all, in bytes. */
cf_status cf_datadir_room(const cf_datadir *datadir, uint64_t *out, uint64_t *whole,
                          cf_error *error);

/* The same, and what of it the store needs. */
cf_status cf_datadir_reserve(const cf_datadir *datadir, cf_reserve *out, cf_error *error);

/* The broker's line, as it was last served, or printed by `init`. CF_MISSING: it is gone. */
cf_status cf_datadir_address(const cf_datadir *datadir, char line[CF_ADDRESS_TEXT],
                             cf_error *error);
cf_status cf_datadir_keep_address(const cf_datadir *datadir, const char *line, cf_error *error);

/* What `init` was told to advertise, for whoever is told nothing else: in `text`, which is
 * returned; NULL where there is nothing. */
const char *cf_datadir_advertise(const cf_env *env, const char *path, char text[CF_ADDRESS_TEXT]);
cf_status cf_datadir_keep_advertise(const cf_datadir *datadir, const char *text, cf_error *error);

/* When all of it was checked last (0: never), how much damage was found, how many blobs were
 * missing, of how many of these the operator knows, and when a repair last made a new store since
 * (0: none has). CF_MISSING when neither ever was. */
typedef struct {
    uint64_t time_ms;
    uint64_t damages;
    uint64_t missing, known;
    uint64_t mended_ms;
} cf_datadir_check;
cf_status cf_datadir_checked(const cf_datadir *datadir, cf_datadir_check *out, cf_error *error);
/* In any thread. */
cf_status cf_datadir_keep_check(const cf_datadir *datadir, const cf_datadir_check *check,
                                cf_error *error);

/* Whether a broker is there: in words for one who looked for it elsewhere. */
bool cf_datadir_is_there(const cf_env *env, const char *path);

#endif
