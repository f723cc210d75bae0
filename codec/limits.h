/* SPDX-License-Identifier: Apache-2.0 */
/* Every number that bounds what a stranger may send, and nothing else. codec/PROTOCOL.md gives the
 * same numbers. To raise one makes another version of the protocol (section 12 there): an older
 * program refuses what is over its own. */
#ifndef CF_CODEC_LIMITS_H
#define CF_CODEC_LIMITS_H
#include <assert.h>
#include <stdint.h>

#define CF_KIB ((uint64_t)1 << 10)
#define CF_MIB ((uint64_t)1 << 20)
#define CF_GIB ((uint64_t)1 << 30)

#define CF_ENTRY_MAX (1 * CF_MIB)               /* an entry, header to body */
#define CF_FRAME_MAX (1 * CF_MIB + 64 * CF_KIB) /* one ZeroMQ frame */
#define CF_BODY_MAX (16 * CF_MIB)               /* an entry's body after decompression */
#define CF_BODY_GROWTH_MAX 1024                 /* a body opens to so many times its sealed size, */
#define CF_BODY_GROWTH_FREE (64 * CF_KIB)       /* and this */
#define CF_PART_SIZE (256 * CF_KIB) /* a changeset is cut into entries of about this size */
#define CF_ENTRY_BLOBS_MAX 16384    /* blob ids in one header */
#define CF_ENTRY_AFTER_MAX 4096     /* heads in one `after` */
#define CF_VALUE_DEPTH_MAX 8        /* nested containers in a value */
#define CF_FIELD_MAX 1024           /* bytes of a field name */
#define CF_NAME_MAX 255             /* bytes of a file or device name */
#define CF_LAYOUT_MAX (32 * CF_KIB) /* how a collection's files are laid out, */
#define CF_DATABASE_LAYOUT_MAX (256 * CF_KIB) /* and its databases */
#define CF_FORGOTTEN_MAX 4096                 /* tables and columns of a collection */
#define CF_INLINE_MAX (64 * CF_KIB)           /* content or patch kept inside the entry */
#define CF_LEAF_SIZE (64 * CF_KIB)            /* leaf of the content hash tree */
#define CF_FILE_MAX (256 * CF_GIB)            /* a larger file is refused by name */
#define CF_BLOB_PIECE (1 * CF_MIB)            /* how contents are cut */
#define CF_BLOB_PIECE_LARGE (4 * CF_MIB)      /* and those of CF_BLOB_LARGE or more */
#define CF_BLOB_LARGE (64 * CF_MIB)
#define CF_BLOB_MAX (16 * CF_MIB)   /* largest piece size, before sealing */
#define CF_BLOB_OVERHEAD 4096       /* sealing and framing of a blob, at most */
#define CF_BLOB_STEP (256 * CF_KIB) /* bytes of one PUT or BLOB message */
#define CF_DELTA_DEPTH_MAX 16       /* patches applied in a row */
#define CF_DELTA_DEPTH_LARGE 4      /* the same above CF_DELTA_LARGE */
#define CF_DELTA_LARGE (64 * CF_MIB)
#define CF_DELTA_WINDOW_MAX (8 * CF_MIB) /* target window of a patch in the log */
#define CF_UNTAKEN_MAX                                                                             \
    (2 * CF_FRAME_MAX) /* read of a connection without being taken, beyond its window */
