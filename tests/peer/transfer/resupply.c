/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/resupply.h"

#include "tests/peer/transfer/depot.h"

#include <stdlib.h>

enum { SIZE = 100000 };

static depot d;
static cf_resupply *resupply;

static cf_binding *const *no_bindings(void *context, size_t *count)
{
    (void)context;
    *count = 0;
    return NULL;
}

static void open_all(void)
{
    depot_open(&d);
    resupply = cf_resupply_new(&(cf_resupply_options){&d.peer, no_bindings, NULL});
}

static void close_all(void)
{
    cf_resupply_destroy(&resupply);
    depot_close(&d);
}

TestSuite(resupply, .init = open_all, .fini = close_all);

/* An entry that names the first blob of the depot. */
static cf_head an_entry(void)
{
    uint8_t *content = noise(1, SIZE);

    depot_whole(&d, cf_bytes_of(content, SIZE));
    free(content);
    return (cf_head){d.author.next.writer, d.author.next.sequence - 1, d.author.next.previous};
}

Test(resupply, lacks_what_a_refused_entry_names_unless_it_was_brought)
{
    cf_head entry = an_entry();
    const cf_hash *blob = &d.blobs[0].id;

    cf_resupply_blocked(resupply, &entry, 1);
    cr_expect(cf_contents_lacks(d.peer.contents, blob));
    cf_resupply_stored(resupply, blob);
    cr_expect_not(cf_contents_lacks(d.peer.contents, blob));
    cf_resupply_blocked(resupply, &entry, 2);
    cr_expect_not(cf_contents_lacks(d.peer.contents, blob), "the refusal is older than the blob");
}

/* The broker loses in the same session what it was brought. A download, which finds that another
 * device has brought it once more, ends the lack, and then the broker loses it again. */
Test(resupply, what_the_broker_wants_anew_counts_as_brought_no_more)
{
    cf_head entry = an_entry();
    const cf_hash *blob = &d.blobs[0].id;

    cf_resupply_wanted(resupply, blob, 1, 1);
    cf_resupply_stored(resupply, blob);
    cf_resupply_wanted(resupply, blob, 1, 2);
    cr_expect(cf_contents_lacks(d.peer.contents, blob));
    cf_contents_lack_no_more(d.peer.contents, blob);
    cf_resupply_blocked(resupply, &entry, 3);
    cr_expect(cf_contents_lacks(d.peer.contents, blob));
}
