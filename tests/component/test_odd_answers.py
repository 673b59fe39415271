# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers as small devices send them: what aiohttp, nginx and Apache make of each, and what hagw-proxyd makes of it.

Each row has four letters, for aiohttp 3.11 (Home Assistant's own client), nginx 1.26, Apache 2.4 and hagw-proxyd, in this order:

  T  taken: status and body as they were meant        R  refused: an error, or a 502, and nothing of it passed on
  C  cut: the head is passed on, and the body breaks off so that it shows        O  taken for something else
  B  R or C, by what came first                                                   ~  differs from time to time

Behind ours a + says that the connection may be used again; otherwise it must not be. Where two of the three take what we do not,
the row says why. The others are asked every time, so that the table stays true."""

import collections
import subprocess

import pytest
from answerpeers import PEERS, Reading, RowService, free_port, read_visitor
from proxyhouse import HOST
from test_proxyd_attack import host, make, opened  # noqa: F401 (fixtures)

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 2\r\n"
CODING = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"
NO_CONTENT, NOT_MODIFIED = b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 304 Not Modified\r\n"

Row = collections.namedtuple("Row", "name text letters why meant end")
ROWS = []


def row(name, text, letters, why="", meant=(200, b"ok"), end="close"):
    ROWS.append(Row(name, text, letters, why, meant, end))


def line(name, text, letters, why="", status=200):
    row(f"status line: {name}", text + LENGTH + b"\r\nok", letters, why, (status, b"ok"))


def field(name, text, letters, why=""):
    row(f"field: {name}", OK + text + LENGTH + b"\r\nok", letters, why)


def framing(name, text, letters, why="", body=b"ok", end="close"):
    row(f"framing: {name}", OK + text + b"\r\n" + body, letters, why, end=end)


def bare(name, text, letters, why="", body=b"", end="close"):
    row(f"no body: {name}", text + b"\r\n" + body, letters, why, (int(text.split()[1]), b""), end)


def old(name, text, body, letters, why="", end="close"):
    row(f"HTTP/1.0: {name}", b"HTTP/1.0 200 OK\r\n" + text + b"\r\n" + body, letters, why, end=end)


def interim(name, text, letters, why=""):
    row(f"interim: {name}", text + OK + LENGTH + b"\r\nok", letters, why)


def chunks(name, body, letters, why="", meant=b"ok", end="close"):
    row(f"chunks: {name}", OK + CODING + b"\r\n" + body, letters, why, (200, meant), end)


row("plain", OK + LENGTH + b"\r\nok", "TTTT+")

line("no reason", b"HTTP/1.1 200\r\n", "TTTT+")
line("no reason, blank", b"HTTP/1.1 200 \r\n", "TTTT+")
line("two blanks before status", b"HTTP/1.1  200 OK\r\n", "RTOT")
line("two blanks before reason", b"HTTP/1.1 200  OK\r\n", "TTTT+")
line("blank at end", b"HTTP/1.1 200 OK \r\n", "TTTT+")
line("tab before reason", b"HTTP/1.1 200\tOK\r\n", "ROTT")
line("tab before status", b"HTTP/1.1\t200 OK\r\n", "ROOT")
line("lower case", b"http/1.1 200 OK\r\n", "RTOT")
line("blank in front", b" HTTP/1.1 200 OK\r\n", "ROOT")
line("HTTP/1.0", b"HTTP/1.0 200 OK\r\n", "TTTT")
line("HTTP/1.2", b"HTTP/1.2 200 OK\r\n", "RTTT")
line("HTTP/1.10", b"HTTP/1.10 200 OK\r\n", "RTOT")
line("HTTP/1", b"HTTP/1 200 OK\r\n", "RTOT")
line("HTTP/0.9", b"HTTP/0.9 200 OK\r\n", "TTRT")
line("HTTP/2.0", b"HTTP/2.0 200 OK\r\n", "TTRT")
line("HTTP/2", b"HTTP/2 200 OK\r\n", "RTOT")
line("HTTP", b"HTTP 200 OK\r\n", "RTOT")
line("HTTP/", b"HTTP/ 200 OK\r\n", "RTOT")
line("ICY", b"ICY 200 OK\r\n", "RTOT")
line("RTSP", b"RTSP/1.0 200 OK\r\n", "RTOR", "another protocol")
line("Status:", b"Status: 200 OK\r\n", "RTOR")
line("two digits", b"HTTP/1.1 20 OK\r\n", "ROOR")
line("four digits", b"HTTP/1.1 2000 OK\r\n", "ROTR")
line("leading zero", b"HTTP/1.1 0200 OK\r\n", "RTRR")
line("200OK", b"HTTP/1.1 200OK\r\n", "ROTR")
line("200-OK", b"HTTP/1.1 200-OK\r\n", "ROTR")
line("099", b"HTTP/1.1 099 OK\r\n", "TTTR", "no status begins with 0, and who reads one as a number thinks it interim", status=99)
line("000", b"HTTP/1.1 000 OK\r\n", "TTTR", "as above", status=0)
line("600", b"HTTP/1.1 600 OK\r\n", "TTTT", status=600)
line("999", b"HTTP/1.1 999 OK\r\n", "TTTT", status=999)
line("not a number", b"HTTP/1.1 OK\r\n", "ROOR")
line("+200", b"HTTP/1.1 +200 OK\r\n", "RTOR")
line("-200", b"HTTP/1.1 -200 OK\r\n", "ROOR")
line("8 bit reason", b"HTTP/1.1 404 Nicht gefunden \xfc\r\n", "TTTT+", status=404)
line("control in reason", b"HTTP/1.1 200 O\x01K\r\n", "TTTT")
line("ESC in reason", b"HTTP/1.1 200 O\x1b[2JK\r\n", "TTTT")
line("DEL in reason", b"HTTP/1.1 200 O\x7fK\r\n", "TTTT")
line("tab in reason", b"HTTP/1.1 200 O\tK\r\n", "TTTT+")
line("NUL in reason", b"HTTP/1.1 200 O\0K\r\n", "TTRT")
line("CR in reason", b"HTTP/1.1 200 O\rK\r\n", "RTTT")
line("bare LF", b"HTTP/1.1 200 OK\n", "TTTT")
line("CR CR LF", b"HTTP/1.1 200 OK\r\r\n", "OTTT")
line("CRLF before", b"\r\nHTTP/1.1 200 OK\r\n", "TOTT+")
line("LF before", b"\nHTTP/1.1 200 OK\r\n", "TTTT")
line("two CRLF before", b"\r\n\r\nHTTP/1.1 200 OK\r\n", "TORR")
line("garbage line before", b"garbage\r\nHTTP/1.1 200 OK\r\n", "ROOR")
line("two status lines", b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n", "RTTT")
line("long reason", b"HTTP/1.1 200 " + b"O" * 5000 + b"\r\n", "TRTT+")
row("status line: none, HTML at once", b"<html>ok</html>\r\n\r\n", "ROOR")
row("status line: none, fields only", b"Content-Type: text/plain\r\n\r\nok", "ROOR")
row("status line: nothing at all", b"", "RRRR")

row("head: bare LF everywhere", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "TTTT")
row("head: bare LF at the empty line", OK + LENGTH + b"\nok", "TTTT")
row("head: CR CR LF at the empty line", OK + LENGTH + b"\r\r\nok", "RRRR")
row("head: bare CR as line end", b"HTTP/1.1 200 OK\rContent-Length: 2\r\rok", "RRRR")
row("head: LF CR", b"HTTP/1.1 200 OK\n\rContent-Length: 2\n\r\n\rok", "RRRR")
row("head: ends with the connection", OK + LENGTH, "RRRR")
row("head: ends with the connection inside", OK + b"Content-Le", "RRRR")
row("head: no fields, until end", OK + b"\r\nok", "TTTT", end="eof")
row("head: no fields, bare LF", b"HTTP/1.1 200 OK\n\nok", "TTTT", end="eof")

field("bare LF", b"X: a\n", "TTTT")
field("CR CR LF", b"X: a\r\r\n", "RTTT")
field("fold blank", b"X: a\r\n b\r\n", "TRTT")
field("fold tab", b"X: a\r\n\tb\r\n", "TRTT")
field("fold LF", b"X: a\n b\r\n", "TRTT")
field("fold empty", b"X:\r\n b\r\n", "TRTT")
field("fold blank only", b"X: a\r\n \r\n", "TRTT")
row("field: fold first", OK + b" X: a\r\n" + LENGTH + b"\r\nok", "TRRT")
row("field: fold of length", OK + b"Content-Length:\r\n 2\r\n\r\nok", "TRTT")
row("field: fold of length's digits", OK + b"Content-Length: 2\r\n 3\r\n\r\n" + b"o" * 23, "RRRR")
row("field: fold of coding", OK + b"Transfer-Encoding:\r\n chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "TRTT")
row("field: fold before the end", OK + LENGTH + b"X: a\r\n \r\n\r\nok", "TRTT")
field("blank before colon", b"X : a\r\n", "RRRT")
field("tab before colon", b"X\t: a\r\n", "RRRT")
row("field: blank before length's colon", OK + b"Content-Length : 2\r\n\r\nok", "TRRT")
row("field: blank before coding's colon", OK + b"Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "TRRT")
field("no colon", b"garbage\r\n", "RTRT")
field("no colon, words", b"some words here\r\n", "RRRT")
field("no name", b": a\r\n", "RRRT")
field("blank in name", b"X Y: a\r\n", "RRRT")
field("8 bit name", b"X\xc3\xa4: a\r\n", "RTRT")
field("parenthesis in name", b"X(a): a\r\n", "RTRT")
field("slash in name", b"X/a: a\r\n", "RTRT")
field("control in name", b"X\x01: a\r\n", "RRRT")
field("NUL in name", b"X\0: a\r\n", "RRRT")
field("underscore in name", b"X_Y: a\r\n", "TTTT+")
field("long name", b"X" * 300 + b": a\r\n", "TTTT")
field("no blank behind colon", b"X:a\r\n", "TTTT+")
field("empty value", b"X:\r\n", "TTTT+")
field("8 bit value", b"X: \xe4\xf6\r\n", "TTTT+")
field("control in value", b"X: a\x01b\r\n", "TTRT")
field("DEL in value", b"X: a\x7fb\r\n", "TTRT")
field("VT in value", b"X: a\x0bb\r\n", "TTRT")
field("NUL in value", b"X: a\0b\r\n", "TRRT")
field("CR in value", b"X: a\rb\r\n", "RRRR")
field("CR smuggles a field", b"X: a\rContent-Length: 1\r\n", "RRRR")
field("long value", b"X: " + b"a" * 7000 + b"\r\n", "TRTT+")
field("20 KB value", b"X: " + b"a" * 20000 + b"\r\n", "RRRT+")
field("90 fields", b"X: a\r\n" * 90, "TTTT+")
field("seventeen connection options", b"Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n", "TTTT")
field("status line among fields", b"HTTP/1.1 302 Found\r\n", "RTTT")

framing("twice equal length", LENGTH + LENGTH, "RRTT")
framing("three equal lengths", LENGTH + LENGTH + LENGTH, "RRTT")
framing("different lengths", LENGTH + b"Content-Length: 3\r\n", "RRTR")
framing("length list equal", b"Content-Length: 2, 2\r\n", "RRRT")
framing("length list different", b"Content-Length: 2, 3\r\n", "RRRR")
framing("length plus", b"Content-Length: +2\r\n", "RRRR")
framing("length minus", b"Content-Length: -2\r\n", "RRRR")
framing("length -1", b"Content-Length: -1\r\n", "RRRR")
framing("length zeros", b"Content-Length: 0002\r\n", "TTTT+")
framing("length many zeros", b"Content-Length: " + b"0" * 30 + b"2\r\n", "TTTT")
framing("length empty", b"Content-Length:\r\n", "RRRR")
framing("length word", b"Content-Length: unknown\r\n", "RRRR")
framing("length hex", b"Content-Length: 0x2\r\n", "RRRR")
framing("length trailing garbage", b"Content-Length: 2;\r\n", "RRRR")
framing("length fraction", b"Content-Length: 2.0\r\n", "RRRR")
framing("length two numbers", b"Content-Length: 2 2\r\n", "RRRR")
framing("length trailing blanks", b"Content-Length: 2 \t\r\n", "RRTT")
framing("length quoted", b"Content-Length: \"2\"\r\n", "RRRR")
framing("length huge", b"Content-Length: 99999999999999999999999\r\n", "RRRR")
framing("length 2^63", b"Content-Length: 9223372036854775808\r\n", "CRRR")
framing("length 19 digits", b"Content-Length: 9000000000000000000\r\n", "CCCR")
framing("length too short for the body", LENGTH, "RTTT", body=b"ok-and-more")
framing("length too long for the body", b"Content-Length: 3\r\n", "CCCC")
framing("coding and length", CODING + LENGTH, "RRTT", body=CHUNKS)
framing("length and coding", LENGTH + CODING, "RRTT", body=CHUNKS)
framing("coding twice", CODING + CODING, "TRTT", body=CHUNKS)
framing("chunked, chunked", b"Transfer-Encoding: chunked, chunked\r\n", "TRTT", body=CHUNKS)
framing("Chunked", b"Transfer-Encoding: Chunked\r\n", "TTTT+", body=CHUNKS)
framing("chunked blank", b"Transfer-Encoding: chunked \r\n", "TTTT+", body=CHUNKS)
framing("identity", b"Transfer-Encoding: identity\r\n", "TRTT", end="eof")
framing("identity and length", b"Transfer-Encoding: identity\r\n" + LENGTH, "RRTT")
framing("identity, chunked", b"Transfer-Encoding: identity, chunked\r\n", "TRTT", body=CHUNKS)
framing("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n", "TRTR",
        "the visitor would get compressed bytes that nothing says are compressed", body=CHUNKS)
framing("gzip", b"Transfer-Encoding: gzip\r\n", "TRTR", "as above")
framing("deflate and length", b"Transfer-Encoding: deflate\r\n" + LENGTH, "RRTR")
framing("xchunked", b"Transfer-Encoding: xchunked\r\n", "OROR", body=CHUNKS)
framing("chunked;q", b"Transfer-Encoding: chunked;q=1\r\n", "OROR", body=CHUNKS)
framing("empty coding", b"Transfer-Encoding:\r\n", "TRTT", end="eof")
framing("empty coding and length", b"Transfer-Encoding:\r\n" + LENGTH, "TRTT")
framing("vt chunked", b"Transfer-Encoding: \x0bchunked\r\n", "ORTR", body=CHUNKS)

bare("204", NO_CONTENT, "TTTT+")
bare("204 length 0", NO_CONTENT + b"Content-Length: 0\r\n", "TTTT+")
bare("204 length", NO_CONTENT + LENGTH, "TTTT")
bare("204 length body", NO_CONTENT + LENGTH, "RTTT", body=b"ok")
bare("204 chunked", NO_CONTENT + CODING, "TTTT")
bare("204 chunked end", NO_CONTENT + CODING, "RTTT", body=b"0\r\n\r\n")
bare("204 chunked body", NO_CONTENT + CODING, "RTTT", body=CHUNKS)
bare("204 body", NO_CONTENT, "RTTT", body=b"ok")
bare("304 length", NOT_MODIFIED + LENGTH, "TTTT+")
bare("304 length body", NOT_MODIFIED + LENGTH, "RTTT", body=b"ok")
bare("304 chunked", NOT_MODIFIED + CODING, "TTTT+")
bare("304 chunked end", NOT_MODIFIED + CODING, "RTTT", body=b"0\r\n\r\n")
bare("205 no length", b"HTTP/1.1 205 Reset Content\r\n" + b"Content-Length: 0\r\n", "TTTT+")
bare("200 length 0 with body", OK + b"Content-Length: 0\r\n", "RTTT", body=b"ok")
bare("302 without length", b"HTTP/1.1 302 Found\r\nLocation: /a\r\n", "TTTT", end="eof")

old("until end", b"", b"ok", "TTTT", end="eof")
old("length", LENGTH, b"ok", "TTTT")
old("chunked", CODING, CHUNKS, "TTTT")
old("chunked and length", CODING + LENGTH, CHUNKS, "RRTT")
old("chunked said, plain sent", CODING, b"ok", "RRRR")
old("keep-alive", b"Connection: keep-alive\r\n" + LENGTH, b"ok", "TTTT")
old("keep-alive without length", b"Connection: keep-alive\r\n", b"ok", "TTTT", end="eof")

interim("100", b"HTTP/1.1 100 Continue\r\n\r\n", "TTTT+")
interim("100 with field", b"HTTP/1.1 100 Continue\r\nX: a\r\n\r\n", "TTTT+")
interim("100 length 0", b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", "TRTT+")
interim("100 length 2", b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n", "TRTT")
interim("100 chunked", b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", "TRTT")
interim("100 bare LF", b"HTTP/1.1 100 Continue\n\n", "TTTT")
interim("HTTP/1.0 100", b"HTTP/1.0 100 Continue\r\n\r\n", "RTTT")
interim("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "TTTT+")
interim("102 x3", b"HTTP/1.1 102 Processing\r\n\r\n" * 3, "TTTT+")
interim("199", b"HTTP/1.1 199 Odd\r\n\r\n", "TTTT+")
interim("101 unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "OORR")
row("interim: 100 and no more", b"HTTP/1.1 100 Continue\r\n\r\n", "RRRR")

chunks("plain", CHUNKS, "TTTT+")
chunks("blanks behind size", b"2  \r\nok\r\n0  \r\n\r\n", "TTTT")
chunks("many blanks behind size", b"2       \r\nok\r\n0       \r\n\r\n", "TTTT")
chunks("tab behind size", b"2\t\r\nok\r\n0\r\n\r\n", "TTTT")
chunks("blank before size", b" 2\r\nok\r\n 0\r\n\r\n", "RRRR")
chunks("blank before ext", b"2 ;a\r\nok\r\n0\r\n\r\n", "TTTT")
chunks("ext", b"2;a=b\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("ext quoted", b"2;a=\"b;c\"\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("ext bare LF", b"2;a\nok\r\n0\r\n\r\n", "TTRT")
chunks("ext control", b"2;\x01\r\nok\r\n0\r\n\r\n", "RTRR")
chunks("ext CR inside", b"2;a\rb\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("ext 500 bytes", b"2;" + b"a" * 500 + b"\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("ext 5000 bytes", b"2;" + b"a" * 5000 + b"\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("leading zeros", b"0002\r\nok\r\n0000\r\n\r\n", "TTTT+")
chunks("8 digits", b"00000002\r\nok\r\n00000000\r\n\r\n", "TTTT+")
chunks("15 zeros", b"000000000000002\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("16 digits", b"0000000000000002\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("20 digits", b"00000000000000000002\r\nok\r\n0\r\n\r\n", "TTTT+")
chunks("upper case", b"A\r\nokokokokok\r\n0\r\n\r\n", "TTTT+", meant=b"okokokokok")
chunks("0x", b"0x2\r\nok\r\n0x0\r\n\r\n", "RRRR")
chunks("plus", b"+2\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("minus", b"-2\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("junk behind size", b"2x\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("junk behind blank", b"2 x\r\nok\r\n0\r\n\r\n", "RTRR")
chunks("quoted", b"\"2\"\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("empty size", b"\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("size bare LF", b"2\nok\n0\n\n", "RTRT")
chunks("size bare LF only", b"2\nok\r\n0\r\n\r\n", "RTRT")
chunks("data ends bare LF", b"2\r\nok\n0\r\n\r\n", "TTCT")
chunks("last size bare LF", b"2\r\nok\r\n0\n\r\n", "RTCT")
chunks("last bare LF", b"2\r\nok\r\n0\r\n\n", "TTCT")
chunks("last bare LF both", b"2\r\nok\r\n0\n\n", "CTCT")
chunks("blank then LF", b"2 \nok\r\n0\r\n\r\n", "RTRT")
chunks("no CRLF behind data", b"2\r\nok0\r\n\r\n", "RRCR")
chunks("CRLF twice behind data", b"2\r\nok\r\n\r\n0\r\n\r\n", "RRCR")
chunks("data longer than size", b"2\r\noktoo\r\n0\r\n\r\n", "RRCR")
chunks("CR CR LF behind size", b"2\r\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("bare CR behind size", b"2\rok\r\n0\r\n\r\n", "RRRR")
chunks("CR then x behind size", b"2\rX\nok\r\n0\r\n\r\n", "RRRR")
chunks("no final CRLF, end", b"2\r\nok\r\n0\r\n", "CCCC")
chunks("only 0, end", b"2\r\nok\r\n0", "CCCC")
chunks("no last chunk, end", b"2\r\nok\r\n", "CCCC")
chunks("no CRLF behind data, end", b"2\r\nok", "CCCC")
chunks("data short, end", b"5\r\nok", "CCCC")
chunks("size only, end", b"2", "CCBC")
chunks("final CR only, end", b"2\r\nok\r\n0\r\n\r", "CCCC")
chunks("nothing, end", b"", "CCCC")
chunks("said, but plain sent", b"ok, this is plain text", "RRRR")
chunks("said, but html sent", b"<html>ok</html>", "RRRR")
chunks("trailer", b"2\r\nok\r\n0\r\nX: a\r\n\r\n", "TTTT+")
chunks("trailer no colon", b"2\r\nok\r\n0\r\ngarbage\r\n\r\n", "RTCT")
chunks("trailer bare LF", b"2\r\nok\r\n0\r\nX: a\n\r\n", "TTCT")
chunks("trailer fold", b"2\r\nok\r\n0\r\nX: a\r\n b\r\n\r\n", "TTTT")
chunks("trailer NUL", b"2\r\nok\r\n0\r\nX: a\0\r\n\r\n", "TTCT")
chunks("trailer control name", b"2\r\nok\r\n0\r\nX\x01: a\r\n\r\n", "RTCT")
chunks("trailer length", b"2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n", "RTTT+")
chunks("trailer blank first", b"2\r\nok\r\n0\r\n X: a\r\n\r\n", "RTCT")
chunks("trailer is an answer", b"2\r\nok\r\n0\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", "RTCT")
chunks("trailer CR", b"2\r\nok\r\n0\r\nX: a\rb\r\n\r\n", "RRCR")
chunks("behind the end", b"2\r\nok\r\n0\r\n\r\nEXTRA", "RTTT")
chunks("size 16 digits over", b"ffffffffffffffff\r\nok\r\n0\r\n\r\n", "CRRR")
chunks("size 17 digits over", b"10000000000000002\r\nok\r\n0\r\n\r\n", "RRRR")
chunks("size 2^63", b"8000000000000000\r\nok\r\n0\r\n\r\n", "CRRR")
chunks("reset behind data", b"2\r\nok\r\n", "BBBB", end="reset")

row("broken off: until end", OK + b"\r\nok", "~~~B", end="reset")
row("broken off: length", OK + b"Content-Length: 5\r\n\r\nok", "BBBB", end="reset")


# What a newer aiohttp makes of some, where one is installed (from PyPI, say): version → row → letter.
NEWER_AIOHTTP = {"3.14.": {"status line: RTSP": "T", "status line: CR CR LF": "R", "field: NUL in value": "R",
                           "framing: length trailing blanks": "T"}}


def letter(reading, row):
    if reading.kind == "refused":
        return "R"
    if reading.kind == "cut":
        return "C"
    return "T" if (reading.status, reading.body) == row.meant else "O"


def compare(readings, place, other=None):
    """All rows that are not as the table says. other: row → letter, where it is another than in the table."""
    means = {"B": "RC", "~": "TRCO", "O": "OR"}  # what nginx passes on as it came is sometimes nothing
    wrong = []
    for row, got in zip(ROWS, readings, strict=True):
        expected = (other or {}).get(row.name, row.letters[place])
        if letter(got, row) not in means.get(expected, expected):
            wrong.append(f"{row.name}: {letter(got, row)} instead of {expected}: {got}")
    assert not wrong, "\n".join(wrong)


def version(peer):
    if peer.name == "aiohttp":
        import aiohttp  # noqa: PLC0415

        return aiohttp.__version__
    command = {"nginx": ["nginx", "-v"], "apache": ["apache2", "-v"]}[peer.name]
    p = subprocess.run(command, capture_output=True, text=True, check=True)
    return (p.stdout + p.stderr).partition("/")[2].split()[0]


def test_reasons():
    assert len({r.name for r in ROWS}) == len(ROWS)
    for r in ROWS:
        assert set(r.letters[:4]) <= set("TRCOB~") and len(r.letters) >= 4 and r.letters[4:] in ("", "+"), r
        if r.letters[3] != "T" and r.letters[:3].count("T") >= 2:
            assert r.why, f"{r.name}: why?"


@pytest.mark.parametrize("place, peer", list(enumerate(PEERS)), ids=[p.name for p in PEERS])
def test_others(place, peer, tmp_path):
    missing = peer.missing()
    if missing:
        pytest.skip(missing)
    known = {"aiohttp": "3.11.", "nginx": "1.26.", "apache": "2.4."}[peer.name]
    newer = next((rows for v, rows in NEWER_AIOHTTP.items() if peer.name == "aiohttp" and version(peer).startswith(v)), None)
    if not version(peer).startswith(known) and newer is None:
        pytest.skip(f"{peer.name} is {version(peer)}, the table is of {known}")
    service = RowService([(r.text, r.end) for r in ROWS])
    p = peer(tmp_path / peer.name, free_port(), service.port)
    try:
        compare([p.read(i) for i in range(len(ROWS))], place, newer)
    finally:
        p.close()
        service.close()


def ask(home, number, method="GET", more="Connection: close\r\n"):
    with home.tls() as s:
        s.sendall(f"{method} /{number} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n".encode())
        reading = read_visitor(s, method)
    return Reading("refused", raw=reading.raw) if reading.status == 502 else reading


@pytest.fixture
def served(make, house, opened):  # noqa: F811
    def served(rows):
        service = RowService(rows)
        home = make(main="proxy: { workers = 1; };")
        opened.append(service)
        house.configure("proxy: { workers = 1; };", ha=host(f"http://127.0.0.1:{service.port}"))
        home.proxyd.reload()
        return home, service
    return served


def test_ours(served):
    home, _ = served([(r.text, r.end) for r in ROWS])
    readings = [ask(home, i) for i in range(len(ROWS))]
    for row, got in zip(ROWS, readings, strict=True):
        head = got.raw.partition(b"\r\n\r\n")[0]
        assert not any((c < 32 and c not in b"\t\r\n") or c == 127 for c in head), (row.name, head)
        assert b"\n" not in head.replace(b"\r\n", b"") and b"\r" not in head.replace(b"\r\n", b""), (row.name, head)
        assert b"EVIL" not in got.raw and b"EXTRA" not in got.raw, row.name
    compare(readings, 3)
    home.assert_well()


def test_odd_connections_are_not_used_again(served):
    """The service leaves each open; only behind an answer to the letter may the next request come on it."""
    rows = [r for r in ROWS if r.letters[3] == "T" and r.end == "close"]
    home, service = served([(r.text, "stay") for r in rows] + [(OK + LENGTH + b"\r\nok", "stay")])
    for i in range(len(rows)):
        ask(home, i)
        ask(home, len(rows))
    used = {rows[i].name for i in service.used_again if i < len(rows)}
    assert used == {r.name for r in rows if r.letters[4:]}
    home.assert_well()
