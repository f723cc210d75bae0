/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/member_news.h"

#include "codec/keys.h"

static void set(cf_member_news *news, cf_audit_decision what, const cf_hash *device)
{
    news->is_any = true;
    news->what = what;
    news->device = *device;
}

void cf_member_news_read(const cf_entry *entry, cf_member_news *out)
{
    const cf_hash *author = &entry->header.device;
    cf_arena arena = {0};
    cf_member member;
    cf_hash newcomer;
    cf_error error;

    *out = (cf_member_news){.entry = entry->hash};
    if (cf_member_read(entry->body, &arena, &member, &error))
        member.kind = 0;
    switch (member.kind) {
    case CF_MEMBER_ADD:
        newcomer = cf_device_id(member.keys.signing);
        set(out, CF_AUDIT_DEVICE_ADDED, &newcomer);
        out->role = member.role;
        break;
    case CF_MEMBER_ROLE:
        set(out, CF_AUDIT_DEVICE_ROLE, &member.device);
        out->role = member.role;
        break;
    case CF_MEMBER_REVOKE:
        set(out, CF_AUDIT_DEVICE_REVOKED, &member.device);
        break;
    case CF_MEMBER_LEAVE:
        set(out, CF_AUDIT_DEVICE_REVOKED, author);
        break;
    case CF_MEMBER_ANNUL:
        set(out, CF_AUDIT_DEVICE_RESTORED, author);
        break;
    default:
        break;
    }
    cf_arena_release(&arena);
}

void cf_member_news_note(cf_audit *audit, const cf_member_news *news, const cf_hash *user,
                         uint64_t now_ms)
{
    cf_audit_event event = {.what = news->what,
                            .user = user,
                            .device = &news->device,
                            .entry = &news->entry,
                            .why = news->role ? cf_role_name(news->role) : NULL};

    cf_audit_note(audit, &event, now_ms);
}
