/* SPDX-License-Identifier: MIT */
/*
 * What a competitor keeps of a service, completed by asking it: the public keys, once, and the
 * proofs that a log only grew. Everything there is to say about a failure stands on stderr then.
 */
#pragma once

#include "client/keyring.h"
#include "client/service.h"

/* The keys near receipts in `folder`; what is missing comes from the service. An exit code. */
MUST_CHECK int follow_keys(struct keyring *keyring, struct service *service, const char *folder);

/* Holds a checkpoint against those seen of its log, and remembers it where the service proves that
 * it continues them. An exit code: EXIT_INVALID for a log with two histories. */
MUST_CHECK int follow_log(struct service *service, const struct keyring *keyring,
                          const struct sighting *sighting);
