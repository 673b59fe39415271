/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/coding.h"
#include "hagw-proxyd/wire/request.h"

/* Which answers are compressed on their way, and what their heads say then. Compressing tells, by the size,
 * whether what somebody else chose in an answer is like what is secret in it (BREACH). So it is done for
 * files alone, which are the same whoever asks: an answer has to look like one in every respect that is
 * judged here. Pure. */

/* Bytes: what fits into a packet with its head gains nothing. */
#define COMPRESS_SIZE_MIN 1024U
#define COMPRESS_TAG_MAX 256U /* bytes of an ETag; a longer one is not known by any server */

typedef enum CompressVerdict {
        /* Of a kind that is compressed, for one visitor or the other: these have Vary. */
        COMPRESS_YES,
        COMPRESS_UNCHANGED, /* 304 for one who has it compressed */
        COMPRESS_UNWANTED,  /* the visitor takes no coding that there is */
        COMPRESS_PART,      /* he asked for a part of it */
        COMPRESS_CROWDED,   /* too many are being compressed; not said here */
        /* Never: */
        COMPRESS_OFF,       /* by the host's setting; not said here */
        COMPRESS_METHOD,
        COMPRESS_STATUS,
        COMPRESS_TYPE,
        COMPRESS_CODED,     /* it is already */
        COMPRESS_COOKIE,    /* it sets one */
        COMPRESS_PRIVATE,   /* it says that it is one visitor's */
        COMPRESS_TRANSFORM, /* it, or the request, forbids changes */
        COMPRESS_DIGEST,    /* it says a digest of what is sent */
        COMPRESS_CREDENTIALS, /* it is data, and the request says who asks */
        COMPRESS_DYNAMIC,   /* nothing says that it is a file */
        COMPRESS_QUERY,     /* the target says more than which file */
        COMPRESS_TAG,       /* its ETag is no tag, or too long */
        COMPRESS_SMALL,
        _COMPRESS_VERDICT_MAX,
} CompressVerdict;

typedef struct CompressPlan {
        CompressVerdict verdict;
        Coding coding; /* CODING_IDENTITY but for COMPRESS_YES */
        char tag[COMPRESS_TAG_MAX + 2];
} CompressPlan;

/* The answer as it came. The plan has to live as long as its head. */
void compress_judge(const Request *request, const Response *answer, CompressPlan *ret);
/* It stays as it is, for a reason that lies with us. */
void compress_not(CompressPlan *p, CompressVerdict why);
const char *compress_verdict_text(CompressVerdict v);

/* The head of an answer that goes by the plan, in two steps: what does not hold any more, and what is to be
 * said. A body becomes BODY_CHUNKED, for nobody knows its length. -ENOBUFS. */
void compress_cut_head(CompressPlan *p, Response *answer);
int compress_say_head(const CompressPlan *p, Response *answer);
