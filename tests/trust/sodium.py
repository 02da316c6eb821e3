# SPDX-License-Identifier: MIT
"""Opens a SCORESEAL1 container with the organizer's key file, by libsodium's functions alone
(docs/FORMATS.md), for the tests beside this file."""
import ctypes
import ctypes.util

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))
SODIUM.sodium_init()
CHUNK = 65536 + 17
HEADER, STATE = 24, 52


def call(function, *arguments):
    if getattr(SODIUM, function)(*arguments) != 0:
        raise ValueError(function)


def size(number):
    return ctypes.c_ulonglong(number)


def seal_pair(master):
    """The X25519 pair of a key file of 32 bytes."""
    secret, public = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    call("crypto_kdf_derive_from_key", secret, ctypes.c_size_t(32), ctypes.c_uint64(5), b"ScoreSig", master)
    call("crypto_scalarmult_curve25519_base", public, secret)
    return public.raw, secret.raw


def unseal(sealed, master):
    """What is in a container."""
    public, secret = seal_pair(master)
    assert sealed.startswith(b"SCORESEAL1\n")
    at = 12
    key = ctypes.create_string_buffer(32)
    for _ in range(sealed[11]):
        if sealed[at:at + 32] == public:
            call("crypto_box_seal_open", key, sealed[at + 32:at + 112], size(80), public, secret)
        at += 112
    state = ctypes.create_string_buffer(STATE)
    start = at + HEADER
    call("crypto_secretstream_xchacha20poly1305_init_pull", state, sealed[at:start], key)
    head = ctypes.create_string_buffer(32)
    call("crypto_generichash", head, ctypes.c_size_t(32), sealed[:start], size(start), None, ctypes.c_size_t(0))
    more, plain = head.raw, b""
    for first in range(start, len(sealed), CHUNK):
        chunk = sealed[first:first + CHUNK]
        out, n, tag = ctypes.create_string_buffer(CHUNK), ctypes.c_ulonglong(), ctypes.c_ubyte()
        call("crypto_secretstream_xchacha20poly1305_pull", state, out, ctypes.byref(n), ctypes.byref(tag), chunk,
             size(len(chunk)), more, size(len(more)))
        plain += out.raw[:n.value]
        more = b""
    return plain
