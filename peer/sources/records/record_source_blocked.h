/* SPDX-License-Identifier: Apache-2.0 */
/* What record_source_blocked.c finds, and record_source_blocked_told.c tells of it. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_BLOCKED_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_BLOCKED_H
#include "peer/sources/records/record_source_inside.h"

typedef enum {
    CF_ROW_BLOCKED_BY_IGNORED, /* a row that is none of ours has its key */
    CF_ROW_BLOCKED_BY_STAYING, /* one that stays has it */
    CF_ROW_BLOCKED_AS_IT_IS,   /* it is here under another key, and stays */
    CF_ROW_BLOCKED_PARENT,     /* what it refers to is blocked */
    CF_ROW_NOT_BLOCKED,
} cf_row_block_why;

typedef struct {
    cf_table_link link; /* by item */
    const cf_row *viewed;
    cf_row_block_why why;
    bool passes; /* by itself */
} cf_row_block;

/* Of the rows here: they stay, or keep their place for a while, or wait to leave. Others, which do
 * so, refer to those that do it for them. */
typedef enum {
    CF_ROW_GOES,
    CF_ROW_STAYS,
    CF_ROW_STAYS_OVERFULL,  /* its item is overfull */
    CF_ROW_STAYS_UNDER_ONE, /* it refers to such a row, or may */
    CF_ROW_STAYS_FOR_OTHERS,
    CF_ROW_KEEPS,
    CF_ROW_KEEPS_FOR_OTHERS,
    CF_ROW_LEAVES,
    CF_ROW_LEAVES_AFTER_OTHERS,
} cf_row_fate;

cf_row_fate cf_record_run_fate(const cf_record_run *run, const cf_row *here);

#endif
