/* SPDX-License-Identifier: MIT */
/*
 * A second signature over the same entry, in OpenSSH's file signature format, so that
 * `ssh-keygen -Y verify`, which is on most machines already, accepts it. Namespace
 * assay-receipt@v1, Ed25519 over SHA-512: deterministic, as the receipt is.
 *
 * Source: openssh-portable, PROTOCOL.sshsig
 */
#pragma once

#include "common/crypt.h"

#define SSHSIG_NAMESPACE "assay-receipt@v1"

enum {
    SSHSIG_SIZE = 512,        /* room for the armoured signature, with its NUL */
    SSHSIG_SIGNER_SIZE = 256, /* of a line for allowed_signers */
    SSHSIG_KEY_TEXT_SIZE = CRYPT_BASE64_SIZE(51),
};

/* Writes the armoured signature of an entry, NUL-terminated. */
void sshsig_sign(char text[static SSHSIG_SIZE], const void *entry, size_t size,
                 const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                 const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES]);

/*
 * Checks an armoured signature: the exact bytes that sshsig_sign writes.
 *
 * Errors   ERR_INPUT  the signature, the entry, the key or the form of the file is wrong
 */
MUST_CHECK bool sshsig_check(const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                             const void *entry, size_t entry_size, const void *text,
                             size_t text_size, struct err *err);

/* Writes the public key as OpenSSH spells it behind "ssh-ed25519 ". */
void sshsig_key_text(char base64[static SSHSIG_KEY_TEXT_SIZE],
                     const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);

/* Writes the line of an allowed_signers file: principal, namespace, key, and LF. */
void sshsig_signer(char line[static SSHSIG_SIGNER_SIZE], const char *principal,
                   const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES]);

/*
 * Reads the key of the first line of an allowed_signers file that sshsig_signer wrote.
 *
 * Errors   ERR_INPUT
 */
MUST_CHECK bool sshsig_signer_read(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                                   const void *text, size_t size, struct err *err);
