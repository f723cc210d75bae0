/* SPDX-License-Identifier: Apache-2.0 */
/* Cards as texts, for the tests of vCard. */
#ifndef CF_TESTS_PEER_ADAPTERS_CARDS_H
#define CF_TESTS_PEER_ADAPTERS_CARDS_H
#include "peer/adapters/vcard.h"
#include "tests/peer/adapters/text_rows.h"

static inline void cards_enter(void)
{
    static const text_format format = {cf_vcard_rows_read, cf_vcard_rows_write, true};

    text_rows_enter(&format);
}

#define CARD3(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\n" lines "END:VCARD\r\n"
#define CARD4(lines) "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\n" lines "END:VCARD\r\n"

#endif
