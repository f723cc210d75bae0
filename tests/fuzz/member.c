/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the member log: clear, so anybody can write one. */
#include "tests/fuzz/target.h"

#include "codec/member.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const cf_recipient recipients[] = {{{{1}}, {{1}}}, {{{2}}, {{2}}}};
    static const cf_share shares[] = {{{{1}}, {{1}}}, {{{2}}, {{9}}}};
    static const cf_head heads[] = {{{{1}}, 3, {{2}}}, {{{2}}, 1, {{1}}}};
    cf_member member = {
        .kind = (cf_member_kind)(number + 1),
        .time_ms = 1700000000000,
        .role = CF_ROLE_MEMBER,
        .access = {.readable = true, .epoch = {{'e'}}},
        .device = {{'d'}},
        .heads = heads,
        .head_count = 2,
        .opening = {{{'c'}}, recipients, 2, cf_bytes_of("earlier", 7)},
        .revocation = {{'r'}},
        .generation = 1,
        .address = cf_bytes_of_text(
            "tcp://host:7817#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")};

    member.opens = member.kind == CF_MEMBER_FIRST || member.kind == CF_MEMBER_EPOCH ||
                   member.kind == CF_MEMBER_REVOKE;
    if (number == 9) { /* once more, with access to some collections */
        member.kind = CF_MEMBER_GRANT;
        member.access.limited = true;
        member.access.shares = shares;
        member.access.share_count = 2;
    }
    if (number < 10)
        cf_member_pack(&member, out);
    return number < 10;
}

bool fuzz_run(cf_bytes input)
{
    cf_arena arena = {0};
    cf_buffer again = {0};
    cf_error error;
    cf_member member;

    bool taken = !cf_member_read(input, &arena, &member, &error);
    if (taken) {
        cf_member_pack(&member, &again);
        fuzz_must(cf_bytes_equal(cf_buffer_view(&again), input));
    }
    cf_buffer_release(&again);
    cf_arena_release(&arena);
    return taken;
}
