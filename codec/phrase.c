/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/phrase.h"

#include "codec/base32.h"
#include "codec/hash.h"
#include "codec/secret.h"

#include <string.h>

enum { CHECK_SIZE = 4, PHRASE_SIZE = CF_PHRASE_SECRET + CHECK_SIZE, GROUP = 4 };

static void check_of(const uint8_t secret[CF_PHRASE_SECRET], uint8_t check[CHECK_SIZE])
{
    cf_bytes piece = cf_bytes_of(secret, CF_PHRASE_SECRET);
    cf_hash hash = cf_hash_of("recovery phrase", &piece, 1);

    memcpy(check, hash.bytes, CHECK_SIZE);
}

void cf_phrase_write(const uint8_t secret[CF_PHRASE_SECRET], char text[CF_PHRASE_TEXT])
{
    uint8_t whole[PHRASE_SIZE];
    char letters[CF_BASE32_LENGTH(PHRASE_SIZE) + 1];

    memcpy(whole, secret, CF_PHRASE_SECRET);
    check_of(secret, whole + CF_PHRASE_SECRET);
    cf_base32_write(cf_bytes_of(whole, sizeof whole), letters);
    for (size_t i = 0; letters[i]; i++) {
        if (i && i % GROUP == 0)
            *text++ = ' ';
        *text++ = letters[i];
    }
    *text = '\0';
    cf_wipe(whole, sizeof whole);
    cf_wipe(letters, sizeof letters);
}

cf_status cf_phrase_read(const char *text, uint8_t secret[CF_PHRASE_SECRET], cf_error *error)
{
    cf_buffer whole = {0};
    cf_status status = CF_OK;
    uint8_t check[CHECK_SIZE];

    cf_buffer_reserve(&whole, strlen(text)); /* so that growing leaves no copy behind */
    if (!cf_base32_read(text, &whole) || whole.size != PHRASE_SIZE) {
        status = cf_fail(error, CF_USAGE,
                         "a recovery phrase is eight groups of four letters a-z and digits 2-7");
        goto done;
    }
    check_of(whole.data, check);
    if (memcmp(check, whole.data + CF_PHRASE_SECRET, CHECK_SIZE) != 0) {
        status = cf_fail(error, CF_USAGE, "the recovery phrase has a typing mistake");
        goto done;
    }
    memcpy(secret, whole.data, CF_PHRASE_SECRET);
done:
    cf_buffer_wipe(&whole);
    return status;
}
