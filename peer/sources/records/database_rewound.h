/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the rows of a database are what they were at an earlier moment, though the file is new:
 * a copy of then was put back, and its program has written to the copy before the next look.
 *
 *     entry 1: rows 1 to 200 are added; entry 2, of another device: 90 more, and 149 are edited
 *     a copy from before entry 2 says n = 0 in row 1:  90 rows are missing, 149 say what they said
 *                                                      after entry 1, row 1 is new: rewound
 *     `UPDATE t SET n = 0` sets 149 rows back:         the 90 stay, so nothing of entry 2 is undone
 *                                                      whole: an edit
 *
 * That is so where more rows than one takes back by hand have lost all that was written since one
 * moment, hardly anything of it is left, and something from before is. What a program does with the
 * rows that were written last may look the same, and is an edit, unless the file has become
 * smaller, as no statement makes it:
 *
 *     9 rows were added elsewhere, and are deleted here:       an edit; with less pages a copy
 *     6 were marked, one by one, by two devices, and no more:  an edit, one value in the column
 *     40 were edited elsewhere, and say what each said:        a copy
 *     40 numbers got other rows elsewhere, and have theirs:    a copy
 *     9 were added here, 9 elsewhere, all 18 are missing:      a copy
 *     9 were added, 5 edited: 9 are missing, 5 as they were:   a copy */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_REWOUND_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_REWOUND_H
#include "peer/log/peer.h"
#include "peer/sources/records/database_undone.h"

/* So many rows that are as they were may be edits that were taken back. */
enum { CF_DATABASE_TAKEN_BACK = 4 };

typedef struct {
    cf_peer *peer;
    const cf_binding *binding; /* with the base */
    cf_database_columns columns;
    const cf_record_file *file;
    bool shrank; /* the file has less pages than it had, which is a copy's doing, or VACUUM's */
} cf_database_compared;

typedef struct {
    size_t missing;    /* rows that were added since */
    size_t changed;    /* rows that say what they said */
} cf_database_rewound; /* {0}: it isn't rewound */

/* Looks through the base; and through the log, once, where that shows that all that was written
 * since one moment may be undone, and rows say something else. */
cf_status cf_database_rewound_count(const cf_database_compared *compared, cf_database_rewound *out,
                                    cf_error *error);

#endif
