# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decoders of what is compressed: Python's zlib, and brotli by its library, for Debian's Python has none in the box."""

import ctypes
import zlib


class Gzip:
    def __init__(self):
        self.z = zlib.decompressobj(31)

    def feed(self, data):
        return self.z.decompress(data)

    @property
    def over(self):
        return self.z.eof and not self.z.unused_data


class Brotli:
    OUT = 65536
    ERROR, OVER, WANTS, GIVES = range(4)

    def __init__(self):
        self.brotli = ctypes.CDLL("libbrotlidec.so.1")
        self.brotli.BrotliDecoderCreateInstance.restype = ctypes.c_void_p
        self.brotli.BrotliDecoderDecompressStream.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 5
        self.brotli.BrotliDecoderDestroyInstance.argtypes = [ctypes.c_void_p]
        self.state, self.over = self.brotli.BrotliDecoderCreateInstance(None, None, None), False

    def feed(self, data):
        given, out = b"", ctypes.create_string_buffer(self.OUT)
        buffer = ctypes.create_string_buffer(data, len(data))
        left, at = ctypes.c_size_t(len(data)), ctypes.c_void_p(ctypes.addressof(buffer))
        parts = []
        while True:
            room, to = ctypes.c_size_t(self.OUT), ctypes.c_void_p(ctypes.addressof(out))
            r = self.brotli.BrotliDecoderDecompressStream(self.state, ctypes.byref(left), ctypes.byref(at),
                                                           ctypes.byref(room), ctypes.byref(to), None)
            if r == self.ERROR:
                raise ValueError("not brotli")
            parts.append(out.raw[:self.OUT - room.value])
            if r != self.GIVES:
                break
        self.over = r == self.OVER
        if self.over and left.value:
            raise ValueError("bytes behind the end")
        return given.join(parts)

    def __del__(self):
        self.brotli.BrotliDecoderDestroyInstance(self.state)


class Plain:
    over = True

    def feed(self, data):
        return data


def decoder(coding):
    return {"gzip": Gzip, "br": Brotli, None: Plain}[coding]()


def decode(coding, data):
    """All of it, which has to be whole."""
    d = decoder(coding)
    text = d.feed(data)
    if not d.over:
        raise ValueError("its end is missing")
    return text
