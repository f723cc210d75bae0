/* SPDX-License-Identifier: Apache-2.0 */
/* What people paste: addresses, codes, recovery phrases. */
#include "tests/fuzz/target.h"

#include "codec/address.h"
#include "codec/arena.h"
#include "codec/keys.h"

#include <string.h>

bool fuzz_seed(size_t number, cf_buffer *out)
{
    cf_address address = {"[2001:db8::1%eth0]", 7817, {7}};
    cf_code code = {.broker = address, .has_user = number == 2, .user = {{'u'}}, .secret = {9}};
    const uint8_t secret[CF_PHRASE_SECRET] = {1, 2, 3};
    char text[CF_CODE_TEXT];

    if (number == 0)
        cf_address_write(&address, text);
    if (number == 1 || number == 2)
        cf_code_write(&code, text);
    if (number == 3)
        cf_phrase_write(secret, text);
    if (number <= 3)
        cf_buffer_append(out, text, strlen(text));
    return number <= 3;
}

static bool check_code(const char *text)
{
    char again[CF_CODE_TEXT];
    cf_code code, once_more;
    cf_error error;

    if (cf_code_read(text, &code, &error))
        return false;
    cf_code_write(&code, again);
    fuzz_must(!cf_code_read(again, &once_more, &error));
    fuzz_must(memcmp(code.secret, once_more.secret, sizeof code.secret) == 0);
    fuzz_must(strcmp(code.broker.host, once_more.broker.host) == 0);
    return true;
}

bool fuzz_run(cf_bytes input)
{
    cf_arena arena = {0};
    const char *text = cf_arena_text(&arena, input);
    char again[CF_ADDRESS_TEXT];
    uint8_t secret[CF_PHRASE_SECRET];
    cf_address address, host;
    cf_error error;

    bool taken = !cf_address_read(text, &address, &error);
    if (taken) {
        cf_address_write(&address, again);
        fuzz_must(!cf_address_read(again, &host, &error));
        fuzz_must(memcmp(address.key, host.key, sizeof host.key) == 0 && address.port == host.port);
    }
    cf_host_port_read(text, &host, &error);
    taken = !cf_phrase_read(text, secret, &error) || taken;
    taken = check_code(text) || taken;
    cf_arena_release(&arena);
    return taken;
}
