/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the member log means for the audit log. */
#ifndef CF_BROKER_MANAGEMENT_MEMBER_NEWS_H
#define CF_BROKER_MANAGEMENT_MEMBER_NEWS_H
#include "broker/management/audit.h"
#include "broker/members/registry.h"
#include "codec/entry.h"
#include "codec/member.h"

typedef struct {
    bool is_any;
    bool is_home; /* it names a home; cf_member_news_note_move */
    cf_audit_decision what;
    cf_hash device; /* whom it is about; of an annulment and a home its author */
    cf_hash key;    /* CURVE, of who was added; else zero */
    cf_hash entry;
    cf_role role; /* 0: not said */
} cf_member_news;

/* An entry that was judged; whether it counts is not looked at. */
void cf_member_news_read(const cf_entry *entry, cf_member_news *out);
void cf_member_news_note(cf_audit *audit, const cf_member_news *news, const cf_hash *user,
                         uint64_t now_ms);

/* After this entry of the member log was appended: if it is the home in force, and another broker
 * than this, the audit log says where the user went. */
void cf_member_news_note_move(cf_audit *audit, const cf_member_news *news,
                              const cf_registry *registry, const cf_hash *user,
                              const uint8_t key[32], uint64_t now_ms);

#endif
