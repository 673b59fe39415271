/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/visit/conn.h"

/* A request that HTTP/1.1 has brought: the connection is its stream until it ends. */

struct H1 {
        Stream stream;
        H1 *next_free;
        Conn *conn;
        Flow request;      /* its body, as it comes from the visitor */
        BodyKind out;      /* how the answer's goes to him */
        bool upgraded;     /* bytes both ways */
};

/* A worker's. */
typedef struct H1Streams {
        H1 *spare; /* those that are free */
} H1Streams;

/* r: what its body is like; NULL: none is read. Becomes c->h1. NULL: no memory. */
H1 *h1_new(Conn *c, Exchange *x, const Request *r);

/* Serves a connection while it has one. */
extern const ConnServer h1_server;
