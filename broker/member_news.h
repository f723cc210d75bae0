/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the member log means for the audit log. */
#ifndef CF_BROKER_MEMBER_NEWS_H
#define CF_BROKER_MEMBER_NEWS_H
#include "broker/audit.h"
#include "codec/entry.h"
#include "codec/member.h"

typedef struct {
    bool is_any;
    cf_audit_decision what;
    cf_hash device; /* whom it is about; of an annulment its author */
    cf_hash entry;
    cf_role role; /* 0: not said */
} cf_member_news;

/* An entry that was judged; whether it counts is not looked at. */
void cf_member_news_read(const cf_entry *entry, cf_member_news *out);
void cf_member_news_note(cf_audit *audit, const cf_member_news *news, const cf_hash *user,
                         uint64_t now_ms);

#endif