#define CF_STRANGERS_UNTAKEN_MAX (64 * CF_MIB)       /* of all that have none */
#define CF_WINDOW (4 * CF_MIB)                       /* bytes under way, each direction */
#define CF_CREDIT_MAX (64 * CF_MIB)                  /* bytes of entries that a broker remembers */
#define CF_HEADS_PAGE 2048                           /* heads in one HELLO or WELCOME page */
#define CF_HEADS_MAX 65536                           /* heads or rungs that one session names */
#define CF_HEADS_OF_HELLO_MAX (CF_HEADS_MAX / 8 * 7) /* of these heads; the rest is for rungs */
#define CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX 64  /* heads that a log takes of a device itself, */
#define CF_HEADS_OF_DEVICE_MAX 4096              /* and in all collections but the member log; */
#define CF_HEADS_OF_USER_MAX 32768               /* of all devices there, whoever brings them, */
#define CF_HEADS_OF_MEMBER_LOG_MAX 4096          /* and in the member log */
#define CF_REPORTED_MAX (16 * CF_HEADS_MAX)      /* heads in the reports of all devices */
#define CF_WELCOME_MAX (16 * CF_HEADS_MAX)       /* heads beyond which WELCOME isn't read on */
#define CF_COLLECTIONS_MAX 4096                  /* collections in one SUBSCRIBE, CONFINE */
#define CF_KEPT_MAX 2048                         /* collections that a device says it keeps */
#define CF_UNMADE_MAX 64                         /* contents that it says it can't make */
#define CF_CHAINS_DEVICES_MAX 1024               /* devices in one CHAINS */
#define CF_LEASES_MAX 4096                       /* leases in one answer */
#define CF_CHECKPOINTS_MAX 256                   /* checkpoints in one answer */
#define CF_KNOCK_MAX (64 * CF_KIB)               /* sealed bytes of KNOCK and ADMIT */
#define CF_TEXT_MAX 1024                         /* bytes of a text or name in a message */
#define CF_ENDPOINTS_MAX 16                      /* addresses in one answer */
#define CF_TIME_MS_MAX UINT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define CF_DAY_MS UINT64_C(86400000)
#define CF_GUEST_MS_MAX (366 * CF_DAY_MS) /* that a broker lets a guest in, by its own clock */
#define CF_TIME_AHEAD_MS CF_DAY_MS /* by which a time may be ahead of the own clock, and count */
#define CF_REQUEST_TIMEOUT_MS 30000

#define CF_SEQUENCE_MAX UINT64_C(0x7fffffffffffffff) /* of a writer's entries */
#define CF_BODY_REFERENCES_MAX 262144                /* mentions of dots in one body */
#define CF_ITEM_WRITES_MAX (UINT64_C(1) << 20)       /* living writes of an item that is shown */
#define CF_KEPT_PARTS_SIZE_MAX (64 * CF_MIB) /* of blobs that come slowly, kept by who fetches */
#define CF_KEPT_PARTS_MAX 4096               /* and so many of them, */
#define CF_KEPT_PARTS_MS (7 * CF_DAY_MS)     /* each for so long after more of it came */
#define CF_PARTS_MAX UINT32_MAX              /* entries that one changeset is cut into */

/* Packed, at most: a head (collection, writer, sequence and hash), the id of a blob or device, a
 * collection, a lease, and what stands around them in a message. */
enum {
    CF_PACKED_HEAD = 96,
    CF_PACKED_BLOB_ID = 34,
    CF_PACKED_COLLECTION = 18,
    CF_PACKED_LEASE = 112,
    CF_PACKED_AROUND = 4096
};

static_assert(CF_ENTRY_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX, "an entry fits into a frame");
static_assert(CF_BLOB_STEP + CF_PACKED_AROUND <= CF_FRAME_MAX, "so does a step of a blob,");
static_assert(CF_KNOCK_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX, "a knock,");
static_assert(CF_PACKED_HEAD * CF_HEADS_PAGE + CF_PACKED_AROUND <= CF_FRAME_MAX, "a page,");
static_assert(CF_PACKED_BLOB_ID * CF_ENTRY_BLOBS_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX, "ids");
static_assert(CF_PACKED_COLLECTION * CF_COLLECTIONS_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX,
              "collections");
static_assert(CF_PACKED_LEASE * CF_LEASES_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX, "leases");
static_assert(256 * CF_CHECKPOINTS_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX, "checkpoints");
static_assert(2 * CF_TEXT_MAX * CF_ENDPOINTS_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX,
              "and the addresses of a user");
static_assert(CF_PACKED_HEAD * CF_ENTRY_AFTER_MAX + CF_PACKED_BLOB_ID * CF_ENTRY_BLOBS_MAX +
                      CF_INLINE_MAX <=
                  CF_ENTRY_MAX,
              "an entry holds all that it may name, and a content");
