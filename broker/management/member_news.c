/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of the member log get a line in the audit log: a device that is added, gets another
 * role, is shut out, leaves, or comes back by an annulment; others none. That the user moved is
 * told of the entry alone that made the new home the one that counts. */
#include "broker/management/member_news.h"

#include <stdio.h>
#include <string.h>

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
        memcpy(out->key.bytes, member.keys.curve, sizeof out->key.bytes);
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
    case CF_MEMBER_HOME:
        out->is_home = true;
        out->device = *author;
        break;
    default:
        break;
    }
    cf_arena_release(&arena);
}

void cf_member_news_note(cf_audit *audit, const cf_member_news *news, const cf_hash *user,
                         uint64_t now_ms)
{
    static const cf_hash none;
    cf_audit_event event = {.what = news->what,
                            .user = user,
                            .device = &news->device,
                            .key = cf_hash_equal(&news->key, &none) ? NULL : &news->key,
                            .entry = &news->entry,
                            .why = news->role ? cf_role_name(news->role) : NULL};

    cf_audit_note(audit, &event, now_ms);
}

void cf_member_news_note_move(cf_audit *audit, const cf_member_news *news,
                              const cf_registry *registry, const cf_hash *user,
                              const uint8_t key[32], uint64_t now_ms)
{
    char where[CF_ADDRESS_TEXT], why[CF_ADDRESS_TEXT + 8];
    cf_home_broker home;
    cf_address address;

    if (!news->is_home || !cf_registry_has_moved(registry, key, &home, &address) ||
        !cf_hash_equal(&home.entry, &news->entry))
        return;
    cf_address_endpoint(&address, where);
    snprintf(why, sizeof why, "to %s", where);
    cf_audit_event event = {.what = CF_AUDIT_USER_MOVED,
                            .user = user,
                            .device = &news->device,
                            .entry = &news->entry,
                            .why = why};
    cf_audit_note(audit, &event, now_ms);
}
