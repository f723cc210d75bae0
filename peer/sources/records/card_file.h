/* SPDX-License-Identifier: Apache-2.0 */
/* The records of one file in a folder of contacts, events or tasks, for who names the file: of
 * records themselves nothing but their keys is told elsewhere. */
#ifndef CF_PEER_SOURCES_RECORDS_CARD_FILE_H
#define CF_PEER_SOURCES_RECORDS_CARD_FILE_H
#include "peer/bindings/binding.h"

/* What records are called, as pending things and the log have it; each once. */
typedef struct {
    cf_bytes *at; /* in the arena that was given */
    size_t count;
} cf_record_paths;

/* Those that the file holds now, if it can be read, and those that it held when it was last looked
 * at, so that a deleted one has its own, too. None where the source is no folder of records, or the
 * file is none of its items. Reads the home, and the file unless its disk is silent. */
cf_status cf_card_file_records(cf_peer *peer, cf_binding *binding, cf_bytes name, cf_arena *arena,
                               cf_record_paths *out, cf_error *error);
/* The other way: the names of the files that held the record when the folder was last looked at.
 * What is wrong with them is listed under their names. Reads the home. */
cf_status cf_record_card_files(cf_peer *peer, cf_binding *binding, cf_bytes path, cf_arena *arena,
                               cf_record_paths *out, cf_error *error);

#endif