static_assert(CF_INLINE_MAX <= CF_PART_SIZE && 2 * CF_PART_SIZE <= CF_ENTRY_MAX,
              "a part that goes beyond its size by a content is an entry");
static_assert(CF_ENTRY_MAX <= CF_BODY_MAX, "a body that isn't compressed is no larger than one is");
static_assert(2 * CF_FRAME_MAX <= CF_WINDOW, "one frame is on its way while one is read");
static_assert(CF_UNTAKEN_MAX <= CF_STRANGERS_UNTAKEN_MAX, "all strangers have what one has");
static_assert(CF_BLOB_PIECE % CF_LEAF_SIZE == 0 && CF_BLOB_PIECE_LARGE % CF_LEAF_SIZE == 0,
              "a piece is whole leaves");
static_assert(CF_BLOB_PIECE <= CF_BLOB_PIECE_LARGE && CF_BLOB_PIECE_LARGE <= CF_BLOB_MAX,
              "and a blob, the larger the larger the file;");
static_assert(CF_BLOB_MAX % CF_BLOB_PIECE == 0 && CF_BLOB_MAX % CF_BLOB_PIECE_LARGE == 0 &&
                  (CF_BLOB_MAX / CF_BLOB_PIECE & (CF_BLOB_MAX / CF_BLOB_PIECE - 1)) == 0 &&
                  (CF_BLOB_MAX / CF_BLOB_PIECE_LARGE & (CF_BLOB_MAX / CF_BLOB_PIECE_LARGE - 1)) ==
                      0,
              "it is doubled until it is large enough, and is a blob still");
static_assert(CF_BLOB_MAX * CF_ENTRY_BLOBS_MAX >= CF_FILE_MAX,
              "an entry names the pieces of the largest file");
static_assert(CF_BLOB_MAX + CF_BLOB_OVERHEAD <= CF_KEPT_PARTS_SIZE_MAX,
              "of a blob that comes slowly all is kept");
static_assert(CF_DELTA_DEPTH_LARGE <= CF_DELTA_DEPTH_MAX, "the larger, the fewer patches");
static_assert(CF_PACKED_BLOB_ID * CF_CHAINS_DEVICES_MAX + CF_PACKED_AROUND <= CF_FRAME_MAX,
              "the devices of one CHAINS fit into a frame");
static_assert(CF_WINDOW <= CF_CREDIT_MAX, "a broker remembers a window");
static_assert(CF_HEADS_PAGE <= CF_HEADS_OF_HELLO_MAX && CF_HEADS_MAX <= CF_WELCOME_MAX,
              "a page of heads is said; all heads of a log are read");
static_assert(CF_PACKED_COLLECTION * CF_KEPT_MAX + CF_PACKED_AROUND <= CF_INLINE_MAX &&
                  (CF_PACKED_COLLECTION + CF_PACKED_BLOB_ID) * CF_UNMADE_MAX + CF_PACKED_AROUND <=
                      CF_INLINE_MAX,
              "what a device keeps, or can't make, stands in its entry");
static_assert(CF_KEPT_MAX + 2 <= CF_COLLECTIONS_MAX,
              "what it keeps is asked for at once, with the member log and the catalog");
static_assert(CF_LAYOUT_MAX <= CF_INLINE_MAX, "a layout stands in its entry");
static_assert(CF_DATABASE_LAYOUT_MAX <= CF_PART_SIZE, "and a database's fits into an entry");
static_assert(CF_NAME_MAX <= CF_TEXT_MAX, "a message has room for a name");
static_assert(CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX <= CF_HEADS_OF_DEVICE_MAX &&
                  CF_HEADS_OF_DEVICE_MAX <= CF_HEADS_OF_USER_MAX,
              "a collection's heads are among the device's, and these among the user's");
static_assert(CF_HEADS_OF_USER_MAX + 2 * CF_HEADS_OF_MEMBER_LOG_MAX <= CF_HEADS_MAX &&
                  CF_HEADS_MAX <= CF_REPORTED_MAX,
              "a session names all that a log takes");

#endif
