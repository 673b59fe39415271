/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

typedef struct Conn Conn;

/* What comes before a visitor's first request: who it is, whom he wants, and the TLS handshake. */

/* Closes without a byte. */
void hello_refuse(Conn *c);
/* For CONN_PROXY, CONN_HELLO and CONN_HANDSHAKE. */
void hello_serve_proxy(Conn *c);
void hello_serve(Conn *c);
void hello_serve_handshake(Conn *c);
/* What transport_handshake() said at last. */
void hello_on_handshake(Conn *c, int r);
